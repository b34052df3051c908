"""Speed of a translator of the zoo: training and decoding against the same model in torch, and serving.

    python tests/benchmarks/translation.py [PART ...] [--model FOLDER] [--write]

Parts, default all:

step     a training step (forward, backward, clipping, AdamW) on three real batches of Multi30k, a short, a
         middle and a long one, in float32 and with products in bfloat16, against a loop over steps in torch.
decode   beam-5 translation of the 1,000 sentences of test 2016, text to text, against a batched beam search
         in torch that finds the same translations: one that keeps a batch whole until all of it is done, and
         one whose batch loses the sentences that are done.
serving  one sentence at a time through the exported SavedModel, beam 5: 50 sentences.

The model is the published one, or one that `keras-rnn train` wrote. Without weights they are random, which
for `step` is no matter, but the lengths of random translations are not those of true ones: the numbers of
the other parts count with trained weights alone. Before `step` and `decode` both sides train for three steps
without dropout, from the same random weights: unless their losses agree, nothing is timed. Both sides have
two threads. Nothing else may run on the machine.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch's idle threads would spin beside TensorFlow's
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf
import torch

from keras_rnn import zoo
from keras_rnn.datasets.pipelines import without_autotune
from keras_rnn.models.pair_batches import PairBatches
from keras_rnn.zoo.folders import read_entry
from keras_rnn.zoo.loader import build_translator
from keras_rnn.zoo.pairs import make_tokenizers, read_pairs, read_tokenizers
from keras_rnn.zoo.recipe import replace
from tests.benchmarks import torch_translator
from tests.benchmarks.recurrence import machine
from tests.benchmarks.serving import WARM_UP, latencies
from tests.benchmarks.timing import REPEATS, interleave

RESULTS = Path(__file__).parent / "results" / "translation.json"
NAME, THREADS, BEAM, SERVED = "multi30k_en_de_bahdanau", 2, 5, 50
DTYPES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def load(name):
    """`(recipe, model, "trained" or "random")`; the model searches with the beam that is measured here."""
    _, recipe, metrics = read_entry(name)
    search = {"beam_size": BEAM, "coverage_penalty": 0.0}
    if "weights" in metrics:
        return recipe, zoo.load(name, **search), "trained"
    print(f"{name} has no trained weights: they are random.", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        make_tokenizers(recipe, Path(scratch), read_pairs(recipe.data, "train"))
        tokenizers = read_tokenizers(recipe, Path(scratch))
    return recipe, build_translator(replace(recipe, **search), *tokenizers), "random"


def fresh(recipe, model, dtype="float32"):
    """A model of the recipe with fresh weights, to be trained; the tokenizers are those of `model`."""
    keras.utils.set_random_seed(1)
    made = build_translator(recipe, model.source_tokenizer, model.target_tokenizer, dtype)
    part = recipe.training
    made.compile(
        keras.optimizers.AdamW(
            part.learning_rate,
            epsilon=torch_translator.EPSILON,
            weight_decay=part.weight_decay,
            global_clipnorm=part.clip_norm,
        )
    )
    return made


def real_batches(recipe, model):
    """A short, a middle and a long one, of those that an epoch of the training has."""
    text, part = read_pairs(recipe.data, "train"), recipe.training
    rows = model.encode_source(text.source), model.encode_target(text.target)
    drawn = PairBatches(*rows, part.batch_size, shuffle=True, seed=part.seed)
    whole = [batch for batch in (drawn[k] for k in range(len(drawn))) if len(batch[0]) == part.batch_size]
    whole.sort(key=lambda batch: batch[1].shape[1])
    return [whole[int(share * len(whole))] for share in (0.1, 0.5, 0.9)]


def our_step(model, batch):
    """A step of `fit`, without what `fit` does around its steps."""
    ids = tf.TensorSpec((None, None), tf.int32)
    batches = tf.data.Dataset.from_generator(lambda: itertools.repeat(batch), output_signature=(ids, ids))
    iterator = iter(without_autotune(batches.prefetch(2)))
    model.make_train_function()
    return lambda: float(model.train_function(iterator)["loss"])


def check_same_model(recipe, model, batch):
    """Exits unless both sides have the same losses in the first three steps of a training."""
    plain = replace(recipe, embedding_dropout=0.0, hidden_dropout=0.0, output_dropout=0.0)
    ours, random = fresh(plain, model), np.random.default_rng(0)
    # No bias and no scale as it starts: one that is left out or in another's place must be seen.
    ours.set_weights([w + random.normal(scale=0.1, size=w.shape) for w in ours.get_weights()])
    ours.decoder.cell.attention.scale.assign(4.0)  # sharp: else the loss hardly sees what is attended to
    peer = torch_translator.copied(ours, plain.model)
    step, step_in_torch = our_step(ours, batch), torch_translator.training_step(peer, plain.training)(batch)
    for _ in range(3):
        outputs = ours(dict(zip(("source", "target"), batch)), training=True)
        loss, expected = float(outputs["total"] / np.sum(outputs["weights"])), step_in_torch()
        step()
        print(f"loss: ours {loss:.6f}, torch {expected:.6f}", flush=True)
        if not abs(loss / expected - 1) < 1e-5:
            raise SystemExit("These are two models, or two trainings: nothing is timed.")


def step(arguments):
    recipe, model, _ = load(arguments.model)
    batches = real_batches(recipe, model)
    check_same_model(recipe, model, batches[1])
    models = {short: fresh(recipe, model, dtype) for short, dtype in DTYPES.items()}
    peer = torch_translator.copied(models["float32"], recipe.model)
    in_torch, rows = torch_translator.training_step(peer, recipe.training), []
    for batch in batches:
        sides = {f"ours {short}": our_step(own, batch) for short, own in models.items()}
        sides |= {f"torch {short}": in_torch(batch, short == "bfloat16") for short in DTYPES}
        sides["torch float32 again"] = in_torch(batch)
        seconds = interleave(sides, arguments.rounds)
        milliseconds = {side: round(1e3 * s, 1) for side, s in seconds.items()}
        rows.append({"source": batch[0].shape[1], "target": batch[1].shape[1], "milliseconds": milliseconds})
        print(json.dumps(rows[-1]), flush=True)
    total = {side: sum(row["milliseconds"][side] for row in rows) for side in sides}
    return {
        "pairs": recipe.training.batch_size,
        "rows": rows,
        **{
            f"{one} against torch {other}": round(total[f"torch {other}"] / total[f"ours {one}"], 3)
            for one, other in (("float32", "float32"), ("bfloat16", "float32"), ("bfloat16", "bfloat16"))
        },
        "same": round(total["torch float32"] / total["torch float32 again"], 3),
    }


def decode(arguments):
    recipe, model, weights = load(arguments.model)
    check_same_model(recipe, model, real_batches(recipe, model)[1])
    peer = torch_translator.copied(model, recipe.model)
    texts = read_pairs(recipe.data, "test").source[: arguments.sentences]
    found = {}

    def keeping(name, run, *settings):
        def once():
            found[name] = run(*settings)

        return once

    sides = {
        "ours": keeping("ours", model.translate, texts),
        "torch": keeping("torch", torch_translator.translate, peer, model, texts, False),
        "torch, dropping": keeping("torch, dropping", torch_translator.translate, peer, model, texts, True),
    }
    seconds = interleave(sides, arguments.rounds, warm_up=1)
    return {
        "weights": weights,
        "sentences": len(texts),
        "seconds": {side: round(s, 2) for side, s in seconds.items()},
        **{
            f"against {side}": round(seconds[side] / seconds["ours"], 3)
            for side in ("torch", "torch, dropping")
        },
        **{
            f"same translations as {side}": round(float(np.mean(np.equal(found["ours"], found[side]))), 4)
            for side in ("torch", "torch, dropping")
        },
    }


def serving(arguments):
    recipe, model, weights = load(arguments.model)
    texts = read_pairs(recipe.data, "test").source[: WARM_UP + SERVED]
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/model")
        loaded = tf.saved_model.load(f"{folder}/model")
    serve, served = loaded.signatures["serving_default"], []

    def translated(text):
        served.append(serve(text=tf.constant([text]))["translation"].numpy()[0].decode())

    milliseconds = [1e3 * s for s in latencies(translated, texts)]
    return {
        "weights": weights,
        "sentences": len(milliseconds),
        "median_ms": round(float(np.median(milliseconds)), 1),
        "percentile_90_ms": round(float(np.percentile(milliseconds, 90)), 1),
        "same as translate": round(float(np.mean(np.equal(served, model.translate(texts)))), 4),
    }


PARTS = {part.__name__: part for part in (step, decode, serving)}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--model", default=NAME, help=f"a name or a folder of a translator; default: {NAME}")
    parser.add_argument("--rounds", type=int, default=REPEATS, help="at most; 3 where they are long")
    parser.add_argument("--sentences", type=int, default=1000, help="how many to decode")
    parser.add_argument("--write", action="store_true", help="save the numbers in results/")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    torch.set_num_threads(THREADS)
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    saved = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in arguments.parts or PARTS:
        saved[name] = {"model": Path(arguments.model).name, **PARTS[name](arguments), **machine()}
        print(name, json.dumps(saved[name], indent=1), flush=True)
        if arguments.write:
            RESULTS.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
