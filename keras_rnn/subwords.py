"""Sentences to ids of subwords and back: the same in Python, without TensorFlow, and in its graph."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.files import written_whole
from keras_rnn.text import PADDING, UNKNOWN

START, END = 2, 3
UNKNOWN_MARK = "\u2047"
KINDS = ("bpe", "unigram")


class SubwordTokenizer:
    """Turns sentences into rows of subword ids and back, by a SentencePiece model.

    Id 0 is padding, 1 an unknown character, 2 the start of a sentence and 3 its end; `encode` adds neither
    start nor end. Case is kept. White space is part of the pieces, so that `decode` gives plain text again.

    SentencePiece's rule `nmt_nfkc` stands before everything: forms that look alike become one (an "a" with a
    combining diaeresis is an "\u00e4", a ligature its letters), white space of any kind and zero-width
    characters become one space, and spaces at the ends go. Of a text without these, `decode` gives back what
    `encode` read. A run of characters that the training text did not hold is one unknown piece, which
    `decode` writes as U+2047. There is no byte fallback: the 256 byte pieces would be ids that no training
    sentence ever uses. Two languages share a tokenizer that is trained on both, or have one each.

    Python and the graph give the same ids and texts, with one exception: where a `"unigram"` model finds two
    ways to cut a word equally probable, the two libraries may choose differently.

    Args:
        model: the bytes of a SentencePiece model with the ids above, as `train` makes them.

    Raises:
        ValueError: `model` is no such model.

    Example:

    >>> tokenizer = SubwordTokenizer.train(["ein Hund", "ein Hut", "zwei Hunde"], vocabulary_size=23)
    >>> [row] = tokenizer.encode(["zwei Hunde"])
    >>> [tokenizer.pieces[id] for id in row]
    ['▁zw', 'ei', '▁Hund', 'e']
    >>> tokenizer.decode([[*row, END, PADDING]])
    ['zwei Hunde']

    R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL 2016;
    T. Kudo, "Subword Regularization", ACL 2018; T. Kudo, J. Richardson, "SentencePiece", EMNLP 2018.
    """

    def __init__(self, model: bytes) -> None:
        from sentencepiece import SentencePieceProcessor

        wrong = f"`model` must be the bytes of a SentencePiece model; received {len(model):,} bytes that are "
        way_out = "Copy or download the file anew, or make one with `SubwordTokenizer.train`."
        if not model:
            raise ValueError(f"{wrong}none. {way_out}")
        try:
            self._processor = SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise ValueError(f"{wrong}none. {way_out}") from error
        found = [getattr(self._processor, name)() for name in ("pad_id", "unk_id", "bos_id", "eos_id")]
        if found != [PADDING, UNKNOWN, START, END]:
            found_ids = f"padding, unknown, start, end are {found}, not 0 to 3"
            raise ValueError(f"{wrong}one with other ids: {found_ids}. {way_out}")
        self.model = model
        self._graph_tokenizer: Any = None

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int, kind: str = "bpe") -> SubwordTokenizer:
        """The tokenizer of a training text: the same texts give the same bytes, in every process.

        Args:
            texts: sentences; for a joint vocabulary those of both languages. Every character gets an id, but
                for U+2585, which SentencePiece keeps for itself.
            vocabulary_size: the number of ids, the four special ones and every character included.
            kind: `"bpe"`, byte pair encoding, or `"unigram"`.

        Raises:
            TypeError: `texts` is a single string.
            ValueError: another `kind`; `texts` that are empty or yield too few pieces for `vocabulary_size`,
                or have too many characters for it.
        """
        from sentencepiece import SentencePieceTrainer

        if kind not in KINDS:
            raise ValueError(f'`kind` must be "bpe" or "unigram"; received kind={kind!r}.')
        # A text with U+2585 would be left out without a word.
        texts = [text.replace("\u2585", " ") for text in _several(texts)]
        if not any(text.strip() for text in texts):
            raise ValueError(f"`texts` must hold text; received {len(texts)} texts without any.")
        if vocabulary_size <= END:
            raise ValueError(
                f"`vocabulary_size` must be more than the 4 special ids; received "
                f"vocabulary_size={vocabulary_size}."
            )
        model = io.BytesIO()
        try:
            SentencePieceTrainer.train(
                sentence_iterator=map(_bytes, texts),
                model_writer=model,
                model_type=kind,
                vocab_size=vocabulary_size,
                character_coverage=1.0,
                normalization_rule_name="nmt_nfkc",
                max_sentence_length=2**30,  # of bytes: the most there is; longer texts would be left out
                pad_id=PADDING,
                unk_id=UNKNOWN,
                bos_id=START,
                eos_id=END,
                unk_surface=UNKNOWN_MARK,
                num_threads=1,  # the order of sums, and so the last bits of a unigram model
                minloglevel=2,
            )
        except RuntimeError as error:
            if not (bound := re.search(r"value <= (\d+)|vs (\d+)", str(error))):
                raise
            most, least = bound.groups()
            needed = f"at most {most}" if most else f"at least {least}, for all characters and special ids,"
            raise ValueError(
                f"`vocabulary_size` must be {needed} for these texts; received "
                f"vocabulary_size={vocabulary_size}. Change it, or the texts."
            ) from error
        return cls(model.getvalue())

    @classmethod
    def from_file(cls, path: str | Path) -> SubwordTokenizer:
        """Reads what `save` wrote. ValueError if the file is damaged."""
        try:
            return cls(Path(path).read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from error

    def save(self, path: str | Path) -> None:
        """Writes the SentencePiece model, whole or not at all; by custom the name ends with `.model`."""
        with written_whole(path) as temporary:
            temporary.write_bytes(self.model)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the four special ones included."""
        return self._processor.vocab_size()

    @property
    def pieces(self) -> list[str]:
        """What each id stands for; U+2581 is a space."""
        return self._processor.id_to_piece(list(range(self.vocabulary_size)))

    def get_config(self) -> dict[str, Any]:
        """For a model that is saved: the bytes of the SentencePiece model as text."""
        return {"model": base64.b64encode(self.model).decode("ascii")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SubwordTokenizer:
        return cls(base64.b64decode(config["model"]))

    def encode(self, texts: Iterable[str], sampling: float = 0.0, seed: int = 0) -> list[np.ndarray]:
        """One int32 array of ids for each text; an empty text gives an empty array.

        Args:
            texts: sentences.
            sampling: above 0, pieces are drawn at random, and a network learns a word by its parts, too. Of
                byte pair encoding the share of merges left out (Provilkov et al., "BPE-Dropout", ACL 2020:
                0.1), of a unigram model the power of its probabilities (Kudo, ACL 2018: 0.2).
            seed: the same one gives the same pieces in one process; another process has others.
        """
        if not 0 <= sampling < 1:
            raise ValueError(f"`sampling` must be in [0, 1); received sampling={sampling!r}. Use 0 for none.")
        settings: dict[str, Any] = {}
        if sampling:
            import sentencepiece

            sentencepiece.set_random_generator_seed(seed)
            # One thread: with more, which of them reads a text is chance.
            settings = {"enable_sampling": True, "alpha": sampling, "nbest_size": -1, "num_threads": 1}
        rows = self._processor.encode(list(map(_bytes, _several(texts))), **settings)
        return [np.array(row, np.int32) for row in rows]

    def decode(self, ids: Iterable[Sequence[int] | np.ndarray]) -> list[str]:
        """The text of each row of ids: up to its first end, with padding and start left out.

        Args:
            ids: rows of ids, as arrays or lists, or one array `(batch, time)`.

        Raises:
            TypeError: `ids` is a single row.
            ValueError: an id is not in the vocabulary.
        """
        rows = [np.asarray(row, np.int64) for row in ids]
        if any(row.ndim != 1 for row in rows):
            raise TypeError("`ids` must be several rows of ids; received one row. Put it in a list.")
        rows = [row[np.cumsum(row == END) == 0] for row in rows]
        outside = [id for row in rows for id in row.tolist() if not 0 <= id < self.vocabulary_size]
        if outside:
            legal = f"0..{self.vocabulary_size - 1}"
            raise ValueError(f"`ids` must lie in {legal}; received {outside[0]}. Take their own tokenizer.")
        return [self._processor.decode(row.tolist()) for row in rows]

    def tokenize(self, texts: Any) -> Any:
        """`encode` as TensorFlow operations: `(batch,)` strings to ragged `(batch, None)` int32.

        Bytes that are no UTF-8 are unknown characters. Whoever exports the graph must track
        `graph_tokenizer()`, or it is missing in a clean process.
        """
        return self.graph_tokenizer().tokenize(texts)

    def detokenize(self, ids: Any) -> Any:
        """`decode` as TensorFlow operations: dense `(batch, time)` or ragged int32 to `(batch,)` strings.

        An id that is not in the vocabulary is an OutOfRangeError when the graph runs.
        """
        import tensorflow as tf

        if isinstance(ids, tf.RaggedTensor):
            ids = ids.to_tensor(PADDING)
        ends = tf.cumsum(tf.cast(tf.equal(ids, END), tf.int32), axis=1)
        return self.graph_tokenizer().detokenize(tf.ragged.boolean_mask(ids, tf.equal(ends, 0)))

    def graph_tokenizer(self) -> Any:
        """The model as a resource of tensorflow_text, made once."""
        import tensorflow as tf
        import tensorflow_text

        if self._graph_tokenizer is None:
            # Restored from SavedModels, two models of one name are one and the same.
            name = f"sentencepiece_{hashlib.sha256(self.model).hexdigest()[:16]}"
            with tf.init_scope():  # it must outlive the graph in which it is first wanted
                self._graph_tokenizer = tensorflow_text.SentencepieceTokenizer(
                    self.model, out_type=tf.int32, name=name
                )
        return self._graph_tokenizer


def _several(texts: Iterable[str]) -> Iterable[str]:
    # A string is an iterable of strings, too, and would pass as so many texts of one letter.
    if isinstance(texts, str):
        raise TypeError(f"`texts` must be several texts; received one, {texts[:40]!r}. Put it in a list.")
    return texts


def _bytes(text: str) -> bytes:
    # Half of a surrogate pair, which UTF-8 has no bytes for, becomes bytes that are an unknown character.
    return text.encode("utf-8", "surrogatepass")
