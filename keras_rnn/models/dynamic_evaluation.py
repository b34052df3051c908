"""Dynamic evaluation: a language model goes on learning from the text that it is tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_rnn.datasets.batching import check_at_least
from keras_rnn.datasets.token_stream import TokenStream
from keras_rnn.models.compiled import compiled
from keras_rnn.models.language_model import LanguageModel
from keras_rnn.models.trials import best_first
from keras_rnn.models.value_and_gradients import value_and_gradients


def dynamic_perplexity(
    model: LanguageModel,
    ids: ArrayLike,
    learning_rate: float,
    decay: float = 0.0,
    statistics: Sequence[np.ndarray] | None = None,
    epsilon: float = 2e-5,
    steps: int = 5,
    verbose: int = 0,
) -> dict[str, Any]:
    """The perplexity of a text under a language model that learns from each segment once it is predicted.

    With L the mean negative log likelihood of a segment of `steps` tokens, read on from the states before it,
    and g its gradient, after each segment:

        w = w - learning_rate * g + decay * (trained - w)                        without `statistics`
        w = w - learning_rate * g / (rms + epsilon) + r * (trained - w)          with them
        r = min(decay * rms / mean(rms), 1)

    where rms is the root of the mean square of a weight's gradients over the training text, and mean(rms)
    its mean in each array of weights, and over the arrays. The text is one stream, read from a fresh state
    on; the states are carried from segment to segment, and no gradient goes back beyond its segment. Nothing
    is dropped, and no gradient is clipped.

    The weights that learn are copies: those of the model are never touched. About five sets of
    weights are in memory at a time, with `statistics` eight.

    Args:
        model: a model that was trained.
        ids: one row of ids.
        learning_rate: not negative. With statistics of 100 streams the published code takes 5e-5.
        decay: how fast the weights go back to the trained ones, from 0 and, without `statistics`, up to 1.
            With statistics the published code takes 0.002.
        statistics: what `gradient_statistics` returns.
        epsilon: keeps the division by a small rms in bounds; of no influence without `statistics`.
        steps: tokens of a segment.
        verbose: 1 shows a progress bar.

    Returns:
        `nll`, the mean negative log likelihood in nats, `perplexity`, exp of it, `tokens`, how many were
        predicted, and `settings`, the arguments `learning_rate`, `decay`, `epsilon` and `steps`.

    Raises:
        ValueError: if an argument is out of its range, `statistics` are not those of this model, an id is
            not in the vocabulary, or there are fewer than two.

    Source: B. Krause, E. Kahembwe, I. Murray, S. Renals, "Dynamic Evaluation of Neural Sequence Models", ICML
    2018. The mean of rms is that of their published code, in which each array counts alike.

    Example:

    >>> model, ids = LanguageModel(9, [LSTM(8)], embedding=4), np.tile([3, 1, 4, 1, 5], 20)
    >>> result = dynamic_perplexity(model, ids, learning_rate=0.5)
    >>> result["perplexity"] < model.perplexity(ids)["perplexity"], result["tokens"]
    (True, 99)
    """
    [result] = choose_dynamic(
        model, ids, [learning_rate], [decay], statistics, epsilon, steps=steps, verbose=verbose
    )
    return result


def choose_dynamic(
    model: LanguageModel,
    ids: ArrayLike,
    learning_rates: Sequence[float],
    decays: Sequence[float],
    statistics: Sequence[np.ndarray] | None = None,
    epsilon: float = 2e-5,
    part: int | None = None,
    steps: int = 5,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """`dynamic_perplexity` of all combinations of settings, one after the other.

        [best, *_] = choose_dynamic(model, validation_ids, (3e-5, 5e-5, 1e-4), (1e-3, 3e-3), statistics)
        dynamic_perplexity(model, test_ids, statistics=statistics, **best["settings"])

    Args:
        model: a model that was trained.
        ids: a text that it was not trained on, such as the validation split.
        learning_rates, decays: the settings to try.
        part: how many ids are read, from the first on; default all.
        statistics, epsilon, steps, verbose: as in `dynamic_perplexity`.

    Returns:
        The results, the best first; each as `dynamic_perplexity` returns it. Weights that diverged come last.
    """
    stream = TokenStream(np.asanyarray(ids)[:part], 1, steps, keep_tail=True)
    trained = _weights(model, stream)
    settings = [
        {"learning_rate": learning_rate, "decay": decay, "epsilon": epsilon, "steps": steps}
        for learning_rate, decay in product(learning_rates, decays)
    ]
    _check(trained, settings, statistics)
    learn = compiled(model, _learner(model))
    totals, progress = [], keras.utils.Progbar(len(settings) * len(stream), verbose=verbose)
    for own in settings:
        rates = _rates(trained, statistics, own["learning_rate"], own["decay"], epsilon)
        total, w, states = 0.0, trained, model.initial_states(1)
        for k in range(len(stream)):
            more, states, w = learn(w, trained, *rates, *stream[k], states)
            total += float(more)
            progress.add(1)
        totals.append((own, total))
    return best_first(totals, stream.predicted)


def gradient_statistics(
    model: LanguageModel, stream: TokenStream, batches: int | None = None, verbose: int = 0
) -> list[np.ndarray]:
    """rms, the root of the mean square of each weight's gradients, over the batches of a text.

    The gradients are those of the mean negative log likelihood of a batch, without dropout, the states
    carried from batch to batch.

        statistics = gradient_statistics(model, TokenStream(train_ids, 100, 5))

    Args:
        model: a model that was trained.
        stream: the text it was trained on. The more rows a batch has, the smaller is rms, and the smaller
            the learning rate that goes with it: published ones are of 100 rows and 5 steps.
        batches: how many are read, from the first on; default all.
        verbose: 1 shows a progress bar.

    Returns:
        An array of the shape of each of `model.trainable_weights`, in their order.
    """
    batches = len(stream) if batches is None else min(batches, len(stream))
    check_at_least(1, batches=batches)
    w, states = _weights(model, stream), model.initial_states(stream.batch_size)
    gradients = value_and_gradients(_loss(model))

    def add(squares: Any, *batch: Any) -> tuple[Any, Any]:
        _, (_, states), g = gradients(*batch)
        return [square + ops.square(own) for square, own in zip(squares, g)], states

    add, squares = compiled(model, add), [ops.zeros_like(own) for own in w]
    progress = keras.utils.Progbar(batches, verbose=verbose)
    for k in range(batches):
        tokens, targets, *tail = stream[k]
        counts = tail[0] if tail else np.ones(tokens.shape, "float32")
        squares, states = add(squares, w, tokens, targets, counts, states)
        progress.add(1)
    return [np.sqrt(ops.convert_to_numpy(square) / batches) for square in squares]


def _weights(model: LanguageModel, stream: TokenStream) -> list[Any]:
    """The trained weights, as tensors, of a model that can read the stream."""
    model.prepare(stream)
    return [ops.convert_to_tensor(w) for w in model.trainable_weights]


def _loss(model: LanguageModel) -> Callable[..., Any]:
    """The mean negative log likelihood of a batch under given weights; beside it the sum, and the states."""

    def loss(w: Any, tokens: Any, targets: Any, counts: Any, states: Any) -> tuple[Any, Any]:
        with keras.StatelessScope(state_mapping=list(zip(model.trainable_weights, w))):
            h, states = model.run(tokens, states)
            total, _ = model.log_likelihoods(h, targets=targets, sample_weight=counts)
        return total / ops.cast(ops.sum(counts), total.dtype), (total, states)

    return loss


def _learner(model: LanguageModel) -> Callable[..., Any]:
    """Predicts a segment, and then learns from it: the sum, the states, and the new weights."""
    gradients = value_and_gradients(_loss(model))

    def learn(w: Any, trained: Any, scales: Any, pulls: Any, *segment: Any) -> tuple[Any, Any, Any]:
        _, (total, states), g = gradients(w, *segment)
        w = [own - a * d + r * (far - own) for own, a, d, r, far in zip(w, scales, g, pulls, trained)]
        return total, states, w

    return learn


def _rates(
    trained: list[Any],
    statistics: Sequence[np.ndarray] | None,
    learning_rate: float,
    decay: float,
    epsilon: float,
) -> tuple[list[Any], list[Any]]:
    """What multiplies the gradients, and what multiplies the distances to the trained weights."""
    scales: list[Any] = [learning_rate] * len(trained)
    pulls: list[Any] = [decay] * len(trained)
    if statistics is not None:
        mean = np.mean([np.mean(rms) for rms in statistics])
        scales = [learning_rate / (rms + epsilon) for rms in statistics]
        pulls = [np.minimum(decay / mean * rms, 1.0) for rms in statistics]
    return (
        [ops.convert_to_tensor(a, w.dtype) for a, w in zip(scales, trained)],
        [ops.convert_to_tensor(r, w.dtype) for r, w in zip(pulls, trained)],
    )


def _check(
    trained: list[Any], settings: list[dict[str, Any]], statistics: Sequence[np.ndarray] | None
) -> None:
    for own in settings:
        if not 0 <= own["learning_rate"] < np.inf:
            raise ValueError(
                f"`learning_rate` must be a number from 0 on; received learning_rate={own['learning_rate']}."
            )
        if not 0 <= own["decay"] < np.inf or (statistics is None and own["decay"] > 1):
            raise ValueError(
                "`decay` must be a number from 0 on, and at most 1 without `statistics`; received "
                f"decay={own['decay']}."
            )
        if not 0 < own["epsilon"] < np.inf:
            raise ValueError(f"`epsilon` must be a number above 0; received epsilon={own['epsilon']}.")
    if statistics is None:
        return
    expected, received = ([tuple(x.shape) for x in arrays] for arrays in (trained, statistics))
    if expected != received:
        raise ValueError(
            f"`statistics` must have the shapes of the model's trainable weights, {expected}; received "
            f"{received}. Take those that `gradient_statistics` returns for this model."
        )
