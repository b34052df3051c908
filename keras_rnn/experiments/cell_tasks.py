"""The tasks on which cells are compared: data, one score, and a model that is the same around each cell."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np

from keras_rnn.datasets import TokenStream, copy_memory, imdb, polymusic, tiny_shakespeare
from keras_rnn.datasets.batching import pad
from keras_rnn.datasets.generated_batches import GeneratedBatches
from keras_rnn.layers import SequencePooling
from keras_rnn.models import LanguageModel, PianoRollModel
from keras_rnn.text import WordTokenizer


class CellTask(ABC):
    """Abstract: data in three splits, read when they are first needed, and the model around a cell.

    A subclass names its folder, its `title`, the `score` that it is measured by, with its unit, the number of
    `features` that the recurrent layer reads, the `steps` of its longest sequences, and by default how many
    `epochs` and which `learning_rates`; `about` tells of data and model. The score is `scale` times what
    Keras calls `metric`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    score: ClassVar[str]
    metric: ClassVar[str] = "loss"
    scale: ClassVar[float] = 1.0
    higher_is_better: ClassVar[bool] = False
    features: ClassVar[int] = 64
    steps: ClassVar[int]
    epochs: ClassVar[int]
    learning_rates: ClassVar[tuple[float, ...]] = (1e-3, 3e-3)
    about: ClassVar[str]

    @abstractmethod
    def model(self, layer: Any) -> Any:
        """The built model around a recurrent layer."""

    def objective(self) -> dict[str, Any]:
        """Loss and metrics, for `compile`; nothing where the model has its own."""
        return {}

    @abstractmethod
    def training(self, seed: int, done: int, epochs: int) -> dict[str, Any]:
        """The data, for `fit`, of a training of which some epochs are done."""

    @abstractmethod
    def test(self) -> dict[str, Any]:
        """The test split, for `evaluate`."""

    def score_of(self, logs: Any, prefix: str = "") -> float:
        """The score among the numbers that Keras gives."""
        return self.scale * logs[prefix + self.metric]

    def standard_error(self, scores: Sequence[float]) -> float | None:
        """That of the difference of two scores, as a sample of the test split; None where it is not known."""
        return None

    def best(self, scores: Sequence[float]) -> int:
        """Which of the scores is the best; of equal ones the first."""
        return (np.argmax if self.higher_is_better else np.argmin)(scores).item()


class Reviews(CellTask):
    """Sentiment of film reviews."""

    name = "imdb"
    title = "Film reviews"
    score = "accuracy"
    metric = "accuracy"
    higher_is_better = True
    steps = 200
    epochs = 5
    about = (
        "IMDB: 5,000 reviews to train on, 2,000 of other films to choose by and 5,000 of the test split; "
        "10,000 words, and of a long review the first 50 and the last 150. An embedding of 64 features, the "
        "layer, the mean of its outputs, a logistic unit; dropout 0.3 before and after the layer. Batches of "
        "50. Of 5,000 reviews the standard error of an accuracy is 0.005."
    )
    reviews: ClassVar[dict[str, int]] = {"train": 5000, "validation": 2000, "test": 5000}
    words = 10_000
    batch_size = 50

    @cached_property
    def _splits(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        train, validation = imdb.load("train").split(0.2, seed=0, by_group=True)
        parts = {"train": train, "validation": validation, "test": imdb.load("test")}
        parts = {k: part.split(self.reviews[k] / len(part), seed=0)[1] for k, part in parts.items()}
        tokenizer = WordTokenizer.from_texts(parts["train"].texts, self.words, max_length=self.steps)
        return {
            name: (pad(tokenizer.encode(part.texts), length=self.steps), part.labels[:, None])
            for name, part in parts.items()
        }

    def model(self, layer: Any) -> Any:
        ids = keras.Input((self.steps,), dtype="int32")
        x = keras.layers.Embedding(self.words, self.features, mask_zero=True)(ids)
        pooled = SequencePooling("mean")(layer(keras.layers.Dropout(0.3)(x)))
        judged = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dropout(0.3)(pooled))
        return keras.Model(ids, judged)

    def standard_error(self, scores: Sequence[float]) -> float:
        """As if each cell had read reviews of its own: they read the same ones, so it is rather less."""
        return math.sqrt(sum(score * (1 - score) for score in scores) / self.reviews["test"])

    def objective(self) -> dict[str, Any]:
        return {"loss": "binary_crossentropy", "metrics": [keras.metrics.BinaryAccuracy("accuracy")]}

    def training(self, seed: int, done: int, epochs: int) -> dict[str, Any]:
        ids, labels = self._splits["train"]
        batches = len(ids) // self.batch_size

        def draw(k: int) -> tuple[np.ndarray, np.ndarray]:
            epoch, place = divmod(k, batches)
            order = np.random.default_rng([seed, epoch]).permutation(len(ids))
            rows = order[place * self.batch_size : (place + 1) * self.batch_size]
            return ids[rows], labels[rows]

        return {
            "x": GeneratedBatches(draw, epochs * batches, done * batches).for_keras(),
            "steps_per_epoch": batches,
            "shuffle": False,
            "validation_data": self._splits["validation"],
            "validation_batch_size": 100,
        }

    def test(self) -> dict[str, Any]:
        ids, labels = self._splits["test"]
        return {"x": ids, "y": labels, "batch_size": 100}


class Shakespeare(CellTask):
    """The next character of his plays."""

    name = "shakespeare"
    title = "Shakespeare, character by character"
    score = "bits a character"
    scale = 1 / math.log(2)
    steps = 31_370  # of a stream, whose states are carried
    epochs = 5
    learning_rates = (3e-3, 1e-2)
    about = (
        "Tiny Shakespeare, characters of 65 kinds: 1,003,854 to train on, 55,770 to choose by and 55,770 to "
        "test on. An embedding of 64 features, the layer, a softmax. 32 streams in pieces of 50 steps; the "
        "states are carried from piece to piece."
    )
    streams, piece = 32, 50

    def _stream(self, split: str) -> TokenStream:
        ids = tiny_shakespeare.load(split).tokens
        return TokenStream(ids, self.streams, self.piece, keep_tail=split != "train")

    def model(self, layer: Any) -> Any:
        types = len(tiny_shakespeare.load("test").vocabulary)
        model = LanguageModel(types, [layer], embedding=self.features)
        model.build((self.streams, None))
        return model

    def training(self, seed: int, done: int, epochs: int) -> dict[str, Any]:
        return {"x": self._stream("train"), "validation_data": self._stream("validation")}

    def test(self) -> dict[str, Any]:
        return {"x": self._stream("test")}


class Copying(CellTask):
    """Ten symbols, to be said again after 100 steps: see `keras_rnn.datasets.copy_memory`."""

    name = "copying"
    title = "Copying memory"
    score = "cross entropy (nats a step)"
    epochs = 15
    delay = 100
    steps = delay + 2 * copy_memory.LENGTH
    about = (
        "Ten symbols of eight kinds, to be said again after 100 steps. Without memory the best cross entropy "
        f"is {copy_memory.baseline(delay):.4f}. An embedding of 64 features, the layer, a softmax at each "
        "step. An epoch is 100 batches of 32 rows, drawn anew; 500 rows to choose by and 2,000 to test on."
    )
    batches = 100
    batch_size = 32

    def _sample(self, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        # Three numbers: the seeds of batches have two.
        return copy_memory.sample(rows, self.delay, np.random.default_rng([0, 0, seed]))

    def model(self, layer: Any) -> Any:
        ids = keras.Input((None,), dtype="int32")
        states = layer(keras.layers.Embedding(copy_memory.VOCABULARY, self.features)(ids))
        return keras.Model(ids, keras.layers.Dense(copy_memory.VOCABULARY - 1)(states))

    def objective(self) -> dict[str, Any]:
        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}

    def training(self, seed: int, done: int, epochs: int) -> dict[str, Any]:
        numbers = (epochs * self.batches, self.batch_size, seed, done * self.batches)
        return {
            "x": copy_memory.batches(self.delay, *numbers).for_keras(),
            "steps_per_epoch": self.batches,
            "shuffle": False,
            "validation_data": self._sample(500, 1),
            "validation_batch_size": 100,
        }

    def test(self) -> dict[str, Any]:
        ids, targets = self._sample(2000, 2)
        return {"x": ids, "y": targets, "batch_size": 100}


class Chorales(CellTask):
    """The next chord of Bach's chorales."""

    name = "jsb"
    title = "Chorales of J. S. Bach"
    score = "negative log likelihood (nats a step)"
    features = polymusic.KEYS
    steps = 160
    epochs = 120
    learning_rates = (1e-3, 3e-3, 1e-2)
    about = (
        "JSB chorales: 229 pieces to train on, 76 to choose by and 77 to test on, 88 keys at each step. The "
        "layer reads the keys of the step before; a Bernoulli distribution for each key. Dropout 0.3 of the "
        "keys and 0.5 of the layer's outputs; batches of 16 pieces. Chung and others (2014) report 8.54 for "
        "their GRU."
    )

    def model(self, layer: Any) -> Any:
        model = PianoRollModel([layer], input_dropout=0.3, output_dropout=0.5)
        model.build()
        return model

    def training(self, seed: int, done: int, epochs: int) -> dict[str, Any]:
        return {"x": polymusic.load("train"), "validation_data": polymusic.load("validation"), "seed": seed}

    def test(self) -> dict[str, Any]:
        return {"x": polymusic.load("test")}


#: By name.
CELL_TASKS: dict[str, CellTask] = {
    task.name: task for task in (Reviews(), Shakespeare(), Copying(), Chorales())
}
