"""A training that is killed, at any moment, goes on with the same command and ends like one that was not."""

import json
import random
import signal
import subprocess
import sys

import pytest

from keras_rnn import zoo
from keras_rnn.datasets import imdb, penn_treebank
from tests.models.small import distance
from tests.zoo import tiny, tiny_corpus
from tests.zoo.tiny import metrics, names, write_entry

# One process imports TensorFlow, which takes seconds, and forks for each attempt, before it has used it.
# An attempt dies by SIGKILL when its time is up, or right before or after it puts the n-th file in place.
# A forked process may, rarely, wait for ever on a lock of a thread that was not forked: the alarm ends it.
DRIVER = """
import itertools, json, os, signal, sys, threading, traceback
from keras_rnn.datasets import imdb, penn_treebank
from keras_rnn.zoo.training import train

imdb.REVIEWS_PER_CLASS, penn_treebank.FILES = json.loads(sys.argv[4])
die = lambda: os.kill(os.getpid(), signal.SIGKILL)

def arm(kind, when):
    if kind == "seconds":
        threading.Timer(when, die).start()
    if kind in ("before file", "after file"):
        count, replace = itertools.count(), os.replace
        def replace_or_die(source, target):
            mine = next(count) == when
            if mine and kind == "before file":
                die()
            replace(source, target)
            if mine:
                die()
        os.replace = replace_or_die

status = []
for kind, when in json.loads(sys.argv[5]):
    if kind == "never" and status[-1:] == [0]:
        break
    child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            arm(kind, when)
            train(*sys.argv[1:4], verbose=0)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    status.append(os.waitpid(child, 0)[1])
print("status", json.dumps(status))
"""


@pytest.mark.parametrize(
    ("recipe", "corpus", "whole", "counted"),
    [(tiny.RECIPE, "reviews", "finished", "examples"), (tiny_corpus.RECIPE, "text", "finished_lm", "tokens")],
    ids=["classifier", "language model"],
)
def test_a_killed_training_ends_like_one_that_was_not(recipe, corpus, whole, counted, request, tmp_path):
    data, finished = request.getfixturevalue(corpus), request.getfixturevalue(whole)[1]
    expects = json.dumps([imdb.REVIEWS_PER_CLASS, penn_treebank.FILES])
    seed = random.randrange(10**6)
    moment = random.Random(seed)
    # A first attempt puts recipe, options and vocabulary in place, then checkpoint, history and curves of
    # each epoch, at last weights, metrics and probe.
    kills = [
        ("seconds", moment.uniform(0, 1)),
        (moment.choice(["before file", "after file"]), moment.randrange(3)),
        ("before file", moment.choice([3, 4, 5])),
        (moment.choice(["before file", "after file"]), moment.randrange(3)),
        ("seconds", moment.uniform(0, 3)),
        ("after file", 0),
    ]
    source, output = write_entry(tmp_path / "tiny", recipe), tmp_path / "run"
    plan = json.dumps([*kills, ("never", 0), ("never", 1), ("never", 2)])
    result = subprocess.run(
        [sys.executable, "-c", DRIVER, source, output, data, expects, plan],
        capture_output=True,
        text=True,
        timeout=300,
    )
    note = f"seed {seed}, kills {kills}\n{result.stdout}\n{result.stderr}"
    assert result.returncode == 0, note
    status = json.loads(result.stdout.rpartition("status ")[2])
    assert status.count(signal.SIGKILL) >= 4, note  # a timer may come too late for an attempt
    assert set(status) <= {signal.SIGKILL, signal.SIGALRM, 0}, note
    assert status[-1] == 0, note
    for key in ("steps", "epochs", counted, "final"):
        ours, theirs = (metrics(folder)["training"][key] for folder in (output, finished))
        assert ours == pytest.approx(theirs, abs=1e-6), note
    assert distance_of_weights(zoo.load(output), zoo.load(finished)) < 1e-6, note
    expected = (finished / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in (output / "history.csv").read_text().splitlines()] == [
        row.split(",")[0] for row in expected
    ]
    # What was being written when the kill came bears a hidden name still; all else is as it should be.
    assert [name for name in names(output) if not name.startswith(".")] == names(finished), note


def distance_of_weights(a, b):
    return max(distance(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))
