"""The shell around a core that maps ids to ids: sentences into `fit`, and sentences out of `translate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets.batching import pad, sorted_token_batches
from keras_rnn.datasets.parallel_text import ParallelText
from keras_rnn.models.compiled_search import CompiledSearch
from keras_rnn.models.inputs import as_texts, is_dataset, is_text
from keras_rnn.models.pair_batches import PairBatches
from keras_rnn.models.sentence_rows import (
    LONGEST,
    sentence_batches,
    source_rows,
    target_rows,
    warn_of_unknown,
)
from keras_rnn.models.translation import Translation, check_search, read_hypotheses
from keras_rnn.subwords import SubwordTokenizer

#: Cells of a batch of sentences that are translated together, each of them `beam_size` times.
TOKENS = 2000
DECODING = {"beam_size": 5, "length_penalty": 1.0, "coverage_penalty": 0.0}

# Here, for the tokenizer itself runs without Keras.
keras.saving.register_keras_serializable("keras_rnn")(SubwordTokenizer)


class TranslationModel(keras.Model):
    """Abstract: a `keras.Model` from ids to ids which, given tokenizers, takes and gives sentences.

    Args:
        source_tokenizer, target_tokenizer: each a `keras_rnn.subwords.SubwordTokenizer`; of a joint
            vocabulary the same one. Without them the model reads and writes ids alone.
        decoding: `beam_size`, `length_penalty` and `coverage_penalty`, which `translations` and an exported
            model take where nothing else is asked for. Default: 5, 1.0 and 0.0.
    """

    def __init__(
        self,
        source_tokenizer: SubwordTokenizer | None = None,
        target_tokenizer: SubwordTokenizer | None = None,
        decoding: Mapping[str, Any] = DECODING,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_tokenizer: Any = source_tokenizer
        self.target_tokenizer: Any = target_tokenizer
        self.decoding = {**DECODING, **decoding}

    def fit(
        self,
        x: Any = None,
        batch_size: int = 64,
        *,
        tokens: int | None = None,
        sampling: float = 0.0,
        validation_data: Any = None,
        seed: int = 0,
        epochs: int = 1,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> Any:
        """Trains on sentence pairs. As `keras.Model.fit` otherwise.

        Of a sentence of more than 511 pieces, on either side, the first 511 are read, with a warning.

        Args:
            x: a `keras_rnn.datasets.ParallelText`, or a `tf.data.Dataset` of batches `(source, target)` of
                ids.
            batch_size: pairs in a batch; or
            tokens: the most cells of a batch, padding included.
            sampling: of the pieces that each epoch reads: see `keras_rnn.subwords.SubwordTokenizer.encode`.
                With it goes no `tokens`, for the number of batches must be known.
            validation_data: as `x`.
            seed: decides the batches of each epoch, together with the number of the epoch.
        """
        if validation_data is not None:
            validation_data = self._batches("validation_data", validation_data, batch_size)
        if sampling and tokens is not None:
            raise ValueError(
                f"`sampling` goes with `batch_size` alone; received sampling={sampling} and tokens={tokens}."
            )
        shuffled = {"shuffle": True, "seed": seed, "first_epoch": initial_epoch, "epochs": epochs}
        return super().fit(
            self._batches("x", x, batch_size, sampling, tokens=tokens, **shuffled),
            validation_data=validation_data,
            initial_epoch=initial_epoch,
            epochs=epochs,
            **{"shuffle": False, **kwargs},
        )

    def evaluate(self, x: Any = None, batch_size: int = 64, **kwargs: Any) -> Any:
        """Loss, perplexity and token accuracy of sentence pairs, the true words before each given."""
        return super().evaluate(self._batches("x", x, batch_size), **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """Of sentences what `translate` gives, with its arguments; of ids as `keras.Model.predict`.

        How many sentences are translated together follows from their lengths, not from `batch_size`.
        """
        if is_text(x, self.source_tokenizer is not None):
            return self.translate(x, **kwargs)
        return super().predict(x, batch_size, **kwargs)

    def translate(self, texts: Sequence[str], **settings: Any) -> list[str]:
        """The best translation of each sentence; for the arguments see `translations`."""
        return [best.text for best, *_ in self.translations(texts, **settings)]

    def translations(
        self,
        texts: Sequence[str],
        beam_size: int | None = None,
        length_penalty: float | None = None,
        coverage_penalty: float | None = None,
        n_best: int = 1,
        max_length: int | None = None,
        verbose: int = 0,
    ) -> list[list[Translation]]:
        """The best translations of each sentence, with their scores and attention.

        Args:
            texts: sentences. One of white space alone becomes an empty one, with score 0; of one of more than
                511 pieces the first 511 are read, with a warning. Each run of characters that the vocabulary
                lacks is read as one unknown piece, and what stands around it is translated. Of a sentence
                that has nothing else the translation is made up, with a warning.
            beam_size: hypotheses that live at a time; 1 takes the most probable piece each time, and has no
                penalties.
            length_penalty, coverage_penalty: see `keras_rnn.ops.beam_search`. Of these three the default is
                that of the model's `decoding`.
            n_best: how many translations of each sentence, at most `beam_size`.
            max_length: the most pieces of one. Default: twice those of the sentence, and 10 more.
            verbose: 1 shows a progress bar.

        Returns:
            Of each sentence the best first; with fewer than `n_best` where no more are possible.

        Raises:
            ValueError: if the model has no tokenizers, or a number is out of its range.
        """
        self._require_tokenizers()
        texts = as_texts(texts, "texts")
        given = {
            "beam_size": beam_size,
            "length_penalty": length_penalty,
            "coverage_penalty": coverage_penalty,
        }
        search: dict[str, Any] = {k: self.decoding[k] if v is None else v for k, v in given.items()}
        check_search(n_best=n_best, max_length=max_length, **search)
        rows = self.encode_source(texts)
        warn_of_unknown(self.source_tokenizer, rows)
        nothing = Translation("", 0.0, [], [], None)
        found: list[list[Translation]] = [[nothing] if len(row) == 1 else [] for row in rows]
        wanted = [k for k, own in enumerate(found) if not own]
        batches = sorted_token_batches([len(rows[k]) for k in wanted], TOKENS)
        progress = keras.utils.Progbar(len(wanted), verbose=verbose)
        for batch in batches:
            chosen = [wanted[k] for k in batch]
            source = [rows[k] for k in chosen]
            longest = [max_length or 2 * len(row) + 10 for row in source]
            hypotheses = self._search(pad(source), longest, n_best, **search)
            read = read_hypotheses(hypotheses, source, self.source_tokenizer, self.target_tokenizer)
            for k, own in zip(chosen, read):
                found[k] = own
            progress.add(len(chosen))
        return found

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Writes a model for serving. As `keras.Model.export`; with tokenizers it takes sentences.

        Its `serving_default` takes a `(batch,)` string tensor named `text`; see `keras_rnn.export`.
        """
        if self.source_tokenizer is None or format != "tf_saved_model":
            super().export(filepath, format, **kwargs)
            return
        from keras_rnn.export import export_translation_model

        export_translation_model(self, filepath, LONGEST, **kwargs)

    def encode_source(self, texts: Sequence[str], **sampling: Any) -> list[np.ndarray]:
        """Ids of sentences as the encoder reads them, each with its end."""
        return source_rows(self.source_tokenizer, texts, **sampling)

    def encode_target(self, texts: Sequence[str], **sampling: Any) -> list[np.ndarray]:
        """Ids of sentences as the decoder learns them, with start and end."""
        return target_rows(self.target_tokenizer, texts, **sampling)

    @cached_property
    def _search(self) -> CompiledSearch:
        return CompiledSearch(self)

    def _batches(
        self, name: str, x: Any, batch_size: int, sampling: float = 0.0, seed: int = 0, **options: Any
    ) -> Any:
        if not self.built:
            self.build()
        if isinstance(x, ParallelText):
            self._require_tokenizers()
            own = (self.encode_source, self.encode_target, batch_size, sampling, seed)
            return sentence_batches(x, *own, **options).for_keras()
        if sampling:
            raise TypeError(
                f"`x` must be a keras_rnn.datasets.ParallelText with sampling={sampling}, for each epoch "
                f"cuts its sentences anew; received {type(x).__name__}."
            )
        if isinstance(x, PairBatches):
            return x.for_keras()
        if is_dataset(x):
            return x
        raise TypeError(
            f"`{name}` must be a keras_rnn.datasets.ParallelText; received {type(x).__name__}. "
            "Make one: ParallelText(sources, targets)."
        )

    def get_config(self) -> dict[str, Any]:
        tokenizers = {"source_tokenizer": self.source_tokenizer, "target_tokenizer": self.target_tokenizer}
        return {
            **super().get_config(),
            "decoding": dict(self.decoding),
            **{name: keras.saving.serialize_keras_object(own) for name, own in tokenizers.items() if own},
        }

    def _require_tokenizers(self) -> None:
        if self.source_tokenizer is None or self.target_tokenizer is None:
            raise ValueError(
                f"`{self.name}` has no tokenizers and takes ids; received sentences. Set its "
                "`source_tokenizer` and `target_tokenizer` to keras_rnn.subwords.SubwordTokenizer objects."
            )
