"""Multi30k, task 1: captions of Flickr photographs in English and in professional translations.

    split         sentences    file
    train            29,000    train
    validation        1,014    val
    test              1,000    test_2016_flickr

The raw text: true case, neither split into tokens nor normalized (the German of the training split holds 47
no-break spaces, a tab, and a few sentences with spaces at their ends). English, German and French translate
each other line by line.

Source: https://github.com/multi30k/dataset (1.9 MB). Terms: captions of Flickr images, for
non-commercial research. D. Elliott, S. Frank, K. Sima'an, L. Specia, "Multi30K: Multilingual English-German
Image Descriptions", 2016, https://arxiv.org/abs/1605.00459; French: D. Elliott and others, "Findings of the
Second Shared Task on Multimodal Machine Translation and Multilingual Image Description", WMT 2017.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from keras_rnn.datasets import aligned_files
from keras_rnn.datasets.corpus import check_split
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import data_home
from keras_rnn.datasets.download import download as fetch
from keras_rnn.datasets.parallel_text import ParallelText
from keras_rnn.files import written_whole

FOLDER = "multi30k"
COMMIT = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
URL = f"https://raw.githubusercontent.com/multi30k/dataset/{COMMIT}/data/task1/raw/"
LANGUAGES = ("en", "de", "fr")
SPLITS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
# The sha256 of each file, and of the .gz in which it is published.
FILES = {
    "train.en": (
        "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
        "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    ),
    "train.de": (
        "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
        "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    ),
    "train.fr": (
        "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
        "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    ),
    "val.en": (
        "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
        "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    ),
    "val.de": (
        "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
        "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    ),
    "val.fr": (
        "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
        "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    ),
    "test_2016_flickr.en": (
        "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    ),
    "test_2016_flickr.de": (
        "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    ),
    "test_2016_flickr.fr": (
        "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
        "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    ),
}


def load(
    split: str = "train",
    source: str = "en",
    target: str = "de",
    path: str | Path | None = None,
    download: bool = True,
) -> ParallelText:
    """Reads one split, from one language to another.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        source: the language to translate from: `"en"`, `"de"` or `"fr"`.
        target: the one to translate to.
        path: the `multi30k` folder, or the folder that holds it; see `find`.
        download: whether to download the files if they are not on this disk.

    Returns:
        The sentences as published.

    Raises:
        ValueError: another `split` or language, or the same language twice.
        FileNotFoundError, DownloadError: see `find`.
    """
    if source == target:
        raise ValueError(f"`target` must be another language than `source`; received {target!r} for both.")
    files = [find(split, language, path, download) for language in (source, target)]
    return aligned_files.load(files[0], files[1], (source, target))


def find(split: str, language: str, path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file of one split in one language, or downloads and unpacks it.

    A .gz that was put into its place under the folder of all corpora by hand is unpacked there.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        language: `"en"`, `"de"` or `"fr"`.
        path: the `multi30k` folder, or the folder that holds it. If given, no other place is looked at;
            without it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The path of `train.en` and so on.

    Raises:
        ValueError: another `split` or `language`.
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: it could not be downloaded, or is not the published one.
    """
    check_split(split, tuple(SPLITS))
    if language not in LANGUAGES:
        raise ValueError(f'`source` and `target` must be "en", "de" or "fr"; received {language!r}.')
    name = f"{SPLITS[split]}.{language}"
    sha256, packed_sha256 = FILES[name]
    url, packed = f"{URL}{name}.gz", data_home() / FOLDER / f"{name}.gz"

    def unpack(place: Path) -> None:
        with gzip.open(fetch(url, packed, packed_sha256)) as file, written_whole(place) as temporary:
            temporary.write_bytes(file.read())

    return find_file(f"{FOLDER}/{name}", sha256, url, path, unpack if download or packed.exists() else None)
