"""Kinds of the Penn Treebank table beside the stack of layers: from a recipe to text, as the others are."""

import json
import shutil

import numpy as np
import pytest
from keras import ops

from keras_rnn import cli, cli_generate, models, zoo
from keras_rnn.datasets import penn_treebank
from keras_rnn.zoo import card, language_model_card, training
from keras_rnn.zoo.evaluation import evaluate
from keras_rnn.zoo.language_model_training import probe
from keras_rnn.zoo.recipe import read_recipe
from tests.models.small import distance
from tests.zoo.tiny import metrics, names
from tests.zoo.tiny_corpus import OTHERS, changed, entry

KINDS = {
    "tiny_feed_forward": models.FeedForwardLanguageModel,
    "tiny_log_bilinear": models.LogBilinear,
    "tiny_pointer": models.PointerSentinel,
    "tiny_characters": models.LanguageModel,
}
CARDS = {
    "tiny_feed_forward": ["embedding 13 x 4; 5 units over 2 words, and direct connections; FullSoftmax\n"],
    "tiny_log_bilinear": ["embedding 13 x 4; diagonal in 2 words; FullSoftmax, tied to the embedding\n"],
    "tiny_pointer": [
        "embedding 13 x 4; LSTM 4; FullSoftmax, tied to the embedding\n",
        "- a pointer to the last 7 words\n",
        "- around the cell of layer 1, innermost first: Zoneout (rates [0.1, 0.3])\n",
    ],
    "tiny_characters": [
        "embedding CharacterCNN (character_size 3, filters [2, 4], highways 2); LSTM 5, RecurrentHighway 5 "
        "of depth 2; sum of the layers; AugmentedSoftmax (alpha 0.4, temperature 5.0)\n",
        "- around the cell of layer 1, innermost first: Mogrifier (rounds 3, rank 2), VariationalDropout "
        "(recurrent_rate 0.2)\n",
        "0.3 of the layers' recurrent weights; another mask at each step",
        "gradient norm of the sum over the steps clipped at 1",
    ],
}


@pytest.fixture(scope="module", params=OTHERS)
def finished(request, text, tmp_path_factory):
    """What a whole training returned, and the folder that it wrote; not to be changed."""
    source = entry(tmp_path_factory.mktemp("recipes") / request.param, OTHERS[request.param])
    output = tmp_path_factory.mktemp("runs") / request.param
    return training.train(source, output, text, report=lambda line: None, verbose=0), output


def likelihoods(rows):
    return np.concatenate([row["nll"] for row in rows])


def test_what_was_trained_is_loaded(finished, text):
    trained, folder = finished
    model = zoo.load(folder)
    assert type(model) is type(trained) is KINDS[folder.name]
    assert model.vocabulary.types == penn_treebank.load("train", text).vocabulary.types
    published = likelihoods(json.loads((folder / "probe.json").read_text()))
    assert distance(likelihoods(probe(model)), published) < 1e-5
    assert distance(likelihoods(probe(trained)), published) < 2e-2  # 16 bits
    assert distance(likelihoods(probe(zoo.load(folder, weights=False))), published) > 0.1
    assert names(folder)[:2] == ["assets", "assets/vocabulary.txt"]
    ledger = metrics(folder)["training"]
    assert (ledger["epochs"], ledger["command"]) == (4, f"keras-rnn train {folder.name}")


def test_every_token_is_measured(finished, text):
    _, folder = finished
    model, corpus = zoo.load(folder), penn_treebank.load("test", text)
    result = evaluate(folder, text, write=False)
    ids = np.append(corpus.vocabulary.end, corpus.tokens)
    log_p = ops.convert_to_numpy(model(ids[None, :-1]))[0].astype("float64")
    nll = -log_p[np.arange(len(corpus)), corpus.tokens]
    assert result["tokens"] == len(corpus.tokens)
    assert result["nll"] == pytest.approx(nll.mean(), abs=1e-5)
    assert result["perplexity"] < len(corpus.vocabulary)  # it has learned something


@pytest.mark.slow
def test_methods(finished, text, monkeypatch, tmp_path):
    monkeypatch.setattr("keras_rnn.zoo.adaptive_evaluation.PART", 20)
    monkeypatch.setattr("keras_rnn.zoo.adaptive_evaluation.SGD_RATES", (0.05,))
    folder = shutil.copytree(finished[1], tmp_path / finished[1].name)
    plain = evaluate(folder, text, write=True)
    dynamic = evaluate(folder, text, write=True, method="dynamic-sgd", verbose=0)
    assert dynamic["tokens"] == plain["tokens"]
    assert 1e-3 < abs(dynamic["nll"] - plain["nll"]) < 0.5
    assert f"| test, dynamic by gradient descent | {plain['tokens']:,} |" in card.card(folder)
    if folder.name == "tiny_characters":
        assert evaluate(folder, text, write=False, method="cache", verbose=0)["nll"] != plain["nll"]
    else:
        kind = KINDS[folder.name].__name__
        message = f"received method='cache' for {folder.name}, a {kind}. A cache goes with a LanguageModel"
        with pytest.raises(ValueError, match=message):
            evaluate(folder, text, method="cache")


def test_it_writes_text_on_the_terminal(finished, capsys):
    model = zoo.load(finished[1])
    cli_generate.generate(
        str(finished[1]), prompt="the cat", tokens=12, temperature=1.0, top_k=0, top_p=1.0, seed=3
    )
    expected = "the cat" + model.generate("the cat", 12, seed=3)
    assert capsys.readouterr().out.removesuffix("\n") == expected.removesuffix("\n")


@pytest.mark.slow
def test_it_is_exported_with_its_vocabulary(finished, tmp_path):
    import tensorflow as tf

    model = zoo.load(finished[1])
    cli.export(str(finished[1]), tmp_path / "saved")
    served = tf.saved_model.load(str(tmp_path / "saved")).signatures
    scored = served["serving_default"](text=tf.constant(["the cat sat\nseldom\n", "a dog"]))
    for k, written in enumerate(["the cat sat\nseldom\n", "a dog"]):
        expected = model.perplexity(model.vocabulary.ids("\n" + written))["perplexity"]
        assert float(scored["perplexity"][k]) == pytest.approx(expected, rel=1e-4)
    settings = {"tokens": 8, "top_k": 0, "seed": 3, "temperature": 1.0, "top_p": 1.0}
    given = {
        name: tf.constant(value, tf.float32 if isinstance(value, float) else tf.int32)
        for name, value in settings.items()
    }
    [text] = served["generate"](prompt=tf.constant(["the cat"]), **given)["text"].numpy()
    assert text.decode() == model.generate("the cat", 8, seed=3)


def test_the_card(finished, capsys):
    folder = finished[1]
    told = card.card(folder)
    for expected in CARDS[folder.name]:
        assert expected in told, expected
    assert f"{metrics(folder)['weights']['parameters']:,} parameters" in told
    cli.info(str(folder))
    assert "learning rate 0.02" in capsys.readouterr().out


def test_characters_are_told_in_bits(finished):
    recipe = read_recipe(finished[1] / "recipe.toml")
    row = {"tokens": 9, "perplexity": 2.5, "nll": 0.9, "seconds": 1.0, "hardware": "a machine"}
    characters = {**row, "bits_per_character": 1.32149}
    told = "\n".join(language_model_card.results(recipe, {"validation": row, "evaluation": characters}))
    assert "Bits per character: test 1.321." in told
    assert "Bits" not in "\n".join(language_model_card.results(recipe, {"evaluation": row}))


def test_overrides_change_the_model(finished):
    folder = finished[1]
    key, value = {"tiny_pointer": ("window", 3), "tiny_characters": ("skip_connections", False)}.get(
        folder.name, ("order", 4)
    )
    assert zoo.load(folder, weights=False, **{key: value}).get_config()[key] == value
    if key == "order":
        with pytest.raises(ValueError, match="Leave out the overrides that change its size"):
            zoo.load(folder, **{key: value})


def test_two_embeddings_are_refused_on_loading(finished):
    if finished[1].name == "tiny_characters":
        with pytest.raises(ValueError, match=r"\[model\] must have `embedding_dimension` or the table"):
            zoo.load(finished[1], embedding_dimension=4)


def test_a_pointer_has_a_full_softmax(tmp_path, text):
    softmax = 'window = 7\nsoftmax = { type = "MixtureOfSoftmaxes", experts = 2, latent_size = 4 }'
    source = entry(tmp_path / "pointer", changed("window = 7", softmax, OTHERS["tiny_pointer"]))
    assert read_recipe(source / "recipe.toml").model.softmax["experts"] == 2
    with pytest.raises(ValueError, match=r"`softmax` must be a keras_rnn\.layers\.FullSoftmax"):
        training.train(source, tmp_path / "run", text, report=lambda line: None, verbose=0)
