"""The command line: what it prints, with which exit status, and that no error shows a traceback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from keras_rnn import __version__, cli, zoo
from keras_rnn.datasets import imdb
from keras_rnn.zoo import card, folders
from tests.models.small import distance
from tests.zoo import tiny

COMMAND = Path(sys.executable).with_name("keras-rnn")


@pytest.fixture
def run(monkeypatch, capfd):
    """Runs one command in this process: `(exit status, standard output, standard error)`."""

    def run(*arguments, stdin=b""):
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")  # else the command sets it, and leaves it
        monkeypatch.setattr(sys, "argv", ["keras-rnn", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        status = 0
        try:
            cli.main()
        except SystemExit as error:
            status = error.code or 0
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    with tiny.corpus(tmp_path_factory.mktemp("data")) as folder:
        yield folder


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A zoo of one entry, in the place of the real one."""
    folder = tmp_path_factory.mktemp("checkout") / "zoo"
    tiny.write_entry(folder / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folders, "zoo_folder", lambda: folder)
        patch.setattr(card, "zoo_folder", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def trained(shelf, reviews, tmp_path_factory):
    """The folder that `keras-rnn train tiny` writes, and what it prints."""
    folder = tmp_path_factory.mktemp("work")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    patch.setattr(sys, "argv", ["keras-rnn", "train", "tiny", "--data", str(reviews)])
    printed = io.StringIO()
    patch.setattr(sys, "stdout", printed)
    try:
        cli.main()
    except SystemExit as error:
        assert not error.code
    finally:
        patch.undo()
    return folder / "runs" / "tiny", printed.getvalue()


def test_train_writes_runs_name_and_shows_a_bar_with_the_time_left(trained):
    folder, printed = trained
    assert "model.weights.h5" in tiny.names(folder)
    assert "Reading imdb" in printed
    assert "Epoch 3/3" in printed
    assert "5/5" in printed  # steps of an epoch: Keras's bar, with the time left beside it
    assert "Next: keras-rnn evaluate runs/tiny" in printed


def test_train_goes_on_and_takes_its_options(run, shelf, reviews, tmp_path):
    options = (
        "--output",
        tmp_path / "o",
        "--data",
        reviews,
        "--epochs",
        1,
        "--validation",
        0,
        "--examples",
        24,
    )
    status, out, _ = run("train", "tiny", *options)
    assert status == 0
    assert tiny.metrics(tmp_path / "o")["training"]["examples"] == 24
    status, out, _ = run("train", "tiny", *options)
    assert status == 0
    assert "Going on after epoch 1 of 1" in out
    status, _, err = run("train", "tiny", *options[:-2])
    assert status == 1
    said = "holds a training with another options.json, examples = 24 and not None. Choose another folder"
    assert said in one_line(err)


def one_line(err):
    """The error, which is one line and says what it is."""
    lines = [line for line in err.splitlines() if line and not line.startswith(("I0000", "W0000", "E0000"))]
    assert lines[-1].startswith("Error: ")
    assert not any(line.startswith("Error: ") for line in lines[:-1])
    return lines[-1]


TEXTS = ["a fine film", "", "caf\u00e9 [red]dull[/] \u0085 story"]


def expected(folder, texts=TEXTS):
    return zoo.load(folder).predict(texts, verbose=0)[:, 0]


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


def test_predict_json(run, trained):
    status, out, _ = run("predict", trained[0], "--json", *TEXTS)
    assert status == 0
    rows = objects(out)
    assert [row["text"] for row in rows] == TEXTS
    p = expected(trained[0])
    assert distance([row["probability_positive"] for row in rows], p) < 1e-5
    assert [row["label"] for row in rows] == ["positive" if x > 0.5 else "negative" for x in p]


def test_predict_table(run, trained):
    status, out, _ = run("predict", trained[0], *TEXTS, "x" * 300)
    assert status == 0
    rows = [line.split("\u2502")[1:4] for line in out.split("\n") if line.startswith("\u2502")]
    told = [[cell.strip() for cell in row] for row in rows]
    texts = [*TEXTS, "x" * 300]
    for (label, probability, shown), text, p in zip(told, texts, expected(trained[0], texts), strict=True):
        assert [label, probability] == ["positive" if p > 0.5 else "negative", f"{max(p, 1 - p):.3f}"]
        # A text is no markup; a long one is cut, and says so.
        assert shown == text or (text[0] == "x" and 100 < len(shown) < 200 and shown.endswith("\u2026"))


def test_predict_reads_a_file_and_standard_input_a_text_a_line(run, trained, tmp_path):
    # One line is empty, one ends as on Windows, one holds U+0085, which ends a line for str.splitlines.
    raw = "a fine film\n\ndull\r\nna\u0085ive \u2028 story\n".encode()
    (tmp_path / "texts.txt").write_bytes(raw)
    texts = ["a fine film", "", "dull", "na\u0085ive \u2028 story"]
    status, from_file, _ = run("predict", trained[0], "--json", "--file", tmp_path / "texts.txt")
    assert status == 0
    assert [row["text"] for row in objects(from_file)] == texts
    status, from_input, _ = run("predict", trained[0], "--json", stdin=raw.removesuffix(b"\n"))
    assert (status, from_input) == (0, from_file)


def test_predict_refuses_what_is_no_text(run, trained, tmp_path):
    file = tmp_path / "texts.txt"
    for raw, said in (
        (
            b"caf\xe9\n",
            "texts.txt is not UTF-8: byte 0xe9 at position 3. Convert it, for example with iconv.",
        ),
        (b"", "texts.txt is empty. Give one text a line."),
        (b" \n\n", "texts.txt is empty"),
    ):
        file.write_bytes(raw)
        status, out, err = run("predict", trained[0], "--file", file)
        assert (status, out) == (1, "")
        assert said in one_line(err)
        status, out, err = run("predict", trained[0], stdin=raw)
        assert (status, out) == (1, "")
        assert said.replace("texts.txt", "standard input") in one_line(err)
    for path, said in ((tmp_path / "none.txt", "No such file"), (tmp_path, "Is a directory")):
        status, _, err = run("predict", trained[0], "--file", path)
        assert status == 1
        assert said in one_line(err)
        assert str(path) in one_line(err)
    status, _, err = run("predict", trained[0], "a text", "--file", file)
    assert status == 1
    assert "Texts come as arguments or from --file; received both." in one_line(err)


@pytest.mark.parametrize("command", ["info", "predict", "train", "evaluate", "export"])
def test_an_unknown_model_is_answered_with_the_nearest(run, shelf, tmp_path, command):
    more = [tmp_path / "out"] if command == "export" else []
    status, _, err = run(command, "tinny", *more)
    assert status == 1
    message = "There is no model and no folder named 'tinny'. Nearest: tiny. All names: `keras-rnn list`"
    assert message in one_line(err)


def test_a_folder_that_is_no_entry_and_an_entry_without_weights(run, shelf, tmp_path):
    status, _, err = run("predict", tmp_path, "a text")
    assert status == 1
    assert "is no zoo entry: it holds no recipe.toml." in one_line(err)
    status, _, err = run("predict", "tiny", "a text")
    assert status == 1
    assert "holds a recipe and no trained weights." in one_line(err)


def test_damaged_weights_and_a_wrong_recipe(run, trained, tmp_path):
    folder = tmp_path / "broken"
    tiny.write_entry(folder, tiny.changed("seed = 7", "seeed = 7"))
    status, _, err = run("info", folder)
    assert status == 1
    assert "`seeed` is no key of [training]. Did you mean `seed`?" in one_line(err)
    for name in ("recipe.toml", "metrics.json", "assets/vocabulary.txt", "model.weights.h5"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((trained[0] / name).read_bytes()[: 500 if name.endswith("h5") else None])
    status, _, err = run("predict", folder, "a text")
    assert status == 1
    assert "model.weights.h5 is damaged: it must be" in one_line(err)


def test_evaluate_prints_json_and_writes_with_write_alone(run, trained, reviews):
    before = tiny.metrics(trained[0])
    status, out, _ = run("evaluate", trained[0], "--data", reviews, "--examples", 20)
    assert (status, json.loads(out)["examples"]) == (0, 20)
    status, out, _ = run("evaluate", trained[0], "--data", reviews)
    assert status == 0
    assert tiny.metrics(trained[0]) == before
    status, out, _ = run("evaluate", trained[0], "--data", reviews, "--write")
    result = json.loads(out)
    assert tiny.metrics(trained[0]) == {**before, "evaluation": result}
    assert result["examples"] == 48


def test_export(run, trained, tmp_path):
    status, out, _ = run("export", trained[0], tmp_path / "served")
    assert status == 0
    assert "signature serving_default, input `text`, outputs `probability` and `label`" in out
    serve = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    assert distance(serve(text=tf.constant(TEXTS))["probability"], expected(trained[0])) < 1e-5
    (tmp_path / "thesis").mkdir()
    status, _, err = run("export", trained[0], tmp_path / "thesis")
    assert status == 1
    assert "`path` must be a new folder" in one_line(err)


def test_list_and_info(run, shelf, trained, reviews):
    status, out, _ = run("list")
    assert status == 0
    assert "tiny" in out
    assert "not trained yet" in out
    entry = folders.zoo_folder() / "tiny" / "metrics.json"
    told = {
        **tiny.metrics(trained[0]),
        "evaluation": {"accuracy": 0.87654, "cross_entropy": 0.3, "seconds": 1},
    }
    entry.write_text(json.dumps(told))
    try:
        assert "0.8765" in run("list")[1]
        [row] = json.loads(run("list", "--json")[1])
        assert (row["name"], row["result"]) == ("tiny", "accuracy 0.8765")
        assert json.loads(run("list", "--json", "--pattern", "x*")[1]) == []
    finally:
        entry.unlink()
    status, out, _ = run("info", trained[0])
    assert status == 0
    assert "Sentiment of made-up reviews" in out
    info = json.loads(run("info", "tiny", "--json")[1])
    assert info["recipe"]["training"]["seed"] == 7


def test_card_writes_and_checks(run, shelf):
    status, out, _ = run("card")
    assert status == 0
    assert str(shelf / "tiny" / "README.md") in out
    assert run("card", "--check") == (0, "", "")
    page = shelf / "tiny" / "README.md"
    page.write_text(page.read_text().replace("seed 7", "seed 8"))
    status, _, err = run("card", "--check")
    assert status == 1
    assert f"Not up to date: {page}. Run `keras-rnn card`." in one_line(err)
    assert run("card")[1].split() == [str(page)]


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_no_data_and_no_network_says_which_file_goes_where(run, trained, tmp_path, monkeypatch, command):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_RNN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(imdb, "URL", "http://127.0.0.1:9/aclImdb_v1.tar.gz")
    status, _, err = run(command, trained[0], *(["--output", tmp_path / "run"] if command == "train" else []))
    assert status == 1
    message = one_line(err)
    assert "http://127.0.0.1:9/aclImdb_v1.tar.gz could not be downloaded" in message
    assert f"or save the file by hand as {tmp_path}/data/aclImdb_v1.tar.gz" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["predict"],
        ["list", "--colour", "red"],
        ["train", "tiny", "--epochs", "0"],
        ["export", "tiny"],
    ],
)
def test_wrong_arguments_have_status_2(run, arguments):
    status, _, err = run(*arguments)
    assert status == 2
    assert "Usage: " in err


def test_version(run):
    assert run("--version")[:2] == (0, f"{__version__}\n")


def whole_process(*arguments, env=os.environ, **options):
    # Who sets the level wants to see what TensorFlow says; a test of the silence does not.
    env = {name: value for name, value in env.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, env=env, **options)


def test_help_answers_without_tensorflow(tmp_path):
    # A tensorflow that cannot be imported stands in the way of whoever tries.
    (tmp_path / "tensorflow.py").write_text("raise ImportError('TensorFlow was imported')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    for arguments in (["--help"], ["train", "--help"], ["--version"], ["predict"], []):
        result = whole_process(*arguments, env=environment)
        assert "TensorFlow was imported" not in result.stderr
        assert result.returncode == (2 if arguments in (["predict"], []) else 0)
    commands = whole_process("--help", env=environment).stdout
    for name in ("list", "info", "predict", "train", "evaluate", "export", "card"):
        assert f" {name} " in commands
    assert whole_process("list", env=environment).returncode == 1


def test_a_whole_process_says_its_error_in_one_line_and_fails(tmp_path):
    result = whole_process("predict", "imdb_lst", "a text", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    # Nothing else: not a traceback, and none of what TensorFlow says while it loads.
    assert result.stderr.startswith(
        "Error: There is no model and no folder named 'imdb_lst'. Nearest: imdb_lstm"
    )
    assert result.stderr.count("\n") == 1


def test_a_whole_process_predicts(trained):
    result = whole_process("predict", trained[0], "--json", "a fine film")
    assert (result.returncode, result.stderr) == (0, "")
    [row] = objects(result.stdout)
    assert abs(row["probability_positive"] - expected(trained[0], ["a fine film"])[0]) < 1e-5
