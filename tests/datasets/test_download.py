"""Downloads against a real server that is cut off, lies, refuses, or is not there."""

import errno
import gzip
import hashlib
import io
import os
import pathlib
import re
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from keras_rnn.datasets.download import DownloadError, data_home, download, extract_tar

BODY = np.random.default_rng(0).bytes(300_001)
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `body`; `ranges`, `cut_after`, `chunked` and `status` make it a worse server."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.ranges, self.cut_after, self.chunked, self.status = BODY, True, None, False, 200
        self.asked: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/corpus.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        server, asked = self.server, self.headers["Range"]
        server.asked.append(asked)
        if server.status != 200:
            return self.send_error(server.status)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start and start >= len(server.body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.body) - 1}/{len(server.body)}")
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        payload = server.body[start : server.cut_after]
        if not server.chunked:
            self.wfile.write(payload)
            return None
        self.wfile.write(b"%x\r\n%s\r\n" % (len(payload), payload))
        if server.cut_after is None:
            self.wfile.write(b"0\r\n\r\n")
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "corpus.bin"


@pytest.fixture
def part(path):
    path.parent.mkdir()
    return path.with_name("corpus.bin.part")


def test_download_arrives_whole_under_its_final_name(server, path, capsys):
    assert download(server.url, path, SHA256, "the corpus") == path
    assert path.read_bytes() == BODY
    assert os.listdir(path.parent) == ["corpus.bin"]
    assert server.asked == [None]
    captured = capsys.readouterr()
    assert "the corpus" in captured.err
    assert captured.out == ""


def test_file_already_there_is_checked_and_used_without_a_request(server, path, part):
    path.write_bytes(BODY)
    assert download(server.url, str(path), SHA256) == path
    path.write_bytes(b"something else")
    with pytest.raises(DownloadError, match=f"{re.escape(str(path))} must be .*{SHA256}.*Remove it"):
        download(server.url, path, SHA256)
    assert path.read_bytes() == b"something else"
    assert server.asked == []


def test_resume_asks_for_the_rest_and_appends(server, path, part):
    part.write_bytes(BODY[:100_000])
    download(server.url, path, SHA256)
    assert server.asked == ["bytes=100000-"]
    assert path.read_bytes() == BODY


def test_server_without_ranges_starts_anew(server, path, part):
    part.write_bytes(b"x" * 100_000)
    server.ranges = False
    download(server.url, path, SHA256)
    assert server.asked == ["bytes=100000-"]
    assert path.read_bytes() == BODY


def test_complete_part_needs_no_request(server, path, part):
    part.write_bytes(BODY)
    download(server.url, path, SHA256)
    assert server.asked == []
    assert path.read_bytes() == BODY
    assert not part.exists()


def test_part_beyond_the_end_is_removed_and_the_next_call_succeeds(server, path, part):
    part.write_bytes(BODY + b"x")
    with pytest.raises(DownloadError, match="must have sha256"):
        download(server.url, path, SHA256)
    assert server.asked == [f"bytes={len(BODY) + 1}-"]
    assert os.listdir(path.parent) == []
    download(server.url, path, SHA256)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("chunked", [False, True])
def test_cut_connection_keeps_the_part_and_the_same_call_resumes(server, path, chunked):
    server.cut_after, server.chunked = 200_000, chunked
    with pytest.raises(DownloadError, match=r"broke off after [\d,]+ of .*The same call goes on") as caught:
        download(server.url, path, SHA256)
    assert server.url in str(caught.value)
    kept = path.with_name("corpus.bin.part").read_bytes()
    assert kept == BODY[: len(kept)]
    assert 0 < len(kept) <= 200_000
    assert os.listdir(path.parent) == ["corpus.bin.part"]
    server.cut_after = None
    download(server.url, path, SHA256)
    assert server.asked == [None, f"bytes={len(kept)}-"]
    assert path.read_bytes() == BODY


def test_unannounced_length_is_no_error(server, path):
    server.chunked = True
    assert download(server.url, path, SHA256).read_bytes() == BODY


def test_wrong_bytes_are_removed_and_both_checksums_named(server, path):
    server.body = BODY[:-1] + b"?"
    received = hashlib.sha256(server.body).hexdigest()
    with pytest.raises(
        DownloadError, match=f"must have sha256 {SHA256}; received sha256 {received}"
    ) as caught:
        download(server.url, path, SHA256)
    assert str(path) in str(caught.value)
    assert os.listdir(path.parent) == []


def test_without_a_checksum_any_bytes_are_the_file(server, path, part):
    server.body = BODY[:-1]
    part.write_bytes(BODY[:1000])
    assert download(server.url, path, None).read_bytes() == BODY[:-1]
    assert server.asked == ["bytes=1000-"]
    path.write_bytes(b"another version")
    assert download(server.url, path, None).read_bytes() == b"another version"
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_refusal_names_url_status_and_where_the_file_goes(server, path, part, status):
    part.write_bytes(BODY[:10])
    server.status = status
    with pytest.raises(DownloadError, match=f"the server answered {status} ") as caught:
        download(server.url, path, SHA256)
    assert server.url in str(caught.value)
    assert f"save the file by hand as {path}" in str(caught.value)
    assert part.read_bytes() == BODY[:10]


def test_no_server_names_url_and_where_the_file_goes(path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/corpus.bin"
        with pytest.raises(DownloadError, match="Connection refused") as caught:
            download(url, path, SHA256)
    assert url in str(caught.value)
    assert f"Check the network and call again, or save the file by hand as {path}" in str(caught.value)
    assert os.listdir(path.parent) == []


class FullDisk(io.FileIO):
    room = 100_000

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_full_disk_leaves_nothing(server, path, monkeypatch):
    real_open = pathlib.Path.open
    written = []

    def open_on_full_disk(self, mode="r", *args, **kwargs):
        if mode not in ("wb", "ab"):
            return real_open(self, mode, *args, **kwargs)
        written.append(self.name)
        return FullDisk(self, mode)

    monkeypatch.setattr(pathlib.Path, "open", open_on_full_disk)
    with pytest.raises(DownloadError, match=r"No space left on device.*free some space") as caught:
        download(server.url, path, SHA256)
    assert str(path) in str(caught.value)
    assert written == ["corpus.bin.part"]
    assert os.listdir(path.parent) == []


def test_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=f"Make {re.escape(str(tmp_path / 'file'))} a folder that can be"):
        download(server.url, tmp_path / "file" / "corpus.bin", SHA256)
    assert server.asked == []


def test_data_home_is_the_variable_or_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_RNN_DATA", raising=False)
    assert data_home() == tmp_path / ".cache" / "keras_rnn" / "data"
    monkeypatch.setenv("KERAS_RNN_DATA", "")
    assert data_home() == tmp_path / ".cache" / "keras_rnn" / "data"
    monkeypatch.setenv("KERAS_RNN_DATA", "~/corpora")
    assert data_home() == tmp_path / "corpora"


@pytest.fixture
def make_archive(tmp_path):
    def make(**files):
        with tarfile.open(tmp_path / "corpus.tar.gz", "w:gz") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return tmp_path / "corpus.tar.gz"

    return make


def test_extract_tar_unpacks_the_folder_alone(make_archive, tmp_path):
    archive = make_archive(**{"corpus/train/a.txt": b"a", "corpus/b.txt": b"b", "junk.txt": b"c"})
    folder = extract_tar(archive, tmp_path / "data", "corpus")
    assert folder == tmp_path / "data" / "corpus"
    assert (folder / "train" / "a.txt").read_bytes() == b"a"
    assert os.listdir(tmp_path / "data") == ["corpus"]
    with pytest.raises(FileExistsError, match="already there"):
        extract_tar(archive, tmp_path / "data", "corpus")


MESSAGES = {
    "cut": "complete and safe tar archive; received: Compressed file ended before",
    "flipped": "complete and safe tar archive; received: CRC check failed",
    "not a tar": "complete and safe tar archive; received: file could not be opened successfully. Remove it",
    "cut tar": "complete and safe tar archive; received: unexpected end of data. Remove it",
    "unsafe": r"complete and safe tar archive; received: .*outside\.txt",
    "other folder": r"must hold the folder corpus; received \['another'\]. Remove it",
}


@pytest.mark.parametrize("damage", MESSAGES)
def test_extract_tar_leaves_nothing_of_a_bad_archive(make_archive, tmp_path, damage):
    names = {"unsafe": "../outside.txt", "other folder": "another/a.txt"}
    archive = make_archive(**{names.get(damage, "corpus/a.txt"): BODY})
    content = archive.read_bytes()
    if damage == "cut":
        archive.write_bytes(content[:200_000])
    elif damage == "flipped":
        archive.write_bytes(content[:-8] + bytes(8))  # the checksum at gzip's end
    elif damage == "not a tar":
        archive.write_bytes(BODY)
    elif damage == "cut tar":
        archive.write_bytes(gzip.compress(gzip.decompress(content)[:200_000]))
    with pytest.raises(DownloadError, match=MESSAGES[damage]):
        extract_tar(archive, tmp_path / "data", "corpus")
    assert os.listdir(tmp_path / "data") == []
    assert sorted(os.listdir(tmp_path)) == ["corpus.tar.gz", "data"]


def test_extract_tar_on_a_full_disk_leaves_nothing(make_archive, tmp_path, monkeypatch):
    archive = make_archive(**{"corpus/a.txt": b"a", "corpus/b.txt": b"b"})
    real_makefile = tarfile.TarFile.makefile

    def makefile(self, entry, target):
        if entry.name == "corpus/b.txt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_makefile(self, entry, target)

    monkeypatch.setattr(tarfile.TarFile, "makefile", makefile)
    with pytest.raises(DownloadError, match=r"No space left on device.*free some space"):
        extract_tar(archive, tmp_path / "data", "corpus")
    assert os.listdir(tmp_path / "data") == []
