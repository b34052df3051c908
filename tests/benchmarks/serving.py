"""Time of one 200-word review through an exported SavedModel, and of a batch of 64.

python tests/benchmarks/serving.py imdb_bilstm [--repeats 100]
"""

import argparse
import statistics
import tempfile
import time

import tensorflow as tf

from keras_rnn import zoo
from keras_rnn.zoo.environment import environment

SENTENCE = "the plot is thin but the two leads carry it and I was moved more than once . "


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
            text = tf.constant([review] * size)
            seconds = []
            for repeat in range(arguments.repeats + 10):
                began = time.perf_counter()
                serve(text=text)["probability"].numpy()
                if repeat >= 10:
                    seconds.append(time.perf_counter() - began)
            print(f"batch {size}: median {1e3 * statistics.median(seconds):.2f} ms, of {arguments.repeats}")
    print(environment())


if __name__ == "__main__":
    main()
