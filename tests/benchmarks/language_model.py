"""Tokens per second of `fit()` on a language model, against the same model trained in torch, in one run.

    python tests/benchmarks/language_model.py [--tokens 42000] [--rounds 3] [--write]

The model and the training are those of `ptb_lstm_medium` (2 x 650, 20 streams, 35 steps, dropout 0.5, SGD
with clipping) on the first tokens of the Penn Treebank; an epoch is timed as a whole, callbacks and data
included. Sides: ours in float32 and with mixed_bfloat16, torch in float32 and with bfloat16 autocast. Prints
also the peak memory of our training, in a process of its own. Nothing else may run on the machine.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch's idle threads would spin beside TensorFlow's
sys.path.insert(0, str(Path(__file__).parents[2]))

from keras_rnn.datasets import TokenStream, penn_treebank
from keras_rnn.layers import LSTM
from keras_rnn.models import LanguageModel
from keras_rnn.optimizers import AveragedSGD
from tests.benchmarks.peak_memory import peak_kilobytes
from tests.benchmarks.recurrence import machine
from tests.benchmarks.timing import interleave

RESULTS = Path(__file__).parent / "results" / "language_model.json"
VOCABULARY, UNITS, STREAMS, STEPS, DROPOUT, CLIP = 10_000, 650, 20, 35, 0.5, 5.0


def our_epoch(ids, dtype):
    model = LanguageModel(
        VOCABULARY,
        [LSTM(UNITS, dtype=dtype), LSTM(UNITS, dtype=dtype)],
        UNITS,
        input_dropout=DROPOUT,
        hidden_dropout=DROPOUT,
        output_dropout=DROPOUT,
        locked=False,
        sum_over_steps=True,
        initializer_range=0.05,
        dtype=dtype,
    )
    model.compile(AveragedSGD(1.0, global_clipnorm=CLIP))
    stream = TokenStream(ids, STREAMS, STEPS)
    return lambda: model.fit(stream, verbose=0)


def torch_epoch(ids, bfloat16):
    import torch
    from torch import nn

    embedding, lstm = nn.Embedding(VOCABULARY, UNITS), nn.LSTM(UNITS, UNITS, 2, dropout=DROPOUT)
    softmax, drop = nn.Linear(UNITS, VOCABULARY), nn.Dropout(DROPOUT)
    parameters = [p for part in (embedding, lstm, softmax) for p in part.parameters()]
    optimizer = torch.optim.SGD(parameters, 1.0)
    width = (len(ids) - 1) // STREAMS
    columns = torch.from_numpy(ids[: STREAMS * width + 1]).long()
    inputs, targets = (columns[k : k + STREAMS * width].view(STREAMS, width).T for k in (0, 1))

    def epoch():
        states = None
        for begin in range(0, width, STEPS):
            x, y = inputs[begin : begin + STEPS], targets[begin : begin + STEPS]
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                h, states = lstm(drop(embedding(x)), states)
                z = softmax(drop(h))
            loss = nn.functional.cross_entropy(z.float().flatten(0, 1), y.flatten(), reduction="sum")
            optimizer.zero_grad()
            (loss / STREAMS).backward()
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            states = tuple(s.detach() for s in states)

    return epoch


def memory(dtype):
    """Peak resident memory of a process that trains for some steps, in MB."""
    ids = penn_treebank.load("train").tokens[: STREAMS * STEPS * 20 + 1]
    our_epoch(ids, dtype)()
    return round(peak_kilobytes() / 1024)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=42_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="save the numbers in results/")
    parser.add_argument("--memory", metavar="DTYPE", help="print the peak memory of a training, nothing else")
    arguments = parser.parse_args()
    if arguments.memory:
        print(memory(arguments.memory))
        return
    ids = penn_treebank.load("train").tokens[: arguments.tokens + 1]
    began = time.time()
    sides = {
        "ours float32": our_epoch(ids, "float32"),
        "ours bfloat16": our_epoch(ids, "mixed_bfloat16"),
        "torch float32": torch_epoch(ids, False),
        "torch bfloat16": torch_epoch(ids, True),
    }
    seconds = interleave(sides, arguments.rounds, warm_up=1)
    rates = {name: arguments.tokens / s for name, s in seconds.items()}
    peaks = {
        dtype: int(
            subprocess.run(
                [sys.executable, __file__, "--memory", dtype], capture_output=True, text=True, check=True
            ).stdout.split()[-1]
        )
        for dtype in ("float32", "mixed_bfloat16")
    }
    result = {
        "tokens": arguments.tokens,
        "tokens_per_second": {name: round(rate) for name, rate in rates.items()},
        "float32 against float32": round(rates["ours float32"] / rates["torch float32"], 3),
        "bfloat16 against torch float32": round(rates["ours bfloat16"] / rates["torch float32"], 3),
        "bfloat16 against bfloat16": round(rates["ours bfloat16"] / rates["torch bfloat16"], 3),
        "peak_mb": peaks,
        "minutes": round((time.time() - began) / 60, 1),
        **machine(),
    }
    print(json.dumps(result, indent=1))
    if arguments.write:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
