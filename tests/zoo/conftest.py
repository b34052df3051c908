import shutil

import pytest

from keras_rnn.zoo import training
from tests.zoo import tiny, tiny_corpus


@pytest.fixture(scope="package")
def reviews(tmp_path_factory):
    with tiny.corpus(tmp_path_factory.mktemp("data")) as folder:
        yield folder


@pytest.fixture(scope="package")
def finished(reviews, tmp_path_factory):
    """What a whole training returned, and the folder that it wrote; not to be changed."""
    source = tiny.write_entry(tmp_path_factory.mktemp("recipes") / "tiny")
    output = tmp_path_factory.mktemp("runs") / "tiny"
    lines = []
    model = training.train(source, output, reviews, report=lines.append, verbose=0)
    return model, output, lines


@pytest.fixture
def entry(finished, tmp_path):
    """A copy of the trained folder, to be broken."""
    return shutil.copytree(finished[1], tmp_path / "tiny")


@pytest.fixture(scope="package")
def text(tmp_path_factory):
    """The folder of a made-up corpus of lines."""
    with tiny_corpus.corpus(tmp_path_factory.mktemp("corpora")) as folder:
        yield folder


@pytest.fixture(scope="package")
def finished_lm(text, tmp_path_factory):
    """What the whole training of a language model returned, and the folder that it wrote."""
    source = tiny_corpus.entry(tmp_path_factory.mktemp("recipes") / "tiny_lm")
    output = tmp_path_factory.mktemp("runs") / "tiny_lm"
    return training.train(source, output, text, report=lambda line: None, verbose=0), output


@pytest.fixture
def lm_entry(finished_lm, tmp_path):
    """A copy of the trained folder, to be broken."""
    return shutil.copytree(finished_lm[1], tmp_path / "tiny_lm")
