"""The shell around a core that maps ids to numbers: raw text into `fit`, `evaluate`, `predict`, `export`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_rnn.models.inputs import as_targets, as_texts, as_tuple, is_dataset, is_text
from keras_rnn.models.text_batches import TextBatches
from keras_rnn.text import WordTokenizer


class TextModel(keras.Model):
    """Abstract: a `keras.Model` on integer ids which, given a `tokenizer`, also takes raw text.

    `fit`, `evaluate` and `predict` accept, besides what Keras accepts, a list or array of strings, a string
    tensor, and a `tf.data.Dataset` whose first component is batches of strings. Texts are encoded once,
    batched with others of like length and padded; results of `predict` come in the order of the texts.
    """

    def __init__(self, tokenizer: WordTokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tokenizer: Any = tokenizer

    def check_targets(self, y: np.ndarray) -> None:
        """Raises TypeError or ValueError if labels do not fit the model."""

    def prepare_targets(self, y: Any) -> np.ndarray:
        """Labels as the array that the loss takes."""
        y = np.asarray(y)
        self.check_targets(y)
        return y

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        sample_weight: Any = None,
        seed: int = 0,
        drop_remainder: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Trains the model. As `keras.Model.fit`, and `x` may be raw text.

        Args:
            seed: with raw text: decides the batches of each epoch, together with the number of the epoch.
            drop_remainder: with raw text: leave out the texts that fill no whole batch, others in each epoch.
            x, y, batch_size, validation_split, validation_data, shuffle, initial_epoch, sample_weight: as in
                Keras. The other arguments, too.
        """
        batch_size = 32 if batch_size is None else batch_size
        if validation_data is not None:
            validation_data = self._for_keras(batch_size, *as_tuple(validation_data))
        if self._is_text(x):
            texts = as_texts(x)
            y, weights = as_targets(texts, y, sample_weight)
            if validation_split and validation_data is None:
                cut = len(texts) - round(len(texts) * validation_split)
                if not 0 < cut <= len(texts):
                    raise ValueError(
                        "`validation_split` must be a share in [0, 1) that leaves a text to train on; "
                        f"received validation_split={validation_split} of {len(texts)} texts."
                    )
                held = None if weights is None else weights[cut:]
                if cut < len(texts):
                    validation_data = self._for_keras(batch_size, texts[cut:], y[cut:], held)
                texts, y, weights = texts[:cut], y[:cut], None if weights is None else weights[:cut]
            x = self._batches(
                texts, y, weights, batch_size, shuffle, seed, initial_epoch, drop_remainder
            ).for_keras()
            y = sample_weight = batch_size = None
            validation_split = 0.0
        elif is_dataset(x):
            x, batch_size = self._encode_dataset(x), None
        elif y is not None:
            self.check_targets(np.asarray(y))
        return super().fit(
            x,
            y,
            batch_size,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle and batch_size is not None,
            initial_epoch=initial_epoch,
            sample_weight=sample_weight,
            **kwargs,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics. As `keras.Model.evaluate`, and `x` may be raw text."""
        if self._is_text(x) or is_dataset(x):
            dataset = self._for_keras(64 if batch_size is None else batch_size, x, y, sample_weight)
            return super().evaluate(dataset, **kwargs)
        if y is not None:
            self.check_targets(np.asarray(y))
        return super().evaluate(x, y, batch_size, sample_weight=sample_weight, **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """Outputs, in the order of the texts. As `keras.Model.predict`, and `x` may be raw text."""
        if is_dataset(x):
            return super().predict(self._encode_dataset(x), **kwargs)
        if not self._is_text(x):
            return super().predict(x, batch_size, **kwargs)
        batches = self._batches(as_texts(x), None, None, 64 if batch_size is None else batch_size)
        sorted_outputs = super().predict(batches.for_keras(), **kwargs)
        outputs = np.empty_like(sorted_outputs)
        outputs[batches.order] = sorted_outputs
        return outputs

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Writes a model for serving. As `keras.Model.export`; with a tokenizer the SavedModel takes text.

        Its `serving_default` takes a `(batch,)` string tensor named `text`; see `keras_rnn.export`.
        """
        if self.tokenizer is None or format != "tf_saved_model":
            super().export(filepath, format, **kwargs)
            return
        from keras_rnn.export import export_text_model

        export_text_model(self, filepath, **kwargs)

    def serve(self, outputs: Any) -> dict[str, Any]:
        """Names the outputs of the core for an exported model; the names become those of the signature."""
        return {"output": outputs}

    def _batches(
        self,
        texts: list[str],
        y: Any,
        weights: Any,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        first_epoch: int = 0,
        drop_remainder: bool = False,
    ) -> TextBatches:
        require_tokenizer(self)
        targets = [] if y is None else [self.prepare_targets(y)]
        targets += [] if weights is None else [weights]
        rows = self.tokenizer.encode(texts)
        return TextBatches(rows, targets, batch_size, shuffle, seed, first_epoch, drop_remainder)

    def _for_keras(self, batch_size: int, x: Any, y: Any = None, weights: Any = None) -> Any:
        if self._is_text(x):
            texts = as_texts(x)
            return self._batches(texts, *as_targets(texts, y, weights), batch_size).for_keras()
        if is_dataset(x):
            return self._encode_dataset(x)
        if y is None:
            return x
        self.check_targets(np.asarray(y))
        return (x, y) if weights is None else (x, y, weights)

    def _encode_dataset(self, dataset: Any) -> Any:
        """A dataset of text batches becomes one of id batches; any other passes unchanged."""
        import tensorflow as tf

        spec = dataset.element_spec
        first = spec[0] if isinstance(spec, tuple) else spec
        if getattr(first, "dtype", None) != tf.string:
            return dataset
        require_tokenizer(self)
        if first.shape.rank != 1:
            raise ValueError(
                f"A dataset of texts must be batched, with texts of shape (batch,); received {first}. "
                "Call `.batch(batch_size)` on it."
            )
        self.tokenizer.lookup_table()  # made here, outside the graph of `map`

        def encode(*element: Any) -> Any:
            ids = self.tokenizer.encode_in_graph(element[0])
            return (ids, *element[1:]) if len(element) > 1 else ids

        return dataset.map(encode, num_parallel_calls=2).prefetch(2)

    def _is_text(self, x: Any) -> bool:
        return is_text(x, takes_text=self.tokenizer is not None)


def require_tokenizer(model: Any) -> None:
    """Raises ValueError, with the way out, if the model cannot take text."""
    if model.tokenizer is None:
        raise ValueError(
            f"`{model.name}` has no tokenizer and takes ids (batch, time); received text. "
            "Give the model a `tokenizer=WordTokenizer(...)`."
        )
