"""Time of one 200-word review through an exported SavedModel, and of a batch of 64.

python tests/benchmarks/serving.py imdb_bilstm [--repeats 100]
"""

import argparse
import statistics
import tempfile
import time

import tensorflow as tf

from keras_rnn import zoo
from keras_rnn.environment import environment

SENTENCE = "the plot is thin but the two leads carry it and I was moved more than once . "
WARM_UP = 10


def latencies(run, inputs):
    """Seconds of `run` for each of the inputs, but for the first ones, which warm it."""
    seconds = []
    for one in inputs:
        began = time.perf_counter()
        run(one)
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP:]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("--repeats", type=int, default=100)
    arguments = parser.parse_args()
    review = " ".join((SENTENCE * 12).split()[:200])
    with tempfile.TemporaryDirectory() as folder:
        zoo.load(arguments.name).export(f"{folder}/model")
        serve = tf.saved_model.load(f"{folder}/model").signatures["serving_default"]
        for size in (1, 64):
            texts = [tf.constant([review] * size)] * (WARM_UP + arguments.repeats)
            seconds = latencies(lambda text: serve(text=text)["probability"].numpy(), texts)
            print(f"batch {size}: median {1e3 * statistics.median(seconds):.2f} ms, of {arguments.repeats}")
    print(environment())


if __name__ == "__main__":
    main()
