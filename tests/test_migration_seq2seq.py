"""The table of tfa.seq2seq: every name has a row and code, the code runs, and gives the numbers of tfa."""

import doctest
import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "tutorials" / "from_tfa_seq2seq.md").read_text(encoding="utf-8")
# What tensorflow_addons/seq2seq/__init__.py of 0.23 imports.
NAMES = re.findall(
    r"\w+",
    """
AttentionMechanism AttentionWrapper AttentionWrapperState BahdanauAttention BahdanauMonotonicAttention
BaseDecoder BasicDecoder BasicDecoderOutput BeamSearchDecoder BeamSearchDecoderOutput BeamSearchDecoderState
CustomSampler Decoder FinalBeamSearchDecoderOutput GreedyEmbeddingSampler InferenceSampler LuongAttention
LuongMonotonicAttention SampleEmbeddingSampler Sampler ScheduledEmbeddingTrainingSampler
ScheduledOutputTrainingSampler SequenceLoss TrainingSampler dynamic_decode gather_tree gather_tree_from_array
hardmax monotonic_attention safe_cumprod sequence_loss tile_batch
""",
)

BEGINNING, *SECTIONS = re.split(r"^### ", PAGE.partition("\n## The code\n")[2], flags=re.MULTILINE)


def names_of(section):
    return re.findall(r"`(\w+)`", section.partition("\n")[0])


CODE = {name: section for section in SECTIONS for name in names_of(section)}
ROWS = re.findall(r"^\| \[`(\w+)`\]\(#([\w-]+)\) \| (.+?) \|", PAGE, re.MULTILINE)


def examples_of(markdown):
    return "".join(re.findall(r"^```pycon\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL))


def test_every_name_has_a_row_and_code():
    assert [name for name, *_ in ROWS] == sorted(NAMES)
    assert sorted(CODE) == sorted(NAMES)
    for name, anchor, _ in ROWS:
        heading = CODE[name].partition("\n")[0]
        assert anchor == re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-"), "GitHub's anchor"
        assert ">>> " in examples_of(CODE[name])


def test_what_is_not_there_says_so():
    waiting = {name for name, _, ours in ROWS if ours == "not yet"}
    assert waiting == {name for name, section in CODE.items() if "\nNot yet. " in section}
    assert len(waiting) == 4


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: "-".join(names_of(section)))
def test_the_code_runs_and_gives_the_numbers_of_tfa(section):
    keras.utils.set_random_seed(1)
    names = " ".join(names_of(section))
    text = examples_of(BEGINNING) + examples_of(section)
    example = doctest.DocTestParser().get_doctest(text, {}, names, "from_tfa_seq2seq.md", 0)
    said = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=said.append, clear_globs=False)
    assert result.failed == 0, "".join(said)
    CHECKS[names](SimpleNamespace(**example.globs))


# ------------------------------------------------------------- the formulas of tfa, one number at a time


def close(ours, theirs, to=1e-5):
    ours, theirs = np.asarray(ours, "float64"), np.asarray(theirs, "float64")
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < to


def shake(layer):
    """Random weights: what begins as 0 or 1 would hide."""
    random = np.random.default_rng(5)
    layer.set_weights([random.normal(size=w.shape) for w in layer.get_weights()])


def numbers(*weights):
    return [np.asarray(w, "float64") for w in weights]


def softmax(e, mask):
    e = np.where(mask, e, -np.inf)
    e = np.exp(e - e.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attended(n, e):
    """Weights and context as tfa made them, and ours."""
    c, a = n.attention(n.query, n.memory, memory_mask=n.mask, return_weights=True)
    theirs = softmax(e, n.mask)
    close(a, theirs)
    close(c, np.einsum("bs,bsd->bd", theirs, n.memory))


def bahdanau(n):
    shake(n.attention)
    W_q, W_m, b, v, g = numbers(*n.attention.get_weights())
    hidden = np.tanh(n.memory @ W_m + (n.query @ W_q)[:, None] + b)
    attended(n, np.sum(g * v / np.sqrt(np.sum(v**2)) * hidden, axis=-1))


def luong(n):
    shake(n.attention)
    W, g = numbers(*n.attention.get_weights())
    attended(n, g * np.einsum("bq,bsq->bs", n.query, n.memory @ W))


def own_attention(n):
    e = -np.sum((n.memory[:, 2][:, None] - n.memory) ** 2, axis=-1)
    close(n.a, softmax(e, n.mask))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def wrapper(n):
    shake(n.decoder)
    outer, inner = n.decoder.cell, n.decoder.cell.cell
    o, h, c, fed, a = n.decoder(n.x, memory=n.memory, memory_mask=n.mask, return_attention=True)
    W, U, b, W_o, b_o, W_m = numbers(
        np.concatenate([inner.kernel, outer.context_kernel]),
        *(inner.recurrent_kernel, inner.bias, outer.attentional_kernel, outer.attentional_bias),
        outer.attention.memory_kernel,
    )
    state, carry, attention = np.zeros((2, 6)), np.zeros((2, 6)), np.zeros((2, 5))
    for t in range(5):
        z = np.concatenate([n.x[:, t], attention], axis=-1) @ W + state @ U + b
        i, f, g, out = np.split(z, 4, axis=-1)
        carry = sigmoid(f) * carry + sigmoid(i) * np.tanh(g)
        state = sigmoid(out) * np.tanh(carry)
        alignments = softmax(np.einsum("bq,bsq->bs", state, n.memory @ W_m), n.mask)
        context = np.einsum("bs,bsd->bd", alignments, n.memory)
        attention = np.tanh(np.concatenate([state, context], axis=-1) @ W_o + b_o)
        close(a[:, t], alignments)
        close(o[:, t], attention)
    close(h, state)
    close(c, carry)
    close(fed, attention)


def state(n):
    memory = {"memory": n.memory, "memory_mask": n.mask}
    _, *states = n.decoder(n.x[:, :2], initial_state=n.of_encoder, **memory)
    o, *states = n.decoder(n.x[:, 2:], initial_state=states, **memory)
    close(o, n.o[:, 2:])
    for ours, whole in zip(states, n.states):
        close(ours, whole)


def monotonic(n):
    def of_tfa(p, previous):
        source = range(len(p))
        return [p[i] * sum(previous[k] * np.prod(1 - p[k:i]) for k in source if k <= i) for i in source]

    random = np.random.default_rng(3)
    p, previous = random.uniform(size=(2, 7)), random.dirichlet(np.ones(7), size=2)
    close(n.monotonic(p, previous), [of_tfa(*row) for row in zip(p, previous)])
    hard = np.array([[0.0, 1, 0, 1, 1, 0, 1]])
    close(n.monotonic(hard, np.eye(7)[[2]]), np.eye(7)[[3]])  # the first that is chosen, from 2 on
    a = np.eye(7)[[0, 0]]
    choose = np.where(n.mask, sigmoid(np.asarray(n.attention.score(n.query, n.constants))), 0.0)
    for _ in range(3):
        a = np.array([of_tfa(*row) for row in zip(choose, a)])
    close(n.a, a)
    assert (np.asarray(n.a)[1, 4:] == 0).all()


def read_again(n, log_p_of):
    """What greedy wrote is the most probable id behind what it wrote before, all read at once."""
    found, lengths = np.asarray(n.found.ids)[:, 0], np.asarray(n.found.lengths)[:, 0]
    log_p = np.asarray(log_p_of(np.concatenate([[[2], [2]], found[:, :-1]], axis=1)))
    for row in range(2):
        best = log_p[row, : lengths[row]]
        assert best.argmax(axis=-1).tolist() == found[row, : lengths[row]].tolist()
        assert np.isclose(best.max(axis=-1).sum(), np.asarray(n.found.log_p)[row, 0], atol=1e-4)


def plain_decoder(n):
    gru = n.layers.Recurrent(n.cell, return_sequences=True)
    read_again(n, lambda ids: n.softmax(gru(n.embedding(ids), initial_state=[n.query])))


def basic_decoder(n):
    assert np.asarray(n.log_p).shape == (2, 4, 9)
    read_again(n, lambda ids: n.softmax(n.decoder(n.embedding(ids), memory=n.memory, memory_mask=n.mask)))


def hypotheses(n, start, length_penalty=0.0, longest=4):
    """All that there are, the best first: (score, log p, ids)."""
    found = []
    for length in range(1, longest + 1):
        for ids in itertools.product(range(3), repeat=length):
            if 0 not in ids[:-1] and (ids[-1] == 0 or length == longest):
                log_p = sum(np.log(n.p[before, y]) for before, y in zip([start, *ids], ids))
                found.append((log_p / ((5 + length) / 6) ** length_penalty, log_p, list(ids)))
    return sorted(found, reverse=True)


def same_hypotheses(n, row, expected):
    for k, (score, log_p, ids) in enumerate(expected):
        length = int(n.found.lengths[row, k])
        assert np.asarray(n.found.ids)[row, k].tolist() == ids + [0] * (4 - length)
        assert length == len(ids)
        assert np.allclose([n.found.scores[row, k], n.found.log_p[row, k]], [score, log_p], atol=1e-5)


def beam(n):
    same_hypotheses(n, 0, hypotheses(n, 2, length_penalty=1.0)[:2])


def final_output(n):
    for row, start in enumerate([2, 1]):
        same_hypotheses(n, row, hypotheses(n, start)[:3])
        for k in range(3):
            assert n.predicted_ids[row, :, k].tolist() == np.asarray(n.found.ids)[row, k].tolist()


def greedy(n):
    for row, y in enumerate([2, 1]):
        for t in range(int(n.found.lengths[row, 0])):
            y = n.p[y].argmax()
            assert int(n.found.ids[row, 0, t]) == y


def drawn(n):
    """The first id of 1,000 rows: q is p^2, normalized, at temperature 1/2."""
    u = np.tile((np.arange(1000) + 0.5) / 1000, (3, 1))
    found = n.sample(n.step, (), np.full(1000, 2), end=0, max_length=3, u=u, temperature=0.5)
    share = np.bincount(np.asarray(found.ids)[:, 0, 0], minlength=3) / 1000
    assert np.abs(share - n.p[2] ** 2 / np.sum(n.p[2] ** 2)).max() < 2e-3


def tree(n):
    random = np.random.default_rng(2)
    ids, parents = random.integers(0, 9, (6, 2, 4)), random.integers(0, 4, (6, 2, 4))
    beams = np.tile(np.arange(4), (2, 1))
    whole = np.asarray(n.scan(n.back, beams, [ids, parents], reverse=True)[1])
    for row, last in itertools.product(range(2), range(4)):
        place = last
        for t in reversed(range(6)):
            assert whole[t, row, last] == ids[t, row, place]
            place = parents[t, row, place]


def tree_of_attention(n):
    for k in range(3):
        length = int(n.found.lengths[0, k])
        read = [2, *np.asarray(n.found.ids)[0, k, : length - 1]]
        assert np.asarray(n.found.attention)[0, k, :length].argmax(axis=-1).tolist() == read


def tiled(n):
    structure = {"a": np.arange(6).reshape(2, 3), "b": [np.arange(2.0)]}
    for ours, leaf in zip(keras.tree.flatten(n.repeat_rows(structure, 3)), keras.tree.flatten(structure)):
        close(ours, [row for row in leaf for _ in range(3)])


def chosen(n):
    for y in ([2], [1]):
        log_p, theirs = np.asarray(n.without(np.array(y), ())[0]), np.log(n.p[y])
        assert (log_p[:, 1] == -np.inf).all() == (y == [2])
        assert (log_p[:, [0, 2]] == theirs[:, [0, 2]]).all()


def forced(n):
    constants = n.decoder.get_constants(n.memory, n.mask)
    states = n.decoder.first_states(None, constants)
    for t in range(5):
        o, _, states = n.decoder.step(n.x[:, t], states, constants)
        close(n.o[:, t][n.of_target[:, t]], o[n.of_target[:, t]])
    close(n.o[1, 3:], [n.o[1, 2]] * 2)  # of a shorter target the last output stands on


def continuous(n):
    gru = n.layers.Recurrent(n.cell, return_sequences=True)
    y = np.swapaxes(n.y, 0, 1)
    close(y, gru(np.concatenate([n.x[:, :1], y[:, :-1]], axis=1)))


def scheduled(n):
    shake(n.model)
    n.model.scheduled_sampling.assign(0.0)
    plain = np.asarray(n.model(n.pairs)["nll"])
    close(n.model(n.pairs, training=True)["nll"], plain)
    n.model.scheduled_sampling.assign(0.99)
    mixed = np.asarray(n.model(n.pairs, training=True)["nll"])
    close(mixed[:, 0], plain[:, 0])
    assert np.abs(mixed - plain).max() > 1e-3


def scheduled_outputs(n):
    assert 0 < n.own.sum() < n.own.size - 2
    o = np.swapaxes(n.o, 0, 1)
    before = np.concatenate([n.x[:, :1], o[:, :-1]], axis=1)
    read = np.where(np.swapaxes(n.own, 0, 1), before, n.x)
    close(n.decoder(read, memory=n.memory, memory_mask=n.mask), o)


def loss(n):
    log_p = n.logits - np.log(np.exp(n.logits).sum(axis=-1, keepdims=True))
    crossent = np.array(
        [[-log_p[b, t, n.targets[b, t]] * n.weights[b, t] for t in range(5)] for b in range(2)]
    )
    close(n.mean, crossent.sum() / n.weights.sum())
    close(n.mean, crossent.sum() / np.count_nonzero(n.weights))
    close(n.of_rows, crossent.sum(axis=1) / n.weights.sum(axis=1))
    close(n.of_steps, crossent.sum(axis=0) / n.weights.sum(axis=0))
    z = n.o @ np.asarray(n.softmax.kernel).T + np.asarray(n.softmax.bias)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    close(n.of_each, -np.take_along_axis(log_p, n.targets[..., None], axis=-1)[..., 0])


CHECKS = {
    "AttentionMechanism": own_attention,
    "AttentionWrapper": wrapper,
    "AttentionWrapperState": state,
    "BahdanauAttention": bahdanau,
    "LuongAttention": luong,
    "monotonic_attention BahdanauMonotonicAttention LuongMonotonicAttention": monotonic,
    "safe_cumprod": lambda n: close(n.ops.exp(n.ops.cumsum(n.logs, axis=1)), np.cumprod(n.factors, axis=1)),
    "hardmax": lambda n: close(n.ops.one_hot(n.ops.argmax(n.e, axis=-1), 3), np.eye(3)[[1, 0]]),
    "Decoder BaseDecoder dynamic_decode": plain_decoder,
    "BasicDecoder BasicDecoderOutput": basic_decoder,
    "BeamSearchDecoder": beam,
    "FinalBeamSearchDecoderOutput BeamSearchDecoderOutput BeamSearchDecoderState": final_output,
    "gather_tree": tree,
    "gather_tree_from_array": tree_of_attention,
    "tile_batch": tiled,
    "Sampler CustomSampler": chosen,
    "TrainingSampler": forced,
    "GreedyEmbeddingSampler": greedy,
    "SampleEmbeddingSampler": drawn,
    "InferenceSampler": continuous,
    "ScheduledEmbeddingTrainingSampler": scheduled,
    "ScheduledOutputTrainingSampler": scheduled_outputs,
    "sequence_loss SequenceLoss": loss,
}
