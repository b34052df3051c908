"""WikiText-2: good and featured articles of Wikipedia, with capitals, numbers and punctuation.

    split         tokens       articles
    train         2,088,628    600
    validation      217,646     60
    test            245,569     60

with one `<eos>` a line, empty lines too; 33,278 types, `<eos>` and `<unk>` (a type that stood less than three
times in the training split) among them.

Source: https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip (4 MB). Terms: Creative
Commons BY-SA 4.0. S. Merity, C. Xiong, J. Bradbury, R. Socher, "Pointer Sentinel Mixture Models", ICLR 2017.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from keras_rnn.datasets.corpus import Corpus, check_split, read_text
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import data_home
from keras_rnn.datasets.download import download as fetch
from keras_rnn.datasets.vocabulary import Vocabulary, split_tokens
from keras_rnn.files import written_whole

FOLDER = "wikitext2"
URL = "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip"
SHA256 = "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c"
FILES = {
    "train": ("wiki.train.tokens", "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
    "validation": ("wiki.valid.tokens", "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
    "test": ("wiki.test.tokens", "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
}


def load(split: str = "train", path: str | Path | None = None, download: bool = True) -> Corpus:
    """Reads one split, as words.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: the `wikitext2` folder, or the folder that holds it; see `find`.
        download: whether to download the archive if the files are not on this disk.

    Returns:
        The corpus. Its vocabulary is that of the training split, most frequent type first.

    Raises:
        ValueError: another `split`.
        FileNotFoundError, DownloadError: see `find`.
    """
    check_split(split, tuple(FILES))
    texts = {name: read_text(find(name, path, download)) for name in ("train", split)}
    vocabulary = Vocabulary.from_tokens(split_tokens(texts["train"], "word"))
    return Corpus(vocabulary.ids(texts[split]), vocabulary)


def find(split: str, path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file of one split, or downloads the archive and unpacks it.

    An archive that was put into the folder of all corpora by hand is unpacked there.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: the folder of the three files, or the folder that holds it as `wikitext2`. If given, no other
            place is looked at; without it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the archive if the file is not on this disk.

    Returns:
        The path of `wiki.train.tokens`, `wiki.valid.tokens` or `wiki.test.tokens`.

    Raises:
        ValueError: another `split`.
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: the archive could not be downloaded, or a file is not the published one.
    """
    check_split(split, tuple(FILES))
    name, sha256 = FILES[split]
    archive = data_home() / URL.rpartition("/")[2]

    def unpack(place: Path) -> None:
        with (
            zipfile.ZipFile(fetch(URL, archive, SHA256, "WikiText-2")) as file,
            written_whole(place) as temporary,
        ):
            temporary.write_bytes(file.read(f"wikitext-2/{name}"))

    return find_file(f"{FOLDER}/{name}", sha256, URL, path, unpack if download or archive.exists() else None)
