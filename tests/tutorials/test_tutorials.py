"""Every tutorial runs from its first line to its last, and beats the baseline that its header states."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.py"))

PICTURES = {
    "01_sentiment": ["curves.png", "states.png"],
    "02_language_models": ["curves.png", "models.png"],
    "03_translation": ["alignment.png", "alignment_zoo.png", "curves.png"],
    "04_long_memory": [
        "curves.png",
        "gates.png",
        "gradients.png",
        "loss_gradients.png",
        "singular_values.png",
    ],
    "05_self_attention": ["attention.png", "contributions.png", "curves.png"],
}

#: What a tutorial shows by a printed line.
SAID = {
    "05_self_attention": (
        r"by hand and by the layer: \d\.\de-1\d apart",
        r"forwards and backwards: \d\.\de-1\d apart",
        r"with positions: \d\.\de[+-]0[01] apart",
        "bit-identical: True",
    )
}


def test_all_tutorials_are_there():
    assert [path.stem for path in TUTORIALS] == list(PICTURES)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif("KERAS_RNN_DATA" not in os.environ, reason="KERAS_RNN_DATA is unset: no real corpora")
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs_and_beats_its_baseline(path, tmp_path):
    environment = {
        **os.environ,
        "KERAS_RNN_TUTORIAL_FAST": "1",
        "KERAS_RNN_TUTORIAL_OUTPUT": str(tmp_path),
        "PYTHONWARNINGS": "error::UserWarning:keras_rnn",
    }
    done = subprocess.run(
        [sys.executable, path], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    header = path.read_text(encoding="utf-8").split("# %%\n", 1)[0]
    pattern = r"Baseline: (accuracy|perplexity|BLEU) (\d+\.?\d*)(?:\*\* \((\S+) in the fast run\))?"
    metric, stated, in_fast_run = re.search(pattern, header).groups()
    stated = in_fast_run or stated
    reached, baseline = re.search(rf"test {metric} (\S+) \(baseline (\S+)\)", done.stdout).groups()
    assert float(baseline) == float(stated)
    if metric == "accuracy":
        assert float(reached) > float(stated) + 0.1
    elif metric == "BLEU":
        assert float(reached) > float(stated) + 3
    else:
        assert float(reached) < 0.9 * float(stated)
    assert float(re.search(r"largest difference (\S+)", done.stdout)[1]) < 1e-5
    for line in SAID.get(path.stem, ()):
        assert re.search(line, done.stdout), line
    for picture in tmp_path.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert {picture.name for picture in tmp_path.glob("*.png")} == set(PICTURES[path.stem])


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_uses_the_public_api_alone(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(keras\.src|tensorflow\.python|keras_rnn\.\w+\._|\._[a-z])", text)
