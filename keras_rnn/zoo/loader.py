"""From a folder to a model that predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_rnn import models
from keras_rnn.datasets import Vocabulary
from keras_rnn.models import EncoderDecoder, SequenceClassifier, SequenceToSequence, Transformer
from keras_rnn.models.generative_model import GenerativeModel
from keras_rnn.subwords import SubwordTokenizer
from keras_rnn.text import WordTokenizer
from keras_rnn.zoo import pretraining
from keras_rnn.zoo.copy_memory import build as build_copy_memory
from keras_rnn.zoo.folders import VOCABULARY, read_entry
from keras_rnn.zoo.kneser_ney import count
from keras_rnn.zoo.model_tables import LanguageModelCore, TransformerCore
from keras_rnn.zoo.music import build as build_music
from keras_rnn.zoo.pairs import read_tokenizers
from keras_rnn.zoo.recipe import replace
from keras_rnn.zoo.recipe_layers import (
    make_decoder,
    make_embedding,
    make_layer,
    make_pooling,
    make_softmax,
)
from keras_rnn.zoo.recipe_tables import (
    ClassifierRecipe,
    CopyMemoryRecipe,
    KneserNeyRecipe,
    NeuralRecipe,
    PianoRollRecipe,
    TranslatorRecipe,
)
from keras_rnn.zoo.weights import load_checked


def load(name_or_folder: str | Path, weights: bool = True, **overrides: Any) -> Any:
    """Loads a model of the zoo: a classifier that takes text, or a language model with its vocabulary.

    Args:
        name_or_folder: a published name (`list_models()`), or a folder that `keras-rnn train` wrote.
        weights: whether to read the trained weights; otherwise they are fresh.
        **overrides: keys of the recipe's model, preprocessing, training or decoding table, for example
            `max_length=None` to read every text to its end.

    Returns:
        A built, compiled `keras.Model`. Of a classifier, `predict(["a text", ...])` gives `(batch, 1)`
        probabilities; `fit`, `evaluate` and `export` take text, too. A neural language model reads ids,
        which its `vocabulary`, a `keras_rnn.datasets.Vocabulary`, makes of text. A translator takes and
        gives sentences by `translate(["a sentence", ...])`. A network on the copying task reads ids and
        gives a score for each id at each step. A model of music reads and generates piano rolls. A Kneser-Ney
        model is counted anew from its corpus, and stands in a `keras_rnn.models.UnigramCache`.

    Raises:
        ValueError: if there is no such model, its weights are damaged (size, sha256 and number of
            parameters are checked first), or an override is unknown.

    Example:

    >>> model = load("imdb_bilstm")
    >>> model.predict(["A wonderful film."], verbose=0).shape
    (1, 1)
    """
    folder, recipe, metrics = read_entry(name_or_folder)
    recipe = replace(recipe, **overrides)
    if isinstance(recipe, KneserNeyRecipe):
        return count(recipe)
    if weights and "weights" not in metrics:
        raise ValueError(
            f"{folder} holds a recipe and no trained weights. Train it with "
            f"`keras-rnn train {name_or_folder}`, or pass weights=False."
        )
    model: Any
    if isinstance(recipe, ClassifierRecipe) and recipe.pretrained is not None:
        trunk = load(recipe.pretrained.entry, weights)
        model = build_classifier(recipe, pretraining.tokenizer_of(trunk, recipe))
        if weights:
            pretraining.load_parts(model, trunk, folder, metrics["weights"])
        model.compile()
        return model
    if isinstance(recipe, TranslatorRecipe):
        model = build_translator(recipe, *read_tokenizers(recipe, folder))
    elif isinstance(recipe, CopyMemoryRecipe):
        model = build_copy_memory(recipe)
    elif isinstance(recipe, PianoRollRecipe):
        model = build_music(recipe)
    elif isinstance(recipe, NeuralRecipe):
        model = build_language_model(recipe, Vocabulary.from_file(_vocabulary(folder), recipe.data.level))
    else:
        part = recipe.preprocessing
        own = {"max_length": part.max_length, "truncation": part.truncation}
        model = build_classifier(recipe, WordTokenizer.from_file(_vocabulary(folder), **own))
    if weights:
        load_checked(model, folder, metrics["weights"])
    model.compile()
    return model


def _vocabulary(folder: Path) -> Path:
    path = folder / VOCABULARY
    if not path.exists():
        raise ValueError(f"{path} is missing: without it no text becomes ids. Get the folder again.")
    return path


def build_classifier(
    recipe: ClassifierRecipe, tokenizer: WordTokenizer, dtype: str = "float32"
) -> SequenceClassifier:
    """The built model of a recipe, with fresh weights; `dtype` is that of its recurrent layers."""
    part = recipe.model
    model = SequenceClassifier(
        [make_layer(table, "[[model.layers]]", dtype) for table in part.layers],
        embedding_dimension=part.embedding_dimension,
        word_dropout=part.word_dropout,
        embedding_dropout=part.embedding_dropout,
        pooling=make_pooling(part.attention_pooling, "`attention_pooling` in [model]") or part.pooling,
        normalize=part.normalize,
        dropout=part.dropout,
        head=part.head,
        outputs=part.outputs,
        seed=recipe.training.seed,
        tokenizer=tokenizer,
        name=recipe.name,
    )
    model.build((None, None))
    return model


def build_language_model(
    recipe: NeuralRecipe, vocabulary: Vocabulary, dtype: str = "float32"
) -> GenerativeModel:
    """The built model of a recipe, with fresh weights, and the vocabulary as its attribute of that name.

    Raises:
        ValueError: if the vocabulary has another size than the model.
    """
    part = recipe.model
    if len(vocabulary) != part.vocabulary_size:
        raise ValueError(
            f"`vocabulary_size` in [model] must be the number of types of {recipe.data.dataset}, "
            f"{len(vocabulary)}; received {part.vocabulary_size}."
        )
    made = ("type", "embedding_dimension")
    arguments = {key: value for key, value in vars(part).items() if key not in made}
    if isinstance(part, LanguageModelCore):
        words, where = vocabulary.types, "[model]"
        arguments |= {
            "layers": [make_layer(table, "[[model.layers]]", dtype) for table in part.layers],
            "embedding": make_embedding(part.embedding, part.embedding_dimension, words, where, dtype),
            "softmax": make_softmax(
                part.softmax, part.vocabulary_size, part.tie_embeddings, f"`softmax` in {where}", dtype
            ),
            "seed": recipe.training.seed,
        }
    else:
        arguments["embedding"] = part.embedding_dimension
    model = getattr(models, part.type)(**arguments, dtype=dtype, name=recipe.name)
    model.build((None, None))
    model.vocabulary = vocabulary
    return model


def build_translator(
    recipe: TranslatorRecipe, source: SubwordTokenizer, target: SubwordTokenizer, dtype: str = "float32"
) -> EncoderDecoder:
    """The built model of a recipe, with fresh weights, and its tokenizers."""
    part = recipe.model
    arguments: dict[str, Any] = {
        "source_vocabulary_size": source.vocabulary_size,
        "target_vocabulary_size": target.vocabulary_size,
        "share_embeddings": recipe.preprocessing.joint,
        "seed": recipe.training.seed,
        "source_tokenizer": source,
        "target_tokenizer": target,
        "decoding": vars(recipe.decoding),
        "dtype": dtype,
        "name": recipe.name,
    }
    made = ("type", "embedding_dimension", "attention", "order", "input_feeding", "attentional_units")
    arguments |= {key: value for key, value in vars(part).items() if key not in made}
    model: EncoderDecoder
    if isinstance(part, TransformerCore):
        model = Transformer(**arguments)
    else:
        arguments["encoder"] = [make_layer(table, "`encoder` in [model]", dtype) for table in part.encoder]
        arguments["decoder"] = make_decoder(part, "[model]", dtype)
        model = SequenceToSequence(**arguments, embedding=part.embedding_dimension)
    model.build()
    return model
