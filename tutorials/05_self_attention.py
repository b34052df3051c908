# %% [markdown]
# # 05 · Self-attention from scratch: the first step to the Transformer
#
# **Problem.** A recurrent network passes what it has read through its state, step by step. Self-attention lets each
# word read all words at once. How is it reckoned, what does it need besides, and how well does it judge a review?
#
# **Data.** The film reviews of tutorial 01, 50,000 from IMDB.
#
# **Baseline: accuracy 0.50**, what a constant answer reaches. (Tutorial 01's BiLSTM is the one to compare with.)
#
# Run it as it stands, or cell by cell in an editor that knows `# %%`. `KERAS_RNN_TUTORIAL_FAST=1` shrinks it to a
# minute, and its result with it.

# %%
import os
import subprocess
import sys
from pathlib import Path

FAST = os.environ.get("KERAS_RNN_TUTORIAL_FAST") == "1"
REVIEWS = 2_000 if FAST else 25_000  # for training; as many for the test
VOCABULARY = 5_000 if FAST else 20_000
MAX_LENGTH = 100 if FAST else 400  # words read of a review: the first quarter of them, and the end
FEATURES, HEADS = (32, 2) if FAST else (64, 4)
EPOCHS = 5
OUTPUT = Path(os.environ.get("KERAS_RNN_TUTORIAL_OUTPUT", "runs/tutorial_05"))
BASELINE = 0.50

# %%
import keras
import numpy as np

from keras_rnn import datasets, explain, layers, models, plots
from keras_rnn.text import WordTokenizer, split_words

keras.utils.set_random_seed(1)
OUTPUT.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(1)

# %% [markdown]
# ## Attention in six lines
#
# Each step i of a sequence x asks a question, q[i]; each step j has a key, k[j], and something to say, v[j]. How well
# question and key agree says how much of v[j] step i reads:
#
#     q = x W_q      k = x W_k      v = x W_v
#     a[i, j] = softmax over j of  q[i] . k[j] / sqrt(h)
#     c[i]    = sum over j of a[i, j] v[j]
#
# h is the length of q and k. Without the root the scores of long vectors would be large, their softmax would choose
# one step alone, and its gradient would be nearly 0.


# %%
def attend(q, k, v, allowed):
    """The equations above; `allowed` (i, j) says whether i may read j."""
    scores = np.where(allowed, q @ k.T / np.sqrt(q.shape[1]), -np.inf)
    a = np.exp(scores - scores.max(axis=1, keepdims=True))
    a /= a.sum(axis=1, keepdims=True)
    return a @ v, a


STEPS = 6
x = random.normal(size=(STEPS, 8))
W_q, W_k, W_v = random.normal(size=(3, 8, 8)) / np.sqrt(8)
everything = np.ones((STEPS, STEPS), bool)
c, a = attend(x @ W_q, x @ W_k, x @ W_v, everything)
print("each row of a is a distribution:", a.sum(axis=1).round(6))

# %% [markdown]
# ## Heads
#
# One softmax can look at one thing. Several heads, each on its own part of the features, look at several; a matrix W_o
# mixes what they found. `layers.SelfAttention` does no more than this loop, with biases that are 0 at first.

# %%
N, h = 2, 4
W, W_o = np.concatenate([W_q, W_k, W_v], axis=1), random.normal(size=(8, 8)) / np.sqrt(8)
found = []
for n in range(N):
    own = slice(n * h, (n + 1) * h)
    found.append(attend(x @ W_q[:, own], x @ W_k[:, own], x @ W_v[:, own], everything)[0])
by_hand = np.concatenate(found, axis=1) @ W_o

layer = layers.SelfAttention(heads=N, dtype="float64")
layer.build((1, STEPS, 8))
layer.set_weights([W_o, np.zeros(8), W, np.zeros(24)])
by_layer = keras.ops.convert_to_numpy(layer(x[None]))[0]
print(f"by hand and by the layer: {np.abs(by_hand - by_layer).max():.1e} apart")

# %% [markdown]
# ## What it does not see: order
#
# Nothing above knows where a step stands. Read the steps backwards, and each says what it said before:

# %%
backwards = keras.ops.convert_to_numpy(layer(x[None, ::-1]))[0][::-1]
print(f"forwards and backwards: {np.abs(by_layer - backwards).max():.1e} apart")

# %% [markdown]
# So positions are put in: added to x as sines and cosines of many wave lengths (`SinusoidalPositions`), learned
# (`LearnedPositions`), or by turning q and k by angles that grow with the position, so that their product sees the
# distance alone (`rotary=True`).

# %%
placed = layers.SinusoidalPositions(dtype="float64")
one, other = (keras.ops.convert_to_numpy(layer(placed(own[None])))[0] for own in (x, x[::-1]))
print(f"with positions: {np.abs(one - other[::-1]).max():.1e} apart")

# %% [markdown]
# ## What it must not see: the future
#
# A network that writes a text may not read the words that it is to write. A *causal* layer allows j <= i alone: another
# last word changes no output before it, not by a single bit. This is how a translator's decoder is trained on all
# steps at once (`zoo.load("multi30k_en_de_transformer")`).

# %%
causal = layers.SelfAttention(heads=N, causal=True)
changed = x.copy()
changed[-1] += 1.0
one, other = (keras.ops.convert_to_numpy(causal(own[None].astype("float32"))) for own in (x, changed))
print("before the changed step bit-identical:", np.array_equal(one[:, :-1], other[:, :-1]))

# %% [markdown]
# ## The block
#
# A sum of vectors cannot reckon much, so a small network follows at each step, and around both stand a residual
# connection and a normalization:
#
#     s = x + attention(norm(x))        y = s + f(norm(s))        f(z) = relu(z W_1 + b_1) W_2 + b_2
#
# `layers.SelfAttentionBlock` is that. A Transformer is a stack of such blocks. Below one of them reads the reviews, by
# itself, with rotary positions; it stands where tutorial 01 has its LSTM.

# %%


def part(data):
    """So many reviews as this run wants, the same share of both classes."""
    return data if len(data) <= REVIEWS else data.split(REVIEWS / len(data), seed=2)[1]


train, validation = part(datasets.imdb.load("train")).split(0.1, seed=1)
test = part(datasets.imdb.load("test"))
tokenizer = WordTokenizer.from_texts(train.texts, VOCABULARY, max_length=MAX_LENGTH)
block = layers.SelfAttentionBlock(HEADS, feed_forward=2 * FEATURES, rotary=True, dropout=0.1)
model = models.SequenceClassifier(
    [block, keras.layers.LayerNormalization()],
    tokenizer=tokenizer,
    embedding_dimension=FEATURES,
    word_dropout=0.1,
    embedding_dropout=0.3,
    pooling=["mean", "max"],
    dropout=0.5,
)
model.compile(keras.optimizers.Adam(3e-3 if FAST else 1e-3))

# %% [markdown]
# ## fit()

# %%
history = model.fit(
    train.texts,
    train.labels,
    batch_size=32 if FAST else 64,
    epochs=EPOCHS,
    validation_data=(validation.texts, validation.labels),
    verbose=2,
)
rows = [
    {"epoch": k + 1, **{name: values[k] for name, values in history.history.items()}} for k in range(EPOCHS)
]
plots.learning_curves(rows, OUTPUT / "curves.png", "Sentiment, one block of self-attention")
print(f"Learning curves: {OUTPUT / 'curves.png'}")

# %% [markdown]
# ## Evaluate

# %%
accuracy = model.evaluate(test.texts, test.labels, verbose=0, return_dict=True)["accuracy"]
print(f"test accuracy {accuracy:.4f} (baseline {BASELINE:.2f})")

# %% [markdown]
# ## What the heads read
#
# One row for each word: how much of each other word it reads. And, beside it, what each word contributes to the answer,
# by integrated gradients (Sundararajan, Taly, Yan 2017): attention says where a network looks, contributions say what
# it made of it, and these are not the same.

# %%
REVIEW = "The first half is slow and the jokes are stale, but the end is beautiful and moving."
words = split_words(REVIEW)
embedded = model.embedding(np.array(tokenizer.encode([REVIEW])))
_, weights = block(embedded, return_weights=True)
weights = keras.ops.convert_to_numpy(weights)[0]
plots.attention_maps(
    {f"head {n + 1}": own for n, own in enumerate(weights)}, words, OUTPUT / "attention.png", "Who reads whom"
)
explained = explain.contributions(model, REVIEW)
plots.contributions(
    explained.words, explained.contributions, OUTPUT / "contributions.png", "What each word contributes"
)
print(f"Attention: {OUTPUT / 'attention.png'}; contributions: {OUTPUT / 'contributions.png'}")
print(explain.as_text(explained))

# %% [markdown]
# ## Export, and serve from a process that knows only TensorFlow

# %%
texts = ["A wonderful film.", "A waste of time.", ""]
model.export(OUTPUT / "saved_model")
client = f"""
import sys
import tensorflow as tf
serve = tf.saved_model.load({str(OUTPUT / "saved_model")!r}).signatures["serving_default"]
print(*serve(text=tf.constant({texts!r}))["probability"].numpy().tolist())
sys.exit("keras_rnn" in sys.modules)
"""
answer = subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, check=True)
served = np.array(answer.stdout.split(), float)
here = model.predict(texts, verbose=0)[:, 0]
for text, p, q in zip(texts, here, served):
    print(f"{p:.4f} here, {q:.4f} served: {text!r}")
print(f"largest difference {np.abs(here - served).max():.1e}")

# %% [markdown]
# ## From here
#
# `keras_rnn.zoo.load("imdb_self_attention")` has two blocks, `imdb_bilstm_attention` an LSTM whose states are pooled by
# attention. `keras-rnn explain NAME "text"` shows contributions in the terminal, as HTML or PNG; zoo/sentiment.md sets
# all of them side by side.
