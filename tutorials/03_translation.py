# %% [markdown]
# # 03 · Translation: one sentence in, another out
#
# **Problem.** Say in German what an English sentence says. As many words come out as are needed, in an order of their
# own: *many-to-many, not aligned*. It is judged by **BLEU**, which counts the runs of one to four words that a
# translation shares with that of a person: from 0 to 100, and nobody reaches 100.
#
# **Data.** Multi30k: 29,000 captions of photographs, in English and in German.
#
# **Baseline: BLEU 0.7** (0.9 in the fast run), what the English captions reach as their own translation. The one that
# is harder to beat, a dictionary learned from the same captions, is made on the way.
#
# Run it as it stands, or cell by cell in an editor that knows `# %%`. It reads the captions 10 times, which takes long
# on a few cores; `KERAS_RNN_TUTORIAL_FAST=1` leaves captions of the most frequent words alone, and a small network that
# learns to stammer in a minute or two.

# %%
import json
import os
import subprocess
import sys
from pathlib import Path

FAST = os.environ.get("KERAS_RNN_TUTORIAL_FAST") == "1"
TYPES = 300 if FAST else None  # captions that hold other words than so many frequent ones are left out
VOCABULARY = 700 if FAST else 8_000
UNITS = 64 if FAST else 256
EPOCHS = 14 if FAST else 10
BATCH = 32 if FAST else 64
RATE = 1e-2 if FAST else 1e-3
OUTPUT = Path(os.environ.get("KERAS_RNN_TUTORIAL_OUTPUT", "runs/tutorial_03"))

# %% [markdown]
# ## Data
#
# `load` finds the captions under `KERAS_RNN_DATA` or in the cache, or downloads them (2 MB).

# %%
from collections import Counter, defaultdict

import keras
import numpy as np

from keras_rnn import callbacks, datasets, layers, metrics, models, plots, zoo
from keras_rnn.subwords import SubwordTokenizer
from keras_rnn.text import split_words

keras.utils.set_random_seed(1)
OUTPUT.mkdir(parents=True, exist_ok=True)


corpora = [datasets.multi30k.load(split, "en", "de") for split in ("train", "validation", "test")]
frequent = [
    {word for word, _ in Counter(word for text in side for word in split_words(text)).most_common(TYPES)}
    for side in (corpora[0].source, corpora[0].target)
]


def part(data):
    """The pairs that are read: all, or those that hold frequent words alone."""
    if TYPES is None:
        return data
    sides = zip(data.source, data.target)
    return data.select(
        np.array([all(set(split_words(text)) <= own for text, own in zip(pair, frequent)) for pair in sides])
    )


train, validation, test = (part(data) for data in corpora)
print(f"training   {train}\nvalidation {validation}\ntest       {test}")
print(f"\n{train.source[0]}\n{train.target[0]}")


def bleu(translations):
    return metrics.bleu(translations, test.target)["bleu"]


results = {"the source itself": bleu(test.source)}

# %% [markdown]
# ## Word by word: a dictionary
#
# Which German word stands for an English one? If we knew in each pair which words belong together, we could count; if
# we knew the dictionary, t(g | e), we could say which belong together. Begin with neither, and do both in turn (the
# first model of Brown and others, 1993):
#
#     a[g, e] = t(g | e) / sum_e' t(g | e')              in each pair: how much of the word g is owed to the word e
#     t(g | e) = sum a[g, e] / sum_g' a[g', e]           over all pairs

# %%
pairs = [(split_words(source), split_words(target)) for source, target in zip(train.source, train.target)]
t = defaultdict(lambda: 1.0)
for _ in range(3):
    shares, totals = defaultdict(float), defaultdict(float)
    for source, target in pairs:
        for g in target:
            total = sum(t[e, g] for e in source)
            for e in source:
                shares[e, g] += t[e, g] / total
                totals[e] += t[e, g] / total
    t = {(e, g): share / totals[e] for (e, g), share in shares.items()}
best = defaultdict(float)
dictionary = {}
for (e, g), probability in t.items():
    if probability > best[e]:
        best[e], dictionary[e] = probability, g


def word_by_word(text):
    line = " ".join(dictionary.get(word, word) for word in split_words(text))
    return line.replace(" .", ".").replace(" ,", ",")


results["word by word"] = bleu([word_by_word(text) for text in test.source])
print(f"{test.source[0]}\n{word_by_word(test.source[0])}\n{test.target[0]}")

# %% [markdown]
# Many words are right. Endings, order, and whatever takes two words for one are not; and a word that has many forms in
# German, such as *the*, may be given to the full stop, which is in every sentence.
#
# ## Subwords
#
# German makes new words at will. *Byte pair encoding* joins the most frequent pair of neighbours, again and again,
# until there are as many pieces as are wanted: frequent words are one piece, rare ones several, and none is unknown.
# Both languages share one vocabulary.

# %%
tokenizer = SubwordTokenizer.train([*train.source, *train.target], VOCABULARY)
rows = tokenizer.encode([train.source[0], train.target[0]])
for row in rows:
    print(*(tokenizer.pieces[id] for id in row))

# %% [markdown]
# ## Model
#
# An encoder reads the source from both sides, m[1] .. m[S]. The decoder writes one piece after the other. Before each,
# it asks where to look, and reads a mean of the memory, weighted by the answer (Bahdanau, Cho and Bengio 2015):
#
#     e[t, i] = v . tanh(h[t-1] W_q + m[i] W_m + b)        a[t] = softmax(e[t])        c[t] = sum_i a[t, i] m[i]
#     h[t]    = GRU([E[y[t-1]]; c[t]], h[t-1])              o[t] = tanh([h[t]; c[t]] W_o + b_o)
#     p(y[t] | y[1] .. y[t-1], x) = softmax(o[t] E^T + b)
#
# Without c the whole sentence would have to fit into h[0]. Again nobody says which words belong together: the weights a
# are learned, since looking at the right place makes the next piece more probable.

# %%
model = models.SequenceToSequence(
    VOCABULARY,
    VOCABULARY,
    [layers.Bidirectional(layers.GRU(UNITS))],
    layers.AttentionRNN(
        layers.GRUCell(UNITS), layers.BahdanauAttention(UNITS), order="before", attentional_units=UNITS
    ),
    embedding=UNITS,
    share_embeddings=True,
    tie_embeddings=not FAST,
    embedding_dropout=0.0 if FAST else 0.3,
    output_dropout=0.1 if FAST else 0.4,
    label_smoothing=0.0 if FAST else 0.1,
    seed=1,
    source_tokenizer=tokenizer,
    target_tokenizer=tokenizer,
)
steps = EPOCHS * -(-len(train) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(RATE, steps, alpha=0.02)
model.compile(keras.optimizers.Adam(rate, clipnorm=1.0))

# %% [markdown]
# ## fit()
#
# While training, the decoder reads the true pieces (*teacher forcing*); pairs of like length stand in one batch.
# Perplexity is that of the next true piece. BLEU is of what the model itself writes, the most probable piece each time.

# %%
history = model.fit(
    train,
    batch_size=BATCH,
    epochs=EPOCHS,
    validation_data=validation,
    callbacks=[callbacks.ValidationBLEU(validation)],
    verbose=2,
)
shown = ("perplexity", "val_perplexity", "val_bleu")
rows = [{"epoch": k + 1, **{name: history.history[name][k] for name in shown}} for k in range(EPOCHS)]
plots.learning_curves(rows, OUTPUT / "curves.png", "Translation, GRU with additive attention")
print(f"Learning curves: {OUTPUT / 'curves.png'}")

# %% [markdown]
# ## Evaluate: a beam
#
# The most probable piece each time need not make the most probable sentence. *Beam search* keeps the best five
# beginnings; and since each piece costs probability, it divides by a measure of length, or the shortest would win.

# %%
results["attention, greedy"] = bleu(model.translate(test.source, beam_size=1))
found = [best for best, *_ in model.translations(test.source, beam_size=5, length_penalty=1.0)]
results["attention, beam of 5"] = bleu([best.text for best in found])
for name, score in results.items():
    print(f"{name:>20} {score:5.1f}")
reached, baseline = results["attention, beam of 5"], results["the source itself"]
print(f"test BLEU {reached:.1f} (baseline {baseline:.1f})")
for k in range(3):
    print(f"\n{test.source[k]}\n{found[k].text}\n{test.target[k]}")

# %% [markdown]
# ## Where it looks
#
# Each row of the picture is a piece that was written, and shows the a[t] by which the source was read. Where the two
# languages have the same order it is a diagonal; where they differ, so does it. This is the translation that the model
# is surest of.

# %%
sure = max(found, key=lambda best: best.score)
plots.attention(sure.attention, sure.source_pieces, sure.pieces, OUTPUT / "alignment.png", "Where it looks")
print(f"Alignment: {OUTPUT / 'alignment.png'}")

# %% [markdown]
# ## Export, and serve from a process that knows only TensorFlow
#
# Subwords, network and beam search become one graph: sentence in, sentence out. `tensorflow_text` has the operations
# that cut sentences into pieces.

# %%
texts = test.source[:5]
model.export(OUTPUT / "saved_model")
client = f"""
import json, sys
import tensorflow as tf
import tensorflow_text
serve = tf.saved_model.load({str(OUTPUT / "saved_model")!r}).signatures["serving_default"]
found = serve(text=tf.constant({texts!r}))
print(json.dumps([[text.decode() for text in found["translation"].numpy()], found["score"].numpy().tolist()]))
sys.exit("keras_rnn" in sys.modules)
"""
answer = subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, check=True)
served, scores = json.loads(answer.stdout.splitlines()[-1])
here = [best for best, *_ in model.translations(texts)]
for best, text in zip(here, served):
    print(f"{best.text!r} here, {text!r} served")
same = [best.text for best in here] == served
difference = np.abs(np.array(scores) - [best.score for best in here]).max() if same else np.inf
print(f"largest difference {difference:.1e}")

# %% [markdown]
# ## Trained to the end
#
# `multi30k_en_de_bahdanau` of the zoo is this architecture, with a larger decoder and trained for longer; its card has
# the numbers. The picture shows where it looks while it writes a clause that has its verb last.

# %%
SENTENCES = [
    "Two dogs play in the snow.",
    "The girl who is wearing a red hat is eating an apple.",
    "An old man is selling newspapers at the station because it is raining.",
]
translator = zoo.load("multi30k_en_de_bahdanau")
found = [best for best, *_ in translator.translations(SENTENCES)]
for text, best in zip(SENTENCES, found):
    print(f"{text}\n{best.text}\n")
best = found[1]
plots.attention(best.attention, best.source_pieces, best.pieces, OUTPUT / "alignment_zoo.png", "A zoo model")
print(f"Alignment: {OUTPUT / 'alignment_zoo.png'}")

# %% [markdown]
# ## From here
#
# `keras-rnn translate multi30k_en_de_bahdanau "Two dogs play in the snow." --attention plot.png` does the same from the
# command line, and `keras-rnn train multi30k_en_de_bahdanau` trains it again. Whoever comes from TensorFlow Addons
# finds each of its names in [from_tfa_seq2seq.md](from_tfa_seq2seq.md).
