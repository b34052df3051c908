"""Words per second of the zoo's IMDB entries at inference, in one interleaved run.

python tests/benchmarks/classifiers.py [NAME ...] [--reviews 1000] [--rounds 5] [--write]

`--write` puts the numbers into each entry's metrics.json, from which `keras-rnn card` makes zoo/sentiment.md.
"""

import argparse
import json
import statistics
import sys
import time

from keras_rnn import zoo
from keras_rnn.datasets import imdb
from keras_rnn.environment import environment
from keras_rnn.files import write_text
from keras_rnn.zoo.folders import METRICS, read_entry
from keras_rnn.zoo.sentiment_page import trained_entries


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--reviews", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    test = imdb.load("test")
    if arguments.reviews < len(test):
        _, test = test.split(arguments.reviews / len(test), seed=0)
    texts = test.texts
    models = {name: zoo.load(name) for name in arguments.names or trained_entries()}
    seconds = {name: [] for name in models}
    for round_ in range(-1, arguments.rounds):  # the first one warms
        for name in sorted(models, reverse=round_ % 2 == 1):
            began = time.perf_counter()
            models[name].predict(texts, batch_size=64, verbose=0)
            if round_ >= 0:
                seconds[name].append(time.perf_counter() - began)
    for name, model in models.items():
        words = sum(map(len, model.tokenizer.encode(texts)))  # those it reads: long reviews are cut
        speed = {
            "words_per_second": round(words / statistics.median(seconds[name])),
            "reviews": len(texts),
            "rounds": arguments.rounds,
            "command": " ".join(["python", *sys.argv]),
            **environment(),
        }
        print(f"{name}: {speed['words_per_second']:,} words per second")
        if arguments.write:
            folder, _, metrics = read_entry(name)
            write_text(folder / METRICS, json.dumps({**metrics, "speed": speed}, indent=2) + "\n")


if __name__ == "__main__":
    main()
