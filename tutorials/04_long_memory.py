# %% [markdown]
# # 04 · Long memory: gradients that vanish, and weights that cannot let them
#
# **Problem.** Ten symbols are shown; after a long delay they are to be said again. Nothing in between tells what they
# were: the state of a recurrent network must carry them. This is the copying task of Hochreiter and Schmidhuber (1997).
#
# **Data.** Drawn from a random generator, new rows in each batch.
#
# **Baseline: accuracy 0.125**, what guessing one of eight symbols reaches.
#
# Run it as it stands, or cell by cell in an editor that knows `# %%`. `KERAS_RNN_TUTORIAL_FAST=1` takes a short delay
# and small networks, and a minute.

# %%
import os
import subprocess
import sys
from pathlib import Path

FAST = os.environ.get("KERAS_RNN_TUTORIAL_FAST") == "1"
DELAY = 20 if FAST else 100
UNITS = 64 if FAST else 128
BATCH = 32 if FAST else 128
EPOCHS, STEPS = (6 if FAST else 10), (50 if FAST else 100)  # an epoch is so many batches
ADDING = 30 if FAST else 200  # length of the sequences of the adding problem
OUTPUT = Path(os.environ.get("KERAS_RNN_TUTORIAL_OUTPUT", "runs/tutorial_04"))
BASELINE = 0.125

# %%
import keras
import numpy as np

from keras_rnn import callbacks, experiments, export, layers, optimizers, plots
from keras_rnn.datasets import copy_memory

keras.utils.set_random_seed(1)
OUTPUT.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(1)

ids, targets = copy_memory.sample(1, DELAY, random)
print("reads", "".join("01234567-?"[k] for k in ids[0]))
print("says ", "".join("01234567-?"[k] for k in targets[0]))
print(f"cross entropy without memory: {copy_memory.baseline(DELAY):.4f}")

# %% [markdown]
# ## Why it is hard
#
# A change of the state at step k changes the state at a later step t by the product of the Jacobians in between:
#
#     h[s] = tanh(x[s] W + h[s-1] U + b)        dh[t]/dh[k] = product over s = k+1 .. t of U diag(1 - h[s]^2)
#
# With a matrix whose singular values are below 1 the product shrinks with every step, and so does what the loss at t
# can teach about k: the gradient *vanishes*. With values above 1 it may grow: it *explodes*. An orthogonal matrix,
# U^T U = I, has ones alone, and what is left of the shrinking is the derivative of the activation: modReLU has ones
# there, too, for every unit that is not shut. An LSTM takes another way: its c[t] is a sum, and what the forget gate
# lets through is multiplied by no matrix at all.
#
# The norm of dh[t]/dh[k] against the distance t - k, before any training:

# %%
SMALL = 24
x = random.normal(size=(4, DELAY, 3)).astype("float32")


def simple(scale):
    """A network of tanh whose recurrent matrix is orthogonal but for a factor, which is its singular values."""
    return layers.SimpleRNN(SMALL, recurrent_initializer=keras.initializers.Orthogonal(scale, seed=1))


networks = {
    "tanh, singular values 0.8": simple(0.8),
    "tanh, singular values 1": simple(1.0),
    "tanh, singular values 1.6": simple(1.6),
    "LSTM": layers.LSTM(SMALL),
    "ExpRNN": layers.ExpRNN(SMALL),
}
norms = {name: plots.state_gradients(layer, x) for name, layer in networks.items()}
for name, own in norms.items():
    print(f"{name:26} after {DELAY} steps: {own[-1]:.1e}")
plots.gradient_norms(norms, OUTPUT / "gradients.png", "Before training", "norm of dh[t] / dh[k]")
print(f"Gradients: {OUTPUT / 'gradients.png'}")

# %% [markdown]
# An exploding gradient throws the weights far away in one step. *Clipping* keeps its direction and bounds its length:
# g / max(1, |g| / c). Below, the norm of the gradient of the weights of a linear network for one batch, and how far
# one step of gradient descent goes with and without a clip at 1. Against vanishing it is of no use: nothing times
# anything is nothing.

# %%
for scale in (0.8, 1.6):
    moved = {}
    for clip in (None, 1.0):
        keras.utils.set_random_seed(1)
        start = keras.initializers.Orthogonal(scale, seed=1)
        linear = keras.Sequential([layers.SimpleRNN(SMALL, "linear", recurrent_initializer=start)])
        linear.compile(keras.optimizers.SGD(1.0, global_clipnorm=clip), "mse")
        linear.build(x.shape)
        before = linear.get_weights()
        linear.train_on_batch(x, np.zeros((4, SMALL)))
        steps = [one - other for one, other in zip(linear.get_weights(), before)]
        moved[clip] = np.sqrt(sum((step**2).sum() for step in steps))
    print(f"singular values {scale}: a step of length {moved[None]:.1e}, clipped {moved[1.0]:.1e}")

# %% [markdown]
# ## Model
#
# One-hot ids, one recurrent layer, and a softmax at each step. Two networks are compared:
#
# * an LSTM, its gradient clipped;
# * an ExpRNN (Lezcano-Casado, Martínez-Rubio 2019): modReLU, and a recurrent matrix that stays orthogonal while it is
#   trained. `Orthogonal("matrix_exp")` makes it of a free matrix A that any optimizer may change as it likes:
#   U = exp((A - A^T) / 2) B. The callback moves the base point B to U every 100 updates, and A back to 0. The free
#   matrix learns ten times more slowly than the other weights.
#
# RMSprop divides each gradient by the root of its mean square. What keeps that from zero must be small: Keras's 1e-7
# has the root 3e-4, and once the task is learned most gradients are smaller.


# %%
def network(layer):
    ids = keras.Input((None,), dtype="int32")
    kinds = copy_memory.VOCABULARY
    x = keras.layers.Embedding(kinds, kinds, embeddings_initializer="identity", trainable=False)(ids)
    return keras.Model(ids, keras.layers.Dense(kinds - 1)(layer(x)))


models = {
    "LSTM": network(layers.LSTM(UNITS, return_sequences=True)),
    "ExpRNN": network(layers.ExpRNN(UNITS, return_sequences=True)),
}
slower = {"recurrent_kernel": 0.1}
told = {"learning_rate": 1e-3, "epsilon": 1e-16}
rmsprop = {
    "LSTM": keras.optimizers.RMSprop(**told, global_clipnorm=1.0),
    "ExpRNN": optimizers.LearningRateMultipliers(keras.optimizers.RMSprop(**told), slower),
}
recurrent = {name: model.layers[2].cell for name, model in models.items()}
recorded = callbacks.SingularValues(lambda: recurrent["ExpRNN"].recurrent_kernel)
extra = {"LSTM": [], "ExpRNN": [callbacks.DynamicTrivialization(100), recorded]}

# %% [markdown]
# ## fit()
#
# The k-th batch follows from the seed and k alone, so a training that was stopped goes on with the rows that it would
# have read. `shuffle=False` leaves them in their order.

# %%
held_out = copy_memory.sample(256, DELAY, random)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
curves = {}
for name, model in models.items():
    model.compile(rmsprop[name], loss)
    history = model.fit(
        copy_memory.batches(DELAY, EPOCHS * STEPS, BATCH, seed=1),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        shuffle=False,
        validation_data=held_out,
        callbacks=extra[name],
        verbose=0,
    )
    losses = history.history["val_loss"]
    curves[name] = ([STEPS * (k + 1) for k in range(EPOCHS)], losses)
    print(f"{name}: held-out cross entropy {losses[-1]:.5f} after {EPOCHS * STEPS} updates")

title = f"delay {DELAY}"
plots.memory_curves(
    {title: curves},
    {title: copy_memory.baseline(DELAY)},
    OUTPUT / "curves.png",
    "Copying ten symbols",
    "cross entropy (nats)",
)
plots.singular_values(recorded.values, OUTPUT / "singular_values.png")
print(f"Curves: {OUTPUT / 'curves.png'}; singular values of U: {OUTPUT / 'singular_values.png'}")

# %% [markdown]
# The LSTM first learns to be silent, and then stays at the loss of one who remembers nothing. The ExpRNN leaves it
# within some hundred updates, and its singular values are ones from the first to the last.
#
# ## Evaluate
#
# On new rows: the share of the ten symbols that are said right.

# %%
ids, targets = copy_memory.sample(500, DELAY, random)
for name, model in models.items():
    said = model.predict(ids, verbose=0).argmax(axis=-1)[:, -copy_memory.LENGTH :]
    accuracy = (said == targets[:, -copy_memory.LENGTH :]).mean()
    if name == "ExpRNN":
        print(f"test accuracy {accuracy:.4f} (baseline {BASELINE})")
    else:
        print(f"{name}: accuracy {accuracy:.4f}")

# %% [markdown]
# And how much of the loss of the answer each earlier state is told, after training: the norm of dL/dh[T - d] against
# the distance d. The symbols stand at its right end.

# %%
one_hot = np.eye(copy_memory.VOCABULARY, dtype="float32")[ids[:4]]
norms = {
    name: plots.loss_gradients(model.layers[2], one_hot, lambda h, m=model: loss(targets[:4], m.layers[3](h)))
    for name, model in models.items()
}
plots.gradient_norms(norms, OUTPUT / "loss_gradients.png", "After training", "norm of dL / dh[T - d]")
print(f"Gradients of the loss: {OUTPUT / 'loss_gradients.png'}")

# %% [markdown]
# ## What the gates of the LSTM do meanwhile
#
# Each gate of each unit, step by step, on one row: the symbols, the blanks, the marker, the blanks of the answer.

# %%
values = plots.gate_activations(models["LSTM"].layers[2], one_hot[:1])
plots.gates({name: own[0] for name, own in values.items()}, OUTPUT / "gates.png", title="LSTM")
print(f"Gates: {OUTPUT / 'gates.png'}")

# %% [markdown]
# ## The adding problem
#
# Memory of another kind: of many numbers two are marked, and their sum is wanted. Who always answers 1 has a mean
# squared error of 1/6. `keras_rnn.experiments` trains any of its networks on it, goes on where it was stopped, and
# draws what it measured; `keras-rnn experiment adding` and `keras-rnn experiment copy-memory` do the same from the
# command line, with the delays 100 to 500 of Arjovsky, Shah and Bengio (2016).

# %%
rows = experiments.compare(
    [experiments.adding(ADDING)],
    ["gru", "exp_rnn"],
    experiments.Settings("gru", UNITS, updates=200 if FAST else 2_000, batch_size=BATCH),
    OUTPUT / "adding",
    "Adding two of many numbers",
)

# %% [markdown]
# ## Export, and serve from a process that knows only TensorFlow
#
# With `export.export_model` what is exported holds the orthogonal matrix itself, as a constant: nothing is computed
# from a free one any more.

# %%
model = models["ExpRNN"]
export.export_model(model, OUTPUT / "saved_model", verbose=False)
np.save(OUTPUT / "ids.npy", ids[:2])
client = f"""
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load({str(OUTPUT / "saved_model")!r})
np.save({str(OUTPUT / "served.npy")!r}, model.serve(tf.constant(np.load({str(OUTPUT / "ids.npy")!r}))))
sys.exit("keras_rnn" in sys.modules)
"""
subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, check=True)
here, served = model.predict(ids[:2], verbose=0), np.load(OUTPUT / "served.npy")
print(f"largest difference {np.abs(here - served).max():.1e}")

# %% [markdown]
# ## From here
#
# `keras_rnn.zoo.load("copy_memory_exp_rnn")` remembers over a thousand steps. `recurrent_parametrization=` holds the
# recurrent weights of `SimpleRNN`, `LSTM` and `GRU`; `layers.Parametrized` any weight of any Keras layer.
