"""Attention, and the recurrent layer that reads a memory, in float64 NumPy; and wrong versions of them.

One row, one query and one position at a time. Weights are dicts with the names that the layers give them;
which of them are there says what the attention does. In one row

    q      (features,)     the query              m  (source, d)   the memory
    n      (source,)       the weights before, summed up           mask  (source,) bool, or None
"""

import numpy as np

from tests.reference import cells

# ---------------------------------------------------------------------------- scores


def normalized(v, g):
    return g * v / np.sqrt(np.sum(v * v))


def bahdanau_with(length=normalized, bias=lambda b: b, inside=lambda n, u: n * u):
    """e[i] = v . tanh(q W_q + m[i] W_m + b + n[i] u)"""

    def score(q, m, n, w):
        v = length(w["score_kernel"], w["scale"]) if "scale" in w else w["score_kernel"]
        e = np.zeros(len(m))
        for i in range(len(m)):
            a = q @ w["query_kernel"] + m[i] @ w["memory_kernel"] + bias(w["bias"])
            if "coverage_kernel" in w:
                a = a + inside(n[i], w["coverage_kernel"])
            e[i] = v @ np.tanh(a)
        return e

    return score


def dot(q, m_i, w):
    return q @ m_i


def scaled_dot(q, m_i, w):
    return q @ m_i / np.sqrt(len(m_i))


def general(q, m_i, w):
    return q @ w["memory_kernel"].T @ m_i  # the W of the paper's h W m


def concat(q, m_i, w):
    return w["score_kernel"] @ np.tanh(q @ w["query_kernel"] + m_i @ w["memory_kernel"])


def luong_with(likeness, scaled=lambda g, e: g * e, covered=lambda e, n, u: e + n * u):
    """g e[i] + n[i] u"""

    def score(q, m, n, w):
        e = np.array([likeness(q, m_i, w) for m_i in m])
        e = scaled(w["scale"], e) if "scale" in w else e
        return covered(e, n, w["coverage_scale"]) if "coverage_scale" in w else e

    return score


def uniform(q, m, n, w):
    return np.zeros(len(m))


bahdanau = bahdanau_with()

# ---------------------------------------------------------------------------- weights and context


def softmax_over(e, mask):
    """Zeros where nothing is left."""
    a = np.zeros(len(e))
    left = [i for i in range(len(e)) if mask is None or mask[i]]
    if left:
        largest = max(e[i] for i in left)
        total = sum(np.exp(e[i] - largest) for i in left)
        for i in left:
            a[i] = np.exp(e[i] - largest) / total
    return a


def context(a, m):
    return sum(a[i] * m[i] for i in range(len(m)))


def attend_with(softmax=softmax_over, read=context, before=lambda n, a_of: n):
    """before(n, a_of): what the score sees of the weights before; a_of(n) are those that n leads to."""

    def attend(score, q, m, n, mask, w):
        a = softmax(score(q, m, before(n, lambda n: softmax(score(q, m, n, w), mask)), w), mask)
        return read(a, m), a

    return attend


attend_once = attend_with()


def of_row(mask, row):
    return None if mask is None else np.asarray(mask, bool)[row]


def attention_with(attend=attend_once, count=lambda n, a: n + a, memory_row=lambda row, rows: row):
    """Contexts and weights of queries (batch, time, features) that follow one another."""

    def run(score, queries, memory, weights, mask=None):
        queries, memory = cells.doubles([queries, memory])
        batch, time, _ = queries.shape
        c, a = np.zeros((batch, time, memory.shape[2])), np.zeros((batch, time, memory.shape[1]))
        for row in range(batch):
            n = np.zeros(memory.shape[1])
            for t in range(time):
                m = memory[memory_row(row, batch)]
                c[row, t], a[row, t] = attend(score, queries[row, t], m, n, of_row(mask, row), weights)
                n = count(n, a[row, t])
        return c, a

    return run


# ---------------------------------------------------------------------------- the recurrent layer


def attentional(h, c, w):
    """tanh([h; c] W_o + b_o), or [h; c] where there is no W_o."""
    both = np.concatenate([h, c])
    return np.tanh(both @ w["attentional_kernel"] + w["attentional_bias"]) if w else both


def attention_rnn_with(
    attend=attend_once,
    count=lambda n, a: n + a,
    readout=attentional,
    joined=lambda x, fed: [x, fed],
    asks_before=lambda h_before, h_new: h_before,
    asks_after=lambda h_before, h_new: h_new,
    feed=lambda o, c: o,
    masked=lambda held, run: held,
):
    """The layer with other parts.

    joined: what the cell reads. asks_before, asks_after: the query, from h[t-1] and h[t] (the h of a step
    that reads no memory, if it is asked before). feed: what is fed to the next step, from o and c.
    masked(held, run): the states after a masked step, from those before it and those of a step.
    """

    def run(
        x,
        memory,
        cell,
        score,
        weights,
        states,
        order="after",
        input_feeding=True,
        mask=None,
        memory_mask=None,
        output_state=0,
    ):
        """
        cell(weights) -> step(x, states)    weights["cell"][0] is its W, and [W; C] is that of [x; fed]
        weights    "cell" (list), "attention" (dict), "readout" (W_o and b_o by name, or {}), "C" (or None)
        states     those of the cell, then o with input feeding, then n with coverage; those that are
                   missing are 0

        Returns o (batch, time, ..), weights (batch, time, source), and the states at the end. A masked
        step holds all states and repeats o and weights, which are 0 before the first step.
        """
        x, memory = cells.doubles([x, memory])
        W, *rest = weights["cell"]
        C = weights["C"]
        step = cell(weights["cell"] if C is None else [np.concatenate([W, C]), *rest])
        own = cell(weights["cell"])
        covers = bool({"coverage_kernel", "coverage_scale"} & set(weights["attention"]))
        count_of_cell = len(own(x[:1, 0], [np.ones((1, s.shape[1])) for s in states])[1])
        outputs, all_weights, ends = [], [], []

        for row in range(len(x)):
            m, m_mask = memory[row], of_row(memory_mask, row)
            given = [s[row] for s in cells.doubles(states)]
            inner, given = given[:count_of_cell], given[count_of_cell:]
            units = len(inner[output_state])
            size = len(readout(np.zeros(units), np.zeros(memory.shape[2]), weights["readout"]))
            o = np.zeros(size)
            if input_feeding and order == "after" and given:
                o = given.pop(0)
            n = given.pop(0) if given else np.zeros(len(m))

            def cell_step(step, x_t, inner):
                h, new = step(x_t[None], [s[None] for s in inner])
                return h[0], [s[0] for s in new]

            shown, a = np.zeros(size), np.zeros(len(m))
            row_outputs, row_weights = [], []
            for t in range(x.shape[1]):
                runs = mask is None or mask[row, t]
                h = inner[output_state]
                if order == "before":
                    q = asks_before(h, cell_step(own, x[row, t], inner)[0])
                    c, new_a = attend(score, q, m, n, m_mask, weights["attention"])
                    h, new = cell_step(step, np.concatenate(joined(x[row, t], c)), inner)
                else:
                    inputs = joined(x[row, t], o) if input_feeding else [x[row, t]]
                    h_before = h
                    h, new = cell_step(step, np.concatenate(inputs), inner)
                    q = asks_after(h_before, h)
                    c, new_a = attend(score, q, m, n, m_mask, weights["attention"])
                new_o = readout(h, c, weights["readout"])
                fed = feed(new_o, c) if order == "after" else new_o
                after = (new, fed, count(n, new_a))
                inner, o, n = after if runs else masked((inner, o, n), after)
                if runs:
                    shown, a = new_o, new_a
                row_outputs.append(shown)
                row_weights.append(a)
            outputs.append(row_outputs)
            all_weights.append(row_weights)
            fed_back = [o] if order == "after" and input_feeding else []
            ends.append([*inner, *fed_back, *([n] if covers else [])])

        return np.array(outputs), np.array(all_weights), [np.array(s) for s in zip(*ends, strict=True)]

    return run


attention = attention_with()
attention_rnn = attention_rnn_with()

# ---------------------------------------------------------------------------- wrong versions


def mask_after_softmax(e, mask):
    a = softmax_over(e, None)
    return a if mask is None else a * mask


def mask_by_zero_scores(e, mask):
    return softmax_over(e if mask is None else e * mask, None)


def uniform_where_nothing_is_left(e, mask):
    return softmax_over(e, None if mask is not None and not np.any(mask) else mask)


#: Wrong for any score; those of masks need one.
ATTEND_MUTANTS = {
    # What is masked takes its share of the sum.
    "mask_after_softmax": attend_with(softmax=mask_after_softmax),
    # A score of 0 is not one of minus infinity.
    "mask_by_zero_scores": attend_with(softmax=mask_by_zero_scores),
    # The mask is not used.
    "mask_ignored": attend_with(softmax=lambda e, mask: softmax_over(e, None)),
    # The mask is read the other way round.
    "mask_inverted": attend_with(softmax=lambda e, mask: softmax_over(e, None if mask is None else ~mask)),
    # A row with nothing to read reads its padding.
    "nothing_left_reads_all": attend_with(softmax=uniform_where_nothing_is_left),
    # Positions stand the other way round.
    "positions_reversed": attend_with(read=lambda a, m: context(a, m[::-1])),
    # The mean in place of the weighted sum.
    "context_is_the_mean": attend_with(read=lambda a, m: np.mean(m, axis=0)),
}
#: Wrong with coverage.
COVERAGE_MUTANTS = {
    # The sum has the weights of this query in it, too.
    "coverage_with_the_current_weights": {"attend": attend_with(before=lambda n, a_of: n + a_of(n))},
    # Only the last weights.
    "coverage_not_summed": {"count": lambda n, a: a},
    # Nothing is ever counted.
    "coverage_not_counted": {"count": lambda n, a: n},
    # No score sees it.
    "coverage_not_used": {"attend": attend_with(before=lambda n, a_of: 0.0 * n)},
}
BAHDANAU_MUTANTS = {
    # With `normalize`.
    "v_not_normalized": bahdanau_with(length=lambda v, g: g * v),
    "length_forgotten": bahdanau_with(length=lambda v, g: v / np.sqrt(np.sum(v * v))),
    "norm_not_rooted": bahdanau_with(length=lambda v, g: g * v / np.sum(v * v)),
    "bias_missing": bahdanau_with(bias=lambda b: 0.0 * b),
    # With coverage.
    "coverage_subtracted": bahdanau_with(inside=lambda n, u: -n * u),
}
LUONG_MUTANTS = {
    # With `scale` and coverage.
    "scale_forgotten": lambda likeness: luong_with(likeness, scaled=lambda g, e: e),
    "scale_divides": lambda likeness: luong_with(likeness, scaled=lambda g, e: e / g),
    "scale_on_coverage": lambda likeness: luong_with(
        likeness, scaled=lambda g, e: g * e, covered=lambda e, n, u: e + 2.0 * n * u
    ),
    "coverage_subtracted": lambda likeness: luong_with(likeness, covered=lambda e, n, u: e - n * u),
}
LIKENESS_MUTANTS = {
    # Divided by d, and by nothing.
    "scaled_by_d": (scaled_dot, lambda q, m_i, w: q @ m_i / len(m_i)),
    "not_scaled": (scaled_dot, dot),
    "general_without_w": (general, lambda q, m_i, w: q @ np.eye(len(q), len(m_i)) @ m_i),
    "concat_without_tanh": (
        concat,
        lambda q, m_i, w: w["score_kernel"] @ (q @ w["query_kernel"] + m_i @ w["memory_kernel"]),
    ),
}
#: Each with the orders that it shows in.
RNN_MUTANTS = {
    # The state that the step gives asks, and not the one that it began with.
    "query_is_the_new_h": ({"asks_before": lambda h_before, h_new: h_new}, {"before"}),
    "query_is_the_old_h": ({"asks_after": lambda h_before, h_new: h_before}, {"after"}),
    # [c; h] W_o
    "readout_of_c_before_h": (
        {"readout": lambda h, c, w: attentional(c, h, w) if w else np.concatenate([c, h])},
        {"before", "after"},
    ),
    "tanh_missing": (
        {
            "readout": lambda h, c, w: (
                np.concatenate([h, c]) @ w["attentional_kernel"] + w["attentional_bias"]
                if w
                else np.tanh(np.concatenate([h, c]))
            )
        },
        {"before", "after"},
    ),
    # [c; x] W
    "fed_before_x": ({"joined": lambda x, fed: [fed, x]}, {"before", "fed"}),
    # The cell reads nothing but its input.
    "nothing_fed": ({"joined": lambda x, fed: [x, 0.0 * fed]}, {"before", "fed"}),
    # What is fed is the context as it is, and not what is made of it and h.
    "output_fed_twice": ({"feed": lambda o, c: 2.0 * o}, {"fed"}),
    # A masked step is one like others for the states.
    "masked_steps_run": ({"masked": lambda held, run: run}, {"before", "after"}),
    # A masked step leaves the cell alone, and o and n not.
    "masked_steps_hold_the_cell_alone": (
        {"masked": lambda held, run: (held[0], *run[1:])},
        {"fed", "coverage"},
    ),
}
