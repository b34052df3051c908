"""The translator of the zoo as it is written in torch: a loop over steps, and a batched beam search.

What no step waits for stands outside the loop: the embedding's part of the gates, the projection of the
memory, the attentional layer and the softmax. So do, in a beam, the memory and its projection: the hypotheses
of a sentence share them.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from keras_rnn.datasets.batching import pad, sorted_token_batches
from keras_rnn.subwords import END, START
from keras_rnn.text import PADDING

INFINITY = float("inf")
#: Of Adam: Keras and torch add it to numbers of another scale, so that it has to be without effect.
EPSILON = 1e-12
#: Cells of a batch of sentences. 500 and 4,000, as `SequenceToSequence.translate` has it, were slower.
CELLS = 1000


class Memory(NamedTuple):
    values: Any  # m (batch, source, d)
    keys: Any  # m W_m + b (batch, 1, source, units)
    mask: Any  # 0, or -inf where there is nothing to read (batch, 1, source)
    v: Any  # g v / |v| (units,)

    def rows(self, chosen):
        return Memory(self.values[chosen], self.keys[chosen], self.mask[chosen], self.v)


class Translator(nn.Module):
    """`keras_rnn.models.SequenceToSequence` with one bidirectional GRU, a GRU, and additive attention before
    its step; one embedding of both languages, which is the matrix of the softmax.

    Args:
        vocabulary_size: of both.
        core: `[model]` of the recipe.
    """

    def __init__(self, vocabulary_size, core):
        super().__init__()
        of_encoder, units = core.encoder[0]["units"], core.decoder[0]["units"]
        d, of_attention = 2 * of_encoder, core.attention["units"]
        self.embedding = nn.Embedding(vocabulary_size, core.embedding_dimension)
        self.encoder = nn.GRU(core.embedding_dimension, of_encoder, bidirectional=True)
        self.bridge = nn.Linear(d, units)
        self.inputs = nn.Linear(core.embedding_dimension, 3 * units)
        self.context = nn.Linear(d, 3 * units, bias=False)
        self.recurrent = nn.Linear(units, 3 * units)
        self.query = nn.Linear(units, of_attention, bias=False)
        self.keys = nn.Linear(d, of_attention)
        self.v = nn.Parameter(torch.randn(of_attention))
        self.g = nn.Parameter(torch.ones(()))
        self.readout = nn.Linear(units + d, core.attentional_units)
        self.softmax_bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.drop_embedding = nn.Dropout(core.embedding_dropout)
        self.drop_hidden = nn.Dropout(core.hidden_dropout)
        self.drop_output = nn.Dropout(core.output_dropout)
        self.label_smoothing = core.label_smoothing

    def encode(self, source):
        """`(memory, h)` of ids `(batch, source)`."""
        mask = source != PADDING
        x = self.drop_embedding(self.embedding(source.T))
        x = nn.utils.rnn.pack_padded_sequence(x, mask.sum(1), enforce_sorted=False)
        m, last = self.encoder(x)
        m = self.drop_hidden(nn.utils.rnn.pad_packed_sequence(m, batch_first=True)[0])
        nothing = torch.zeros(mask.shape).masked_fill(~mask, -INFINITY)
        v = self.g * self.v / self.v.norm()
        h = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))
        return Memory(m, self.keys(m)[:, None], nothing[:, None], v), h

    def step(self, x, h, memory):
        """`(h, c)` from x, projected for the gates; h may have several rows for each of the memory."""
        q = self.query(h).view(len(memory.values), -1, 1, memory.v.shape[0])
        a = torch.softmax(torch.tanh(memory.keys + q) @ memory.v + memory.mask, dim=-1)
        c = torch.bmm(a, memory.values).flatten(0, 1)
        # The function of nn.GRUCell; the bias has a row for each row of h, which is x.
        h = torch.gru_cell(c, h, self.context.weight, self.recurrent.weight, x, self.recurrent.bias)
        return h, c

    def logits(self, h, c):
        o = self.drop_output(torch.tanh(self.readout(torch.cat([h, c], dim=-1))))
        return F.linear(o, self.embedding.weight, self.softmax_bias)

    def forward(self, source, target):
        """The loss: a mean over the tokens of the target, padding left out before the softmax."""
        memory, h = self.encode(source)
        hs, cs = [], []
        for x in self.inputs(self.drop_embedding(self.embedding(target[:, :-1].T))).unbind(0):
            h, c = self.step(x, h, memory)
            hs.append(h)
            cs.append(c)
        y = target[:, 1:].T
        counts = y != PADDING
        z = self.logits(torch.stack(hs)[counts], torch.stack(cs)[counts])
        return F.cross_entropy(z.float(), y[counts], label_smoothing=self.label_smoothing)


def copied(model, core):
    """The Translator with the weights of a `SequenceToSequence`; exits if it is not of this kind."""
    encoder, attends = model.encoder[0], model.decoder.cell
    cell, attention = attends.cell, attends.attention

    def gates(w):
        z, r, h = np.split(np.asarray(w), 3, axis=-1)
        return np.concatenate([r, z, h], axis=-1).T  # torch has r, z, h, and outputs first

    weights = {
        "embedding.weight": model.source_embedding.embeddings,
        "bridge.weight": np.transpose(model.bridge.kernel),
        "bridge.bias": model.bridge.bias,
        "inputs.weight": gates(cell.kernel),
        "inputs.bias": gates(cell.bias[0]),
        "context.weight": gates(attends.context_kernel),
        "recurrent.weight": gates(cell.recurrent_kernel),
        "recurrent.bias": gates(cell.bias[1]),
        "query.weight": np.transpose(attention.query_kernel),
        "keys.weight": np.transpose(attention.memory_kernel),
        "keys.bias": attention.bias,
        "v": attention.score_kernel,
        "g": attention.scale,
        "readout.weight": np.transpose(attends.attentional_kernel),
        "readout.bias": attends.attentional_bias,
        "softmax_bias": model.softmax.bias,
    }
    for end, direction in (("", encoder.forward_layer), ("_reverse", encoder.backward_layer)):
        own = direction.cell
        weights[f"encoder.weight_ih_l0{end}"] = gates(own.kernel)
        weights[f"encoder.weight_hh_l0{end}"] = gates(own.recurrent_kernel)
        weights[f"encoder.bias_ih_l0{end}"] = gates(own.bias[0])
        weights[f"encoder.bias_hh_l0{end}"] = gates(own.bias[1])
    peer = Translator(model.softmax.vocabulary_size, core)
    peer.load_state_dict({name: torch.tensor(np.asarray(w)) for name, w in weights.items()})
    if sum(p.numel() for p in peer.parameters()) != model.count_params():
        raise SystemExit("The model has weights that the one in torch lacks: it is of another kind.")
    return peer


def training_step(peer, training):
    """A function of a batch `(source, target)`: one step with it, by `[training]` of a recipe.

    It returns a function without arguments, which returns the loss before the step.
    """
    parameters = list(peer.parameters())
    optimizer = torch.optim.AdamW(
        parameters, training.learning_rate, eps=EPSILON, weight_decay=training.weight_decay, fused=True
    )

    def of_batch(batch, bfloat16=False):
        source, target = (torch.from_numpy(ids).long() for ids in batch)

        def step():
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                loss = peer(source, target)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, training.clip_norm)
            optimizer.step()
            return loss.item()

        return step

    return of_batch


def translate(peer, model, texts, dropping):
    """`model.translate(texts)` by the peer: same tokenizers, same search, its own batches."""
    peer.eval()
    rows = model.encode_source(texts)
    found = [""] * len(rows)
    for chosen in sorted_token_batches([len(row) for row in rows], CELLS):
        source = torch.from_numpy(pad([rows[k] for k in chosen])).long()
        search = model.decoding["beam_size"], model.decoding["length_penalty"], dropping
        ids = beam_search(peer, source, 2 * (source != PADDING).sum(1) + 10, *search)
        for k, text in zip(chosen, model.target_tokenizer.decode(ids.numpy())):
            found[k] = text
    return found


@torch.inference_mode()
def beam_search(peer, source, limit, beam_size, length_penalty, dropping):
    """The best ids of each row `(batch, time)`, by the search of `keras_rnn.ops.beam_search`.

    All hypotheses of all rows take a step together, what has ended is not continued, and the search stops
    when no row can find a better one. With `dropping` rows of which that is true leave the batch before.
    """
    K, T = beam_size, int(limit.max())
    lp = ((5 + torch.arange(T + 1)) / 6) ** length_penalty
    memory, h = peer.encode(source)
    best, score = torch.zeros((len(source), T), dtype=torch.long), torch.full((len(source),), -INFINITY)
    row = torch.arange(len(source))  # of those that are left
    y, h = torch.full((len(row) * K,), START), h.repeat_interleave(K, dim=0)
    log_p, ids = torch.full((len(row), K), -INFINITY), torch.zeros((len(row), K, T), dtype=torch.long)
    log_p[:, 0] = 0
    for t in range(T):
        h, c = peer.step(peer.inputs(peer.embedding(y)), h, memory)
        more = torch.log_softmax(peer.logits(h, c), dim=-1)
        V = more.shape[-1]
        log_p, place = (log_p.view(-1, 1) + more).view(len(row), K * V).topk(2 * K)
        k, y = place // V, place % V
        ids = ids.gather(1, k[..., None].expand(-1, -1, T))
        ids[:, :, t] = y
        ended = (y == END) | (t + 1 >= limit[row, None])
        found, j = (log_p.masked_fill(~ended, -INFINITY) / lp[t + 1]).max(1)
        better = found > score[row]
        score[row[better]], best[row[better]] = found[better], ids[better, j[better]]

        log_p, rest = log_p.masked_fill(ended, -INFINITY).topk(K)
        k, y = k.gather(1, rest), y.gather(1, rest)
        ids = ids.gather(1, rest[..., None].expand(-1, -1, T))
        h = h[(k + K * torch.arange(len(row))[:, None]).flatten()]
        live = log_p[:, 0] / lp[limit[row]] > score[row]
        if not live.any():
            break
        if dropping and live.float().mean() < 0.9:  # not for one row: the memory is copied
            row, log_p, y, ids, memory = row[live], log_p[live], y[live], ids[live], memory.rows(live)
            h = h.view(len(live), K, -1)[live].flatten(0, 1)
        y = y.flatten()
    return best
