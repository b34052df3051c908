"""Miniatures of published corpora: other texts under the published names, and their checksums."""

import hashlib


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def empty_machine(monkeypatch, tmp_path):
    """Neither a corpus nor a way to one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_RNN_DATA", str(tmp_path / "data"))


def write_splits(monkeypatch, module, folder, texts):
    """Writes the file of each split, and has the loader expect these."""
    folder.mkdir(parents=True)
    files = {}
    for split, text in texts.items():
        name = module.FILES[split][0]
        (folder / name).write_bytes(text)
        files[split] = (name, sha256(text))
    monkeypatch.setattr(module, "FILES", files)
    return folder
