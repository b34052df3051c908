"""Peak memory of one training step of a layer, in a process of its own.

    python tests/benchmarks/peak_memory.py NAME BATCH TIME FEATURES UNITS

prints time and growth of the resident memory, from before the first step, as JSON.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYERS = ("keras", "ours", "recompute")


def measure(name, shape):
    result = subprocess.run(
        [sys.executable, __file__, name, *map(str, shape)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(result.stdout.splitlines()[-1])


def peak_kilobytes():
    """Of this process alone: what `getrusage` says would include the peak of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def main(name, *shape):
    sys.path.insert(0, str(ROOT))
    import time

    import keras

    from keras_rnn import layers
    from tests.benchmarks.sides import keras_side

    units = shape[-1]
    layer = {
        "keras": lambda: keras.layers.LSTM(units, return_sequences=True),
        "ours": lambda: layers.LSTM(units, return_sequences=True),
        "recompute": lambda: layers.LSTM(units, return_sequences=True, recompute=True),
    }[name]()
    keras_side(
        layer, (1, 2, *shape[2:]), known_time=True
    )()  # libraries, pools and kernels, which are no matter here
    run = keras_side(layer, shape, known_time=True)  # as `fit` on an array has it
    before = peak_kilobytes()
    run()
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    megabytes = round((peak_kilobytes() - before) / 1024, 1)
    print(json.dumps({"megabytes": megabytes, "milliseconds": round(1e3 * seconds, 1)}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
