# %% [markdown]
# # 02 · Language models: what comes next?
#
# **Problem.** Which word follows? A language model gives a probability to each one, after every prefix of a text:
# *many-to-many, aligned*. It is judged by its **perplexity** on a text that it has not seen, exp of the mean of
# -log p(word): a model that guesses among k equally probable words has perplexity k.
#
# **Data.** The Penn Treebank in Mikolov's preprocessing: 930,000 words to learn from, 10,000 types.
#
# **Baseline: perplexity 639**, what the frequency of each word alone reaches, whatever stands before it.
#
# Run it as it stands, or cell by cell in an editor that knows `# %%`. It reads the corpus 43 times, which takes long
# on a few cores; `KERAS_RNN_TUTORIAL_FAST=1` shrinks it to some minutes, and its results with it.

# %%
import os
import subprocess
import sys
from pathlib import Path

FAST = os.environ.get("KERAS_RNN_TUTORIAL_FAST") == "1"
WORDS = 120_000 if FAST else 1_000_000  # for training, at most
TEST_WORDS = 20_000 if FAST else 100_000
EPOCHS = 2 if FAST else 13
AWD_EPOCHS = 1 if FAST else 30
SAMPLE = 40  # words written by each model
OUTPUT = Path(os.environ.get("KERAS_RNN_TUTORIAL_OUTPUT", "runs/tutorial_02"))
BASELINE = 639

# %% [markdown]
# ## Data
#
# A corpus is one long row of ids. Each line ends with `<eos>`, which is a word like any other.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

from keras_rnn import callbacks, datasets, layers, models, optimizers, plots

keras.utils.set_random_seed(1)
OUTPUT.mkdir(parents=True, exist_ok=True)


def whole_lines(corpus, words):
    """The first lines of a corpus, of so many words together, at most."""
    ends = np.flatnonzero(corpus.tokens[:words] == corpus.vocabulary.end)
    return corpus.tokens[: ends[-1] + 1]


corpora = {split: datasets.penn_treebank.load(split) for split in ("train", "validation", "test")}
vocabulary = corpora["train"].vocabulary
train = whole_lines(corpora["train"], WORDS)
validation, test = (whole_lines(corpora[split], TEST_WORDS) for split in ("validation", "test"))
print(f"{corpora['train']}; {len(train):,} words are read")
print(vocabulary.text(train[:40]))

results, samples = {}, {}

# %% [markdown]
# ## Counting: n-grams
#
# An n-gram model looks at the n - 1 words before, and counts. Most n-grams of a new text were never seen; modified
# Kneser-Ney takes something from those that were, and gives it to shorter contexts. Without any context (n = 1) it
# is the baseline. A *cache* mixes in the words that stood in the text lately: an article keeps to its subject.

# %%
random = np.random.default_rng(1)
for order in (1, 2, 3, 5):
    name = f"{order}-gram"
    # Single words are all frequent here: too few are rare for three discounts.
    model = models.KneserNey(len(vocabulary), vocabulary.end, order, discounts=3 if order > 1 else 1).fit(
        train
    )
    results[name] = model.perplexity(test)
    if order in (1, 3):
        line = []
        for _ in range(SAMPLE):
            since = max((k + 1 for k, word in enumerate(line) if word == vocabulary.end), default=0)
            line.append(int(random.choice(len(vocabulary), p=model.distribution(line[since:]))))
        samples[name] = vocabulary.text(line)
cache = models.UnigramCache(model)
cache.fit(validation)
results["5-gram + cache"] = cache.perplexity(test)
for name, perplexity in results.items():
    print(f"{name:>15} {perplexity:6.1f}")

# %% [markdown]
# ## A recurrent network reads on
#
# It has no n: its state h[t] can keep what stood long before.
#
#     e[t] = E[x[t]]        h[t] = LSTM(LSTM(e[t]))        p(x[t+1] | x[1] .. x[t]) = softmax(h[t] W^T + b)
#
# The text is cut into 20 streams that are read side by side, 20 words at a time. The states go over from one batch to
# the next, the gradient does not: *truncated back-propagation through time*. This is the small model of Zaremba and
# others (2014), with their recipe: SGD, a learning rate that is halved, and gradients that are clipped, for a product
# of many Jacobians can explode.


# %%
def streams(steps, **options):
    return {
        "x": datasets.TokenStream(train, batch_size=20, steps=steps, **options),
        "validation_data": datasets.TokenStream(validation, batch_size=20, steps=steps, keep_tail=True),
        "verbose": 2,
    }


def perplexity_of(model):
    return model.perplexity(np.append(vocabulary.end, test))["perplexity"]


start = {"kernel_initializer": "uniform", "recurrent_initializer": "uniform"}
lstm = models.LanguageModel(
    len(vocabulary), [layers.LSTM(200, **start), layers.LSTM(200, **start)], 200, sum_over_steps=True
)
lstm.vocabulary = vocabulary
lstm.compile(optimizers.AveragedSGD(1.0, global_clipnorm=5.0))
history = lstm.fit(**streams(20), epochs=EPOCHS, callbacks=[callbacks.StepDecay(1.0, factor=0.5, after=4)])
results["LSTM"] = perplexity_of(lstm)
samples["LSTM"] = lstm.generate("", SAMPLE, seed=1)
rows = [{"epoch": k + 1, **{n: v[k] for n, v in history.history.items()}} for k in range(EPOCHS)]
plots.learning_curves(rows, OUTPUT / "curves.png", "Language model, two LSTMs of 200")
print(f"test perplexity {results['LSTM']:.1f} (baseline {BASELINE})")

# %% [markdown]
# Training perplexity falls far below that of the validation text: with nothing against it, the network learns the
# text by heart.
#
# ## Regularize: AWD-LSTM
#
# Merity and others (2018) drop whatever can be dropped, each mask the same for all steps of a batch: words, features
# between layers, and weights of the recurrent matrices; they tie the softmax to the embedding, penalize large and
# quickly changing states, vary the length of the batches, and average the weights once validation stalls (NT-ASGD).
# The recipe of the paper, three layers of 1,150 units for 500 epochs, is `keras-rnn train ptb_awd_lstm`; here it is
# smaller.

# %%
awd = models.LanguageModel(
    len(vocabulary),
    [layers.Recurrent(layers.WeightDrop(layers.LSTMCell(units), 0.3)) for units in (400, 200)],
    200,
    tie_embeddings=True,
    input_dropout=0.3,
    hidden_dropout=0.2,
    output_dropout=0.3,
    embedding_dropout=0.1,
    activation_regularization=2.0,
    temporal_activation_regularization=1.0,
)
awd.vocabulary = vocabulary
awd.compile(optimizers.AveragedSGD(30.0, weight_decay=1.2e-6, global_clipnorm=0.25))
awd.fit(
    **streams(35, variable_steps=True),
    epochs=AWD_EPOCHS,
    callbacks=[callbacks.NonMonotonicTrigger(patience=5)],
)
results["AWD-LSTM, small"] = perplexity_of(awd)
samples["AWD-LSTM, small"] = awd.generate("", SAMPLE, seed=1)

# %% [markdown]
# A cache serves a network, too: the states of the last words are compared with the present one (Grave and others,
# 2017). Its settings are chosen on the validation text.

# %%
best = models.choose_cache(awd, np.append(vocabulary.end, validation), part=10_000)[0]["settings"]
cached = models.cache_perplexity(awd, np.append(vocabulary.end, test), **best)
results["AWD-LSTM + cache"] = cached["perplexity"]

# %% [markdown]
# ## From n-gram to network, on one picture

# %%
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
bars = axis.barh(list(results), list(results.values()), color=["tab:gray"] * 5 + ["tab:blue"] * 3)
axis.bar_label(bars, fmt="%.1f", padding=3)
axis.set(xlabel="perplexity of the test text (smaller is better)", title="Penn Treebank")
axis.margins(x=0.15)
axis.invert_yaxis()
figure.savefig(OUTPUT / "models.png", dpi=100)
print(f"All models: {OUTPUT / 'models.png'}\n")
for name, text in samples.items():
    print(f"--- {name} ({results[name]:.0f}) writes:\n{text.strip()}\n")

# %% [markdown]
# ## Export, and serve from a process that knows only TensorFlow
#
# Vocabulary and network become one graph: text in, perplexity and the probability of each word out; another endpoint
# writes text.

# %%
texts = ["the company said it will cut prices", "prices cut will it said company the"]
lstm.export(OUTPUT / "saved_model")
client = f"""
import sys
import tensorflow as tf
serve = tf.saved_model.load({str(OUTPUT / "saved_model")!r}).signatures["serving_default"]
print(*serve(text=tf.constant({texts!r}))["perplexity"].numpy().tolist())
sys.exit("keras_rnn" in sys.modules)
"""
answer = subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, check=True)
served = np.array(answer.stdout.split(), float)
here = []
for text in texts:
    ids = np.append(vocabulary.end, vocabulary.ids(text))
    here.append(lstm.perplexity(ids)["perplexity"])
for text, p, q in zip(texts, here, served):
    print(f"{p:.2f} here, {q:.2f} served: {text!r}")
print(f"largest difference {np.abs(np.log(here) - np.log(served)).max():.1e}")

# %% [markdown]
# ## From here
#
# `keras_rnn.zoo.load("ptb_lstm_small")` is the LSTM above, trained; `keras-rnn generate ptb_lstm_small --prompt
# "the market"` lets it write. The recipes of larger models are in the zoo.
