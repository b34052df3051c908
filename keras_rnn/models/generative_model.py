"""A language model with a vocabulary: text in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from keras_rnn.datasets.vocabulary import Vocabulary
from keras_rnn.models.compiled import compiled
from keras_rnn.models.generation import checked_settings, continued, generate_pieces, uniform_numbers
from keras_rnn.models.inputs import as_texts, is_text
from keras_rnn.models.stream_model import StreamModel


class GenerativeModel(StreamModel):
    """Abstract: a `StreamModel` that writes text, and is exported with its vocabulary.

    Args:
        vocabulary: the types of the ids. Without it the model reads and writes ids alone.
        *args, **kwargs: see `StreamModel`.
    """

    def __init__(self, *args: Any, vocabulary: Vocabulary | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vocabulary = Vocabulary(**vocabulary) if isinstance(vocabulary, Mapping) else vocabulary

    @property
    def vocabulary(self) -> Vocabulary | None:
        return self._vocabulary

    @vocabulary.setter
    def vocabulary(self, vocabulary: Vocabulary | None) -> None:
        if vocabulary is not None and len(vocabulary) != self.vocabulary_size:
            raise ValueError(
                f"`vocabulary` must have as many types as the model has ids, {self.vocabulary_size}; "
                f"received {vocabulary}. Take the one that the model was trained with."
            )
        self._vocabulary = vocabulary

    @cached_property
    def compiled_continuation(self) -> Any:
        """`keras_rnn.models.generation.continued` of this model, compiled once for each shape."""
        return compiled(self, partial(continued, self))

    def generate(
        self,
        prompt: Any,
        steps: int,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        forbidden: Sequence[int] = (),
    ) -> Any:
        """Writes on where a prompt ends.

        Of text, the model reads `<eos>` first, as at the beginning of a line.

        Args:
            prompt: a string, which may be empty; several; or ids `(batch, time)`.
            steps: how many ids to write, for each prompt.
            temperature, top_k, top_p: how an id is drawn, see `keras_rnn.ops.sample_logits`.
            seed: an integer. The same one gives the same text on the same backend; with another number of
                prompts another one.
            forbidden: ids that are never drawn, such as that of `<unk>`.

        Returns:
            What follows the prompt: a string, so that `prompt + text` is the whole; a list of them; or ids
            `(batch, steps)`.

        Raises:
            TypeError: if `prompt` is something else.
            ValueError: if a setting is out of its range, an id or a word is not in the vocabulary, or text is
                given to a model without one.
        """
        rows, settings = self._prompts(prompt), self._settings(steps, temperature, top_k, top_p, forbidden)
        u, y = uniform_numbers(steps, len(rows), seed), np.empty((len(rows), steps), np.int32)
        for length in {len(row) for row in rows}:
            same = [k for k, row in enumerate(rows) if len(row) == length]
            ids = np.stack([rows[k] for k in same])
            y[same] = next(generate_pieces(self, ids, u[:, same], steps, settings))
        if isinstance(prompt, str):
            return self._text(rows[0][-1], y[0])
        if is_text(prompt, takes_text=False):
            return [self._text(row[-1], new) for row, new in zip(rows, y)]
        return y

    def generate_pieces(
        self,
        prompt: Any,
        steps: int,
        piece: int = 1,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        forbidden: Sequence[int] = (),
    ) -> Iterator[Any]:
        """What `generate` gives, bit by bit: for a terminal.

        Args:
            prompt: a string, or ids `(batch, time)`.
            piece: how many ids of a row to give at a time.
            steps, temperature, top_k, top_p, seed, forbidden: as of `generate`.

        Returns:
            An iterator over strings, which together are that of `generate`; or over ids `(batch, piece)`.
        """
        if not isinstance(prompt, str) and is_text(prompt, takes_text=False):
            raise TypeError("`prompt` must be one string, or ids; received several. See `generate`.")
        if not (hasattr(piece, "__index__") and piece > 0):
            raise ValueError(f"`piece` must be a positive integer; received piece={piece}.")
        rows, settings = self._prompts(prompt), self._settings(steps, temperature, top_k, top_p, forbidden)
        u = uniform_numbers(steps, len(rows), seed)

        def pieces() -> Iterator[Any]:
            last = rows[0][-1]
            for y in generate_pieces(self, np.stack(rows), u, piece, settings):
                yield self._text(last, y[0]) if isinstance(prompt, str) else y
                last = y[0, -1]

        return pieces()  # what is wrong was told before the first is asked for

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Writes a model for serving. As `keras.Model.export`; with a vocabulary the SavedModel takes text.

        Its endpoints are `score`, which is `serving_default` too, and `generate`; see `keras_rnn.export`.
        """
        if self.vocabulary is None or format != "tf_saved_model":
            super().export(filepath, format, **kwargs)
            return
        from keras_rnn.export import export_language_model

        export_language_model(self, filepath, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.vocabulary is not None:
            config["vocabulary"] = {"types": self.vocabulary.types, "level": self.vocabulary.level}
        return config

    def _settings(
        self, steps: int, temperature: float, top_k: int, top_p: float, forbidden: Sequence[int]
    ) -> tuple[Any, ...]:
        if not (hasattr(steps, "__index__") and steps > 0):
            raise ValueError(f"`steps` must be a positive integer; received steps={steps}.")
        return checked_settings(self.vocabulary_size, temperature, top_k, top_p, forbidden)

    def _prompts(self, prompt: Any) -> list[np.ndarray]:
        """One row of ids for each prompt."""
        texts = [prompt] if isinstance(prompt, str) else prompt
        if is_text(texts, takes_text=False):
            if self.vocabulary is None:
                raise ValueError(
                    f"`{self.name}` has no vocabulary and takes ids (batch, time); received text. Give it "
                    "one: model.vocabulary = corpus.vocabulary."
                )
            begin = [] if self.vocabulary.end is None else [self.vocabulary.end]
            texts = as_texts(texts) if len(texts) else []
            rows = [np.array([*begin, *self.vocabulary.ids(text)], int) for text in texts]
        else:
            ids = np.asarray(prompt)
            if ids.dtype.kind not in "iu" or ids.ndim != 2:
                raise TypeError(
                    f"`prompt` must be a string, several, or integer ids (batch, time); received shape "
                    f"{ids.shape} of {ids.dtype}."
                )
            rows = list(ids)
        if not rows or any(not len(row) for row in rows):
            raise ValueError(
                "`prompt` must hold at least one prompt, and each a token where the vocabulary has no <eos> "
                "to begin with; received none."
            )
        self._check_ids(np.concatenate(rows))
        self._build(len(rows))
        return [row.astype(np.int32) for row in rows]

    def _text(self, last: Any, y: np.ndarray) -> str:
        """The text of ids that follow another one, with what stands between."""
        vocabulary: Any = self.vocabulary
        return vocabulary.text([last, *y])[len(vocabulary.text([last])) :]
