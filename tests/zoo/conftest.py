import shutil

import pytest

from keras_rnn.zoo import training
from tests.zoo import tiny


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
