"""Every public layer has a row, and so every contract."""

from keras_rnn import layers
from tests.contracts.catalogue import ABSTRACT, FACTORIES, READERS, ROWS


def test_every_public_class_has_a_row():
    covered = {covered.__name__ for row in ROWS for covered in row.covers}
    assert covered == set(layers.__all__) - ABSTRACT - READERS - FACTORIES


def test_names_are_unique():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)


def test_all_names_that_are_exported_are_there():
    assert all(hasattr(layers, name) for name in layers.__all__)
