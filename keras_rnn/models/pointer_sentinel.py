"""A language model that may point back at a word in place of naming one."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import States
from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.layers.output_softmax import as_rows
from keras_rnn.models.language_model import LanguageModel
from keras_rnn.ops.affine import project
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy

#: The logarithm of a share that is zero: finite, so that gradients are numbers.
NEVER = -1e9


@keras.saving.register_keras_serializable("keras_rnn")
class PointerSentinel(LanguageModel):
    """A `LanguageModel` mixed with a pointer to the last words, which says itself how far it is to be asked.

        q[t]             = tanh(h[t] W + b)
        a[t, .], g[t]    = softmax([q[t] . h[i] for i = t - L + 1 .. t], q[t] . s)
        p(w | x[1] .. x[t]) = g[t] p_vocabulary(w | h[t]) + sum of a[t, i] over the i with x[i] = w
        while training the loss is -log p(y) - log(g[t] + sum of a[t, i] over the i with x[i] = y)

    h is what the softmax reads. The sentinel s gets the share of the vocabulary, g; the second part of the
    loss teaches the pointer directly, and is neither in `nll` nor in the metrics. All sums of probabilities
    of targets are taken of logarithms.

    The last L words and their h are carried from batch to batch, with the states of the layers: as these
    without gradient. A fresh sequence has none before it.

    Parameters: n^2 + 2 n more than the language model, for n units of the last layer.

    Weights:
        those of the language model, query_kernel W `(n, n)`, query_bias b `(n,)`, sentinel s `(n,)`.

    Differences from the paper: gradients reach the words of the batch alone, where the paper goes back L
    steps for each word.

    Args:
        *args, **kwargs: those of `LanguageModel`. `softmax` must be a `FullSoftmax`.
        window: L, how many words the pointer sees, the current one among them.

    Call arguments, returns: as `LanguageModel`.

    Raises:
        ValueError: as `LanguageModel`, or if `window` is no positive integer or `softmax` no `FullSoftmax`.

    Source: S. Merity, C. Xiong, J. Bradbury, R. Socher, "Pointer Sentinel Mixture Models", ICLR 2017,
    sections 2.2 to 2.5.

    Example:

    >>> model = PointerSentinel(50, [LSTM(8), LSTM(4)], embedding=4, tie_embeddings=True, window=3)
    >>> model(np.array([[2, 3, 0], [4, 0, 1]])).shape
    TensorShape([2, 3, 50])
    """

    def __init__(self, *args: Any, window: int = 100, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.window = checked_size("window", window)
        if not isinstance(self.softmax, FullSoftmax):
            raise ValueError(
                f"`softmax` must be a keras_rnn.layers.FullSoftmax; received softmax={self.softmax!r}. "
                "Leave it out."
            )

    @property
    def units(self) -> int:
        return self.recurrent_layers[-1].output_size

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        # No autocast: products have the compute dtype, gradients 32 bits.
        own = {"autocast": False}
        self.query_kernel = self.add_weight(name="query_kernel", shape=(self.units, self.units), **own)
        self.query_bias = self.add_weight(name="query_bias", shape=(self.units,), initializer="zeros", **own)
        self.sentinel = self.add_weight(name="sentinel", shape=(self.units,), initializer="zeros", **own)

    def initial_states(self, batch_size: Any) -> States:
        """Those of the layers; h `(batch, L, units)` and x `(batch, L)` of the last words, -1 for none."""
        h = ops.zeros((batch_size, self.window, self.units), self.softmax.output_dtype)
        return [*super().initial_states(batch_size), h, ops.zeros((batch_size, self.window), "int32") - 1]

    def run(self, tokens: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """As `LanguageModel.run`; the features are h, and h and x of all words that can be pointed at."""
        *states, before, words_before = states
        h, states = super().run(tokens, states, training)
        seen = ops.concatenate([before, ops.cast(h, before.dtype)], axis=1)
        words = ops.concatenate([words_before, ops.cast(tokens, "int32")], axis=1)
        return (h, seen, words), [*states, seen[:, -self.window :], words[:, -self.window :]]

    def _shares(self, h: Any, seen: Any, words: Any) -> tuple[Any, Any]:
        """log a `(batch, time, L + time)`, `NEVER` for what is out of sight, and log g `(batch, time)`."""
        dtype = self.softmax.output_dtype
        W, b, s = (ops.convert_to_tensor(w) for w in (self.query_kernel, self.query_bias, self.sentinel))
        q = ops.tanh(project(h, ops.cast(W, h.dtype), ops.cast(b, dtype), dtype))
        z = ops.matmul(q, ops.swapaxes(seen, 1, 2))
        t, i = ops.arange(ops.shape(z)[1])[:, None], ops.arange(ops.shape(z)[2])
        in_window = ops.logical_and(i > t, i <= t + self.window)
        held = ops.logical_and(in_window, ops.expand_dims(words, 1) >= 0)
        z = ops.concatenate([ops.where(held, z, NEVER), ops.matmul(q, ops.cast(s, dtype)[:, None])], axis=-1)
        shares = ops.log_softmax(z, axis=-1)
        return shares[..., :-1], shares[..., -1]

    def log_likelihoods(  # type: ignore[override]
        self, h: Any, training: bool = False, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        """As `LanguageModel.log_likelihoods`, of the mixture, from what `run` gives."""
        h, seen, words = h
        log_a, log_g = self._shares(h, seen, words)
        if targets is None:
            p = ops.matmul(ops.exp(log_a), ops.one_hot(words, self.vocabulary_size, dtype=log_a.dtype))
            pointed = ops.where(p > 0, ops.log(ops.where(p > 0, p, 1.0)), NEVER)
            return ops.logaddexp(log_g[..., None] + super().log_likelihoods(h, training), pointed)
        same = ops.equal(ops.expand_dims(words, 1), ops.expand_dims(ops.cast(targets, "int32"), -1))
        pointed = ops.reshape(ops.logsumexp(ops.where(same, log_a, NEVER), axis=-1), (-1,))
        log_g = ops.reshape(log_g, (-1,))
        w = ops.ones_like(log_g) if sample_weight is None else ops.reshape(sample_weight, (-1,))
        w = ops.cast(w, log_g.dtype)
        total, nll = sliced_cross_entropy(
            as_rows(h)[:, None],
            ops.reshape(targets, (-1,)),
            w,
            self.softmax.matrix(self.embedding.embeddings if self.softmax.tied else None),
            self.softmax.bias,
            log_prior=log_g[:, None],
            log_rest=pointed,
            training=bool(training),
        )
        if training:
            total = total - ops.sum(w * ops.logsumexp(ops.stack([log_g, pointed]), axis=0))
        return total, ops.reshape(nll, ops.shape(targets))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}
