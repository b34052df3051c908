# %% [markdown]
# # 01 · Sentiment: from text to a served classifier
#
# **Problem.** Does a film review praise or damn? Many words in, one answer out: *many-to-one*.
#
# **Data.** 50,000 reviews from IMDB (Maas et al. 2011), half of them for training, as many praising as damning.
#
# **Baseline: accuracy 0.50**, what a constant answer reaches. (The BiLSTM example of keras.io reaches 0.843.)
#
# Run it as it stands, or cell by cell in an editor that knows `# %%`. On 2 cores it takes some ten minutes;
# `KERAS_RNN_TUTORIAL_FAST=1` shrinks it to one minute, and its result with it.

# %%
import os
import subprocess
import sys
from pathlib import Path

FAST = os.environ.get("KERAS_RNN_TUTORIAL_FAST") == "1"
REVIEWS = 2_000 if FAST else 25_000  # for training; as many for the test
VOCABULARY = 5_000 if FAST else 20_000
MAX_LENGTH = 100 if FAST else 400  # words read of a review: the first quarter of them, and the end
UNITS = 32 if FAST else 64
EPOCHS = 4
OUTPUT = Path(os.environ.get("KERAS_RNN_TUTORIAL_OUTPUT", "runs/tutorial_01"))
BASELINE = 0.50

# %% [markdown]
# ## Data
#
# `load` finds the corpus under `KERAS_RNN_DATA` or in the cache, or downloads it (80 MB). Part of the training
# split is held out for validation: every choice below may look at it, and the test set is read once, at the end.

# %%
import keras
import numpy as np

from keras_rnn import datasets, layers, models, plots
from keras_rnn.text import WordTokenizer, split_words

keras.utils.set_random_seed(1)
OUTPUT.mkdir(parents=True, exist_ok=True)


def part(data):
    """So many reviews as this run wants, the same share of both classes."""
    return data if len(data) <= REVIEWS else data.split(REVIEWS / len(data), seed=2)[1]


train, validation = part(datasets.imdb.load("train")).split(0.1, seed=1)
test = part(datasets.imdb.load("test"))
print(f"training   {train}\nvalidation {validation}\ntest       {test}")
print(f"\n{train.class_names[train.labels[0]]}: {train.texts[0][:200]} …")

# %% [markdown]
# ## From words to ids
#
# A network reads numbers. The tokenizer splits a text into lower-case words and punctuation marks and gives each
# of the most frequent ones an id; 0 is padding, 1 any other word.

# %%
tokenizer = WordTokenizer.from_texts(train.texts, VOCABULARY, max_length=MAX_LENGTH)
print(split_words("Don't miss it!<br />'Great'…"), "->", tokenizer.encode(["Don't miss it!"])[0])

# %% [markdown]
# ## Model
#
# Each word becomes a vector, e[t]. A long short-term memory reads them one after the other, once from the left and
# once from the right, and keeps what matters in its state h[t]. The states are pooled over time into one vector
# (their mean and their maximum, side by side), and a logistic regression answers:
#
#     e[t] = E[id[t]]        h[t] = LSTM(e[t], h[t-1])        s = [mean h; max h]        p = sigmoid(s W + b)
#
# Dropout, of words, of embedding features and of the pooled vector, keeps it from learning reviews by heart.
# `compile()` takes Adam and the negative log-likelihood of a Bernoulli distribution: maximum likelihood.

# %%
model = models.SequenceClassifier(
    [layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))],
    tokenizer=tokenizer,
    embedding_dimension=64,
    word_dropout=0.1,
    embedding_dropout=0.3 if FAST else 0.5,
    pooling=["mean", "max"],
    dropout=0.5,
)
model.compile(keras.optimizers.Adam(3e-3 if FAST else 1e-3))

# %% [markdown]
# ## fit()
#
# The shell of the model takes raw text: it encodes it once, and puts reviews of like length into one batch, so that
# little of a batch is padding.

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
plots.learning_curves(rows, OUTPUT / "curves.png", "Sentiment, BiLSTM")
print(f"Learning curves: {OUTPUT / 'curves.png'}")

# %% [markdown]
# Training loss falls on and on; validation loss turns: from there on the network learns the training reviews, not
# the language.
#
# ## Evaluate

# %%
accuracy = model.evaluate(test.texts, test.labels, verbose=0, return_dict=True)["accuracy"]
print(f"test accuracy {accuracy:.4f} (baseline {BASELINE:.2f})")

# %% [markdown]
# ## What the state does over a review
#
# Below, the state of the forward LSTM after each word, and above it the answer that the model would give if the
# review ended there. Some units switch at a word of praise or blame and hold their value until another comes.

# %%
REVIEW = (
    "The first half is slow, the jokes are stale and I nearly left. Then it turns into one of the most "
    "beautiful and moving films I have seen this year."
)
words = split_words(REVIEW)
ids = np.array(tokenizer.encode([REVIEW]))
states = model.recurrent_layers[0].forward_layer(model.embedding(ids))
prefixes = [" ".join(words[: k + 1]) for k in range(len(words))]
scores = model.predict(prefixes, verbose=0)[:, 0]
plots.states_over_text(
    keras.ops.convert_to_numpy(states)[0],
    words,
    OUTPUT / "states.png",
    scores,
    "State of the LSTM over a review",
)
print(f"States over a review: {OUTPUT / 'states.png'}")

# %% [markdown]
# ## Export, and serve from a process that knows only TensorFlow
#
# Tokenizer, vocabulary and network become one graph: text in, probability and label out.

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
# `keras_rnn.zoo.load("imdb_bilstm")` is this model, trained longer; its card has the numbers.
# `keras-rnn train imdb_bilstm` trains it again, resumes after a kill, and writes curves and history.
