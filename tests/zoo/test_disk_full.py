"""A disk that is full while something is saved: one clear sentence, the old files whole, no half ones."""

import contextlib
import resource

import pytest

from keras_rnn.callbacks import TrainingCheckpoint
from keras_rnn.files import write_text
from keras_rnn.zoo import training
from tests.models.small import LABELS, TEXTS, classifier, distance
from tests.zoo.tiny import names, write_entry


@contextlib.contextmanager
def files_of_at_most(size):
    """The nearest to a full disk that needs no rights: a write beyond `size` bytes fails half-way."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_old_checkpoint_stays(tmp_path):
    model = classifier()
    model.run_eagerly = True
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoint.npz")
    model.fit(TEXTS, LABELS, epochs=2, verbose=0, callbacks=[checkpoint])
    before, weights = checkpoint.path.read_bytes(), model.get_weights()
    sentence = r"checkpoint\.npz could not be written: File too large\. Make room or choose another folder\."
    with files_of_at_most(len(before) // 2), pytest.raises(OSError, match=sentence):
        model.fit(TEXTS, LABELS, epochs=3, initial_epoch=2, verbose=0, callbacks=[checkpoint])
    assert checkpoint.path.read_bytes() == before
    assert names(tmp_path) == ["checkpoint.npz"]
    fresh = classifier(seed=2)
    fresh.optimizer.build(fresh.trainable_variables)
    assert TrainingCheckpoint(checkpoint.path).restore(fresh) == 2
    assert max(map(distance, fresh.get_weights(), weights)) == 0


def test_a_training_goes_on_once_there_is_room(finished, reviews, tmp_path):
    source, output = write_entry(tmp_path / "tiny"), tmp_path / "run"
    with files_of_at_most(2000), pytest.raises(OSError, match=r"checkpoint\.npz could not be written"):
        training.train(source, output, reviews, verbose=0)
    assert names(output) == ["assets", "assets/vocabulary.txt", "options.json", "recipe.toml"]
    model = training.train(source, output, reviews, verbose=0)
    assert max(map(distance, model.get_weights(), finished[0].get_weights())) < 1e-6


def test_a_text_is_written_whole_or_not_at_all(tmp_path):
    write_text(tmp_path / "page.md", "old")
    with files_of_at_most(100), pytest.raises(OSError, match=r"page\.md could not be written"):
        write_text(tmp_path / "page.md", "new" * 100)
    assert (tmp_path / "page.md").read_text() == "old"
    assert names(tmp_path) == ["page.md"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"page could not be written: (Not a directory|File exists)"):
        write_text(tmp_path / "file" / "page", "text")
