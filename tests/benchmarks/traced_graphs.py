"""Memory that stays behind when a layer and its traced training step are gone.

    python tests/benchmarks/traced_graphs.py [LAYERS]

Makes that many small layers (default 60), one after the other, traces a training step of each, drops both,
and prints by how many megabytes the process grew for each: of our LSTM and of keras.layers.LSTM, without XLA
and with it. A process of its own for each row. XLA keeps what it compiles; nobody can free that.
"""

import gc
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

WARM_UP = 8
ROWS = [(side, xla) for xla in ("graph", "xla") for side in ("keras_rnn", "keras")]


def resident():
    """Megabytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def growth(side, xla, count):
    import keras
    import tensorflow as tf

    import keras_rnn

    x = tf.ones((2, 5, 3))

    def make_and_drop():
        layer = (keras_rnn if side == "keras_rnn" else keras).layers.LSTM(4)
        layer.build(x.shape)

        @tf.function(jit_compile=xla == "xla")
        def step(x):
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(layer(x))
            return tape.gradient(total, layer.trainable_variables)

        step(x)

    for k in range(WARM_UP + count):
        if k == WARM_UP:
            gc.collect()
            before = resident()
        make_and_drop()
    gc.collect()
    return (resident() - before) / count


def main(count):
    for side, xla in ROWS:
        command = [sys.executable, __file__, str(count), side, xla]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{side:10} {xla:6} {float(found.stdout.split()[-1]):.2f} MB a layer", flush=True)


if __name__ == "__main__":
    layers = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    if len(sys.argv) > 2:
        print(growth(*sys.argv[2:], layers))
    else:
        main(layers)
