"""Kneser-Ney smoothing in dictionaries of tuples, one n-gram at a time, and wrong versions of it.

The parts of the model are arguments of `kneser_ney`, so that each of the MUTANTS is the oracle with one of
them replaced.
"""

from collections import Counter, defaultdict

START = "<s>"


def n_grams(lines, k):
    """All n-grams of order k in lines that begin with the start symbol; none ends with it."""
    for line in lines:
        padded = (START, *line)
        for end in range(max(k, 2), len(padded) + 1):
            yield padded[end - k : end]


def raw(lines, k, order):
    return Counter(n_grams(lines, k))


def continuations(lines, k, order):
    before = defaultdict(set)
    for gram in n_grams(lines, k + 1):
        before[gram[1:]].add(gram[0])
    return {gram: len(tokens) for gram, tokens in before.items()}


def adjusted(lines, k, order):
    counts = raw(lines, k, order)
    if k == order:
        return counts
    different = continuations(lines, k, order)
    return {gram: counts[gram] if gram[0] == START else different[gram] for gram in counts}


def modified(n):
    Y = n[1] / (n[1] + 2 * n[2])
    return [0, 1 - 2 * Y * n[2] / n[1], 2 - 3 * Y * n[3] / n[2], 3 - 4 * Y * n[4] / n[3]]


def plain(n):
    Y = n[1] / (n[1] + 2 * n[2])
    return [0, Y, Y, Y]


def left_over(followers, D, total):
    return sum(D[min(a, 3)] for a in followers.values()) / total


def sum_of_counts(followers):
    return sum(followers.values())


def interpolated(first, gamma, lower):
    return first + gamma * lower


def last_tokens(history, length):
    return history[len(history) - length :]


def history_of(line, i, text):
    """What the token i of a line is predicted from, of that line and of the `text` before it."""
    return (START, *line[:i])


def kneser_ney(
    lines,
    vocabulary,
    order,
    discounts=3,
    counts=adjusted,
    discounts_from=None,
    estimate=None,
    gamma=left_over,
    total=sum_of_counts,
    combine=interpolated,
    context=last_tokens,
    uniform=lambda vocabulary: 1 / len(vocabulary),
    unseen=lambda lower: lower,
):
    """p(w, history) of the lines, each a tuple of tokens whose last one is its end."""
    estimate = estimate or (modified if discounts == 3 else plain)
    tables, D = {}, {}
    for k in range(1, order + 1):
        a = counts(lines, k, order)
        D[k] = estimate(Counter((discounts_from or counts)(lines, k, order).values()))
        tables[k] = defaultdict(dict)
        for gram, count in a.items():
            tables[k][gram[:-1]][gram[-1]] = count

    def p(w, history, k=order):
        if k == 0:
            return uniform(vocabulary)
        lower = p(w, history, k - 1)
        if k - 1 > len(history):
            return lower
        followers = tables[k].get(context(history, k - 1))
        if not followers:
            return unseen(lower)
        a, s = followers.get(w, 0), total(followers)
        return combine((a - D[k][min(a, 3)]) / s, gamma(followers, D[k], s), lower)

    return p


def probabilities(p, lines, history=history_of):
    """p of every token of the lines."""
    return [
        p(w, history(line, i, sum(lines[:number], ())))
        for number, line in enumerate(lines)
        for i, w in enumerate(line)
    ]


# ---------------------------------------------------------------------------- mutants


def starts_continued_once(lines, k, order):
    # n-grams that begin a line have one continuation, not their counts
    return {gram: 1 if gram[0] == START and k < order else a for gram, a in adjusted(lines, k, order).items()}


def top_order_too(lines, k, order):
    return adjusted(lines, k, order + 1)


def tokens_behind(lines, k, order):
    # the number of different tokens behind it
    if k == order:
        return raw(lines, k, order)
    behind = defaultdict(set)
    for gram in n_grams(lines, k + 1):
        behind[gram[:-1]].add(gram[-1])
    return {gram: len(behind[gram]) or 1 for gram in raw(lines, k, order)}


def start_predicted(lines, k, order):
    counts = adjusted(lines, k, order)
    return {**counts, (START,): len(lines)} if k == 1 else counts


def without_end(lines, k, order):
    # n-grams do not reach the end of the line
    return adjusted([line[:-1] for line in lines], k, order) | {
        gram: a for gram, a in adjusted(lines, k, order).items() if k == 1
    }


def with_D(change):
    """Modified discounts, of which one was changed."""
    return {"estimate": lambda n: change(n, modified(n))}


def of_Y(Y):
    """Modified discounts from another Y."""

    def estimate(n):
        y = Y(n)
        return [0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]

    return {"estimate": estimate}


#: Replaced parts of `kneser_ney`.
MUTANTS = {
    # The counts of the lower orders, or of the highest.
    "raw_counts_in_all_orders": {"counts": raw},
    "continuations_in_the_highest_order": {"counts": top_order_too},
    "starts_continued_once": {"counts": starts_continued_once},
    "start_symbol_predicted": {"counts": start_predicted},
    "tokens_behind_counted": {"counts": tokens_behind},
    "end_not_counted": {"counts": without_end},
    "discounts_from_raw_counts": {"discounts_from": raw},
    # The discounts.
    "plain_discounts": {"estimate": plain},
    "no_factor_2_in_Y": of_Y(lambda n: n[1] / (n[1] + n[2])),
    "Y_is_1": of_Y(lambda n: 1),
    "Y_is_its_complement": of_Y(lambda n: 2 * n[2] / (n[1] + 2 * n[2])),
    "D1_is_Y_times_its_own_count": with_D(lambda n, D: [0, 1 - D[1], D[2], D[3]]),
    "D2_is_D1": with_D(lambda n, D: [0, D[1], D[1], D[3]]),
    "D3_is_D2": with_D(lambda n, D: [0, D[1], D[2], D[2]]),
    "D2_lacks_its_factor_3": with_D(lambda n, D: [0, D[1], 2 - (2 - D[2]) / 3, D[3]]),
    "D3_lacks_its_factor_4": with_D(lambda n, D: [0, D[1], D[2], 3 - (3 - D[3]) / 4]),
    "D_of_the_unseen_is_D1": with_D(lambda n, D: [D[1], *D[1:]]),
    "no_discounts": with_D(lambda n, D: [0, 0, 0, 0]),
    # What the discounts leave over, and for whom.
    "gamma_of_one_discount": {"gamma": lambda f, D, s: D[1] * len(f) / s},
    "gamma_without_discounts": {"gamma": lambda f, D, s: len(f) / (s + len(f))},
    "gamma_of_the_singletons": {"gamma": lambda f, D, s: D[1] * sum(a == 1 for a in f.values()) / s},
    "gamma_is_1": {"gamma": lambda f, D, s: 1.0},
    "gamma_by_the_number_of_followers": {"gamma": lambda f, D, s: left_over(f, D, s) * s / len(f)},
    "backed_off": {"combine": lambda first, gamma, lower: first if first > 0 else gamma * lower},
    "total_of_the_followers": {"total": len},
    # The lower orders.
    "first_tokens_of_the_context": {"context": lambda history, length: history[:length]},
    "context_without_its_last_token": {"context": lambda h, length: h[max(0, len(h) - 1 - length) : -1]},
    "unseen_contexts_give_nothing": {"unseen": lambda lower: 0.5 * lower},
    "no_uniform_distribution": {"uniform": lambda vocabulary: 0.0},
    "start_symbol_in_the_vocabulary": {"uniform": lambda vocabulary: 1 / (len(vocabulary) + 1)},
}

#: Wrong histories, for `probabilities`.
HISTORIES = {
    "without_start_symbol": lambda line, i, text: line[:i],
    "across_lines": lambda line, i, text: (START, *text, *line[:i]),
    "one_token_behind": lambda line, i, text: (START, *line[: max(0, i - 1)]),
}
