"""The softmax output layers: likelihoods, gradients, tied matrices, dropout, samples; peers and errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.layers import (
    AdaptiveSoftmax,
    AugmentedSoftmax,
    FullSoftmax,
    MixtureOfSoftmaxes,
    SampledSoftmax,
)
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.test_jax import run_on_jax
from tests.reference import softmaxes

BATCH, TIME, FEATURES, TYPES, EXPERTS, LATENT = 3, 5, 8, 11, 3, 4
CUTOFFS = [3, 6]
MAKERS = {
    "full": lambda **given: FullSoftmax(TYPES, **given),
    "augmented": lambda **given: AugmentedSoftmax(TYPES, **given),
    "mixture": lambda **given: MixtureOfSoftmaxes(TYPES, EXPERTS, LATENT, **given),
    "adaptive": lambda **given: AdaptiveSoftmax(TYPES, CUTOFFS, factor=2, **given),
    "sampled": lambda **given: SampledSoftmax(TYPES, 4, **given),
}
ORACLES = {
    "full": softmaxes.full,
    "augmented": softmaxes.full,
    "mixture": lambda weights, x: softmaxes.mixture(weights, x, EXPERTS),
    "adaptive": lambda weights, x: softmaxes.adaptive(weights, x, CUTOFFS),
    "sampled": softmaxes.full,
}
PARAMETERS = {
    "full": TYPES * (FEATURES + 1),
    "augmented": TYPES * (FEATURES + 1),
    "mixture": EXPERTS * (FEATURES * LATENT + LATENT + FEATURES) + TYPES * (LATENT + 1),
    # Two clusters of 3 and 5 types, of 4 and 2 features.
    "adaptive": (3 + 2) * (8 + 1) + (8 * 4 + 3 * (4 + 1)) + (8 * 2 + 5 * (2 + 1)),
    "sampled": TYPES * (FEATURES + 1),
}
all_layers = pytest.mark.parametrize("name", MAKERS)
can_be_tied = pytest.mark.parametrize("name", ["full", "augmented", "mixture"])
H = normal(1, BATCH, TIME, FEATURES)
W = normal(2, BATCH, TIME) ** 2
Y = np.random.default_rng(3).integers(0, TYPES, (BATCH, TIME))


def made(name, scale=1.0, **arguments):
    """A built layer with random weights."""
    layer = MAKERS[name](**{"dtype": "float64", **arguments})
    layer.build((None, None, FEATURES))
    layer.set_weights([scale * normal([4, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def expected_of(name, weights, h=H, y=Y, w=W):
    nll = -np.take_along_axis(ORACLES[name](weights, h), y[..., None], -1)[..., 0]
    return np.sum(w * nll), nll


def gradients(function, *variables):
    with tf.GradientTape() as tape:
        tape.watch(variables)
        value = function()
    found = tape.gradient(value, variables)
    return [tf.convert_to_tensor(d) for d in found]


@all_layers
def test_probabilities_sum_to_one(name):
    total = np.exp(flat(made(name)(H))[0]).sum(axis=-1)
    assert np.abs(total - 1).max() < 1e-12


@all_layers
def test_likelihoods_are_those_of_the_oracle(name):
    layer = made(name)
    weights = layer.get_weights()
    assert distance(layer(H, targets=Y, sample_weight=W), expected_of(name, weights)) < 1e-10
    total, nll = layer(H, targets=Y)
    assert distance([total, nll], expected_of(name, weights, w=np.ones_like(W))) < 1e-10
    # Other leading axes.
    one = layer(H[0], targets=Y[0], sample_weight=W[0])
    assert distance(one, expected_of(name, weights, H[0], Y[0], W[0])) < 1e-10
    four = layer(H[:, None], targets=Y[:, None])[1]
    assert distance(four, nll[:, None]) < 1e-12


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        (name, mutant)
        for name, oracle in (
            ("full", softmaxes.full),
            ("mixture", softmaxes.mixture),
            ("adaptive", softmaxes.adaptive),
        )
        for mutant in softmaxes.MUTANTS[oracle]
    ],
)
def test_mutants_of_the_oracles_show(name, mutant):
    oracle = {"full": softmaxes.full, "mixture": softmaxes.mixture, "adaptive": softmaxes.adaptive}[name]
    options = {"full": {}, "mixture": {"experts": EXPERTS}, "adaptive": {"cutoffs": CUTOFFS}}[name]
    layer = made(name)
    wrong = softmaxes.MUTANTS[oracle][mutant](layer.get_weights(), H, **options)
    assert distance(layer(H), wrong) > 1e-3
    assert distance(layer(H), oracle(layer.get_weights(), H, **options)) < 1e-10


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("name", ["full", "mixture", "adaptive"])
def test_the_gradient_of_the_total_is_that_of_the_log_probabilities(name, unknown, training):
    layer, h = made(name), tf.constant(H)
    variables = [h, *(v.value for v in layer.trainable_variables)]

    def likelihood(h, y, w):
        return layer(h, targets=y, sample_weight=w, training=training)[0] ** 2

    if unknown:
        specs = [tf.TensorSpec([None, None, FEATURES], "float64"), tf.TensorSpec([None, None], "int64")]
        likelihood = tf.function(
            likelihood, input_signature=[*specs, tf.TensorSpec([None, None], "float64")], autograph=False
        )
    found = gradients(lambda: likelihood(h, tf.constant(Y), tf.constant(W)), *variables)
    one_hot = np.eye(TYPES)[Y] * W[..., None]
    expected = gradients(lambda: tf.reduce_sum(layer(h) * one_hot) ** 2, *variables)
    assert distance(found, expected) < 1e-10 * max(np.abs(x).max() for x in expected)


@all_layers
def test_the_likelihoods_have_no_gradient(name):
    layer, h = made(name), tf.constant(H)
    with tf.GradientTape() as tape:
        tape.watch(h)
        _, nll = layer(h, targets=Y, training=True)
    assert tape.gradient(nll, h) is None


@all_layers
def test_parameters(name):
    assert made(name).count_params() == PARAMETERS[name]
    if name in ("full", "augmented", "mixture"):
        rows = LATENT if name == "mixture" else FEATURES
        assert made(name, tied=True).count_params() == PARAMETERS[name] - TYPES * rows


@can_be_tied
def test_a_tied_layer_is_one_with_the_matrix_of_the_embedding(name):
    own, tied = made(name), made(name, tied=True)
    place = next(k for k, v in enumerate(own.weights) if v.name == "kernel")
    E = keras.Variable(own.get_weights()[place], dtype="float64")
    tied.set_weights([w for k, w in enumerate(own.get_weights()) if k != place])
    assert distance(tied(H, embeddings=E), own(H)) < 1e-12
    call = {"targets": Y, "sample_weight": W, "training": True}
    assert distance(tied(H, embeddings=E, **call), own(H, **call)) < 1e-12
    found = gradients(lambda: tied(H, embeddings=E, **call)[0], E.value)
    assert distance(found, gradients(lambda: own(H, **call)[0], own.kernel.value)) < 1e-12


@all_layers
@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_16_bit_policies(name, compute):
    layer = made(name, scale=0.5, dtype=f"mixed_{compute}")
    h, w = H.astype("float32"), W.astype("float32")
    log_p, (total, nll) = layer(h), layer(h, targets=Y, sample_weight=w)
    assert {x.dtype for x in (log_p, total, nll)} == {tf.float32}
    _, expected = expected_of(name, made(name, scale=0.5).get_weights())
    epsilon = {"bfloat16": 2.0**-8, "float16": 2.0**-11}[compute]
    assert epsilon / 32 < distance(nll, expected) < 8 * epsilon * np.abs(expected).max()
    training = {"targets": Y, "training": True}
    found = gradients(lambda: layer(h, **training)[0], *(v.value for v in layer.trainable_variables))
    assert {d.dtype for d in found} == {tf.float32}
    symbolic = layer(keras.Input((None, FEATURES)), targets=keras.Input((None,), dtype="int32"))
    assert [x.dtype for x in symbolic] == ["float32", "float32"]
    assert [x.shape for x in symbolic] == [(), (None, None)]


# ---------------------------------------------------------------------------- augmented softmax


@pytest.mark.parametrize("tied", [False, True])
def test_the_augmented_total_is_that_of_its_equations(tied):
    """While training; what is looked at, and the total of an evaluation, is the likelihood alone."""
    layer = made("augmented", alpha=0.7, temperature=3.0)
    E, b = layer.get_weights()
    expected, nll = expected_of("augmented", [E, b])
    call = {"targets": Y, "sample_weight": W}
    if tied:
        layer = made("augmented", tied=True, alpha=0.7, temperature=3.0)
        layer.set_weights([b])
        call["embeddings"] = E
    assert distance(layer(H, **call), [expected, nll]) < 1e-10
    for place in np.ndindex(Y.shape):
        t = np.exp(softmaxes.log_softmax(E @ E[Y[place]] / 3.0))
        q = np.exp(softmaxes.log_softmax((E @ H[place] + b) / 3.0))
        expected += W[place] * 0.7 * 3.0 * np.sum(t * np.log(t / q))
    assert distance(layer(H, **call, training=True), [expected, nll]) < 1e-10


def test_without_weight_the_augmented_softmax_is_the_full_one():
    augmented, full = made("augmented", alpha=0.0), made("full")
    call = {"targets": Y, "sample_weight": W, "training": True}
    assert distance(augmented(H, **call), full(H, **call)) < 1e-12
    assert distance(made("augmented", alpha=0.1)(H, **call)[0], full(H, **call)[0]) > 1e-3


# ---------------------------------------------------------------------------- mixture of softmaxes


def test_latent_dropout_is_one_mask_for_all_steps_of_a_sequence():
    layer = made("mixture", dropout=0.5, seed=1)
    h = np.repeat(H[:1, :1], 4, axis=0).repeat(TIME, axis=1)
    y = flat(layer(h, training=True))[0]
    assert distance(y, y[:, :1].repeat(TIME, axis=1)) < 1e-12
    assert len(np.unique(y[:, 0, 0])) == 4  # sequences have each their own
    assert distance(layer(h), ORACLES["mixture"](layer.get_weights(), h)) < 1e-10
    # What is dropped is latent features, the others doubled: each of them is one weight of W_l and b_l.
    latent = np.tanh(h[0, 0] @ layer.get_weights()[0] + layer.get_weights()[1])
    mask = flat(keras.random.dropout(np.ones((4, 1, EXPERTS * LATENT)), 0.5, seed=seed_of(layer)))[0]
    pi = np.exp(softmaxes.log_softmax(h[0, 0] @ layer.get_weights()[2]))
    E, b = layer.get_weights()[3:]
    for row, m in zip(y, mask[:, 0]):
        vectors = (latent * m).reshape(EXPERTS, LATENT)
        p = sum(pi[k] * np.exp(softmaxes.log_softmax(E @ vectors[k] + b)) for k in range(EXPERTS))
        assert np.abs(row[0] - np.log(p)).max() < 1e-10


def seed_of(layer):
    """A generator that stands where that of the layer stood at first."""
    return keras.random.SeedGenerator(layer.seed)


def test_latent_dropout_reaches_the_likelihoods():
    one, two = (made("mixture", dropout=0.5, seed=1) for _ in range(2))
    log_p = flat(one(H, training=True))[0]
    _, nll = two(H, targets=Y, training=True)
    assert distance(nll, -np.take_along_axis(log_p, Y[..., None], -1)[..., 0]) < 1e-10


# ---------------------------------------------------------------------------- adaptive softmax


def test_adaptive_softmax_is_that_of_torch():
    torch = pytest.importorskip("torch")
    layer = made("adaptive")
    weights = [0 * w if len(w.shape) == 1 else w for w in layer.get_weights()]
    layer.set_weights(weights)
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, TYPES, CUTOFFS, div_value=2, dtype=torch.float64)
    head, *tails = [w for w in weights if len(w.shape) == 2]
    ours = [head, *(part.T if k % 2 == 0 else part for k, part in enumerate(tails))]
    with torch.no_grad():
        for parameter, value in zip(theirs.parameters(), ours, strict=True):
            parameter.copy_(torch.tensor(value))
        rows, targets = torch.tensor(H.reshape(-1, FEATURES)), torch.tensor(Y.reshape(-1))
        log_p, output = theirs.log_prob(rows).numpy(), theirs(rows, targets).output.numpy()
    assert distance(layer(H), log_p.reshape(BATCH, TIME, TYPES)) < 1e-10
    assert distance(layer(H, targets=Y)[1], -output.reshape(BATCH, TIME)) < 1e-10


@pytest.mark.parametrize("word", [0, 4, 10])
def test_a_cluster_without_targets(word):
    layer, y = made("adaptive"), np.full_like(Y, word)
    assert (
        distance(layer(H, targets=y, sample_weight=W), expected_of("adaptive", layer.get_weights(), y=y))
        < 1e-10
    )
    found = gradients(
        lambda: layer(H, targets=y, training=True)[0], *(v.value for v in layer.trainable_variables)
    )
    used = [bool(np.any(d)) for d in found]
    assert used == [True] * 2 + [3 <= word < 6] * 3 + [word >= 6] * 3


def test_a_cluster_sees_only_its_rows():
    """What is computed for a cluster has as many rows as it has targets."""
    layer, seen = made("adaptive"), []
    original = layer._projected
    layer._projected = lambda h, projection: seen.append(h.shape[0]) or original(h, projection)
    layer(H, targets=Y)
    assert seen == [np.sum((Y >= 3) & (Y < 6)), np.sum(Y >= 6)]


# ---------------------------------------------------------------------------- sampled softmax

COUNTS = 2.0 ** -np.arange(TYPES)


@pytest.mark.parametrize("counts", [None, COUNTS, COUNTS[::-1]], ids=["log-uniform", "counts", "reversed"])
def test_the_estimate_of_the_normaliser_is_right_on_average(counts):
    """In five standard deviations of it, which follow from Q, and with that any other Q shows."""
    S = 100_000
    layer = SampledSoftmax(TYPES, S, counts=counts, seed=1, dtype="float64")
    layer.build((None, FEATURES))
    layer.set_weights([0.3 * normal([4, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    v = np.arange(TYPES)
    q = np.log((v + 2) / (v + 1)) / np.log(TYPES + 1) if counts is None else counts / counts.sum()
    E, b = layer.get_weights()
    h, y = H[0], Y[0]
    z = h @ E.T + b
    _, nll = layer(h, targets=y, training=True)
    found = np.exp(nll + np.take_along_axis(z, y[:, None], 1)[:, 0])
    others = np.exp(z) * (v != y[:, None])
    variance = ((others**2 / q).sum(1) - others.sum(1) ** 2) / S
    assert (np.abs(found - np.exp(z).sum(1)) < 5 * np.sqrt(variance)).all()
    assert (np.sqrt(variance) < 0.05 * np.exp(z).sum(1)).all(), "too few samples to see a wrong Q"


def test_the_gradient_comes_closer_to_the_full_one_with_more_samples():
    full = made("full")

    def errors(samples, repeats):
        """Of the mean over several calls, by each of h, E and b."""
        layer = SampledSoftmax(TYPES, samples, seed=1, dtype="float64")
        layer.build((None, FEATURES))
        layer.set_weights(full.get_weights())
        h = tf.constant(H)

        def of(layer):
            variables = [h, *(v.value for v in layer.trainable_variables)]
            return gradients(lambda: layer(h, targets=Y, training=True)[0], *variables)

        mean = [sum(parts) / repeats for parts in zip(*(of(layer) for _ in range(repeats)))]
        return [float(tf.norm(a - b) / tf.norm(b)) for a, b in zip(mean, of(full))]

    few, many = errors(5, 100), errors(20_000, 10)
    assert max(many) < 0.02
    assert all(a < b / 3 for a, b in zip(many, few))


def test_a_matrix_has_gradients_on_the_rows_of_targets_and_samples_alone():
    layer = SampledSoftmax(1000, 20, seed=1)
    h, y = H[0].astype("float32"), np.array([7, 8, 9, 8, 7])
    layer(h)
    with tf.GradientTape() as tape:
        total, _ = layer(h, targets=y, training=True)
    gradient = tape.gradient(total, layer.kernel.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert len(gradient.indices) == 5 + 20
    assert {7, 8, 9} <= set(gradient.indices.numpy())


def test_samples_are_drawn_anew_and_a_seed_makes_them_reproducible():
    one, two, other = (made("sampled", seed=seed) for seed in (1, 1, 2))
    first, second = ([layer(H, targets=Y, training=True) for _ in range(2)] for layer in (one, two))
    assert distance(first, second) == 0
    assert distance(first[0], first[1]) > 1e-3
    assert distance(first[0], other(H, targets=Y, training=True)) > 1e-3


# ---------------------------------------------------------------------------- JAX

ON_JAX = """
import jax, jax.numpy as jnp, numpy as np
from tests.layers.test_softmaxes import H, W, Y, TYPES, made, expected_of

for name in ("full", "mixture", "adaptive", "sampled"):  # augmented: tests/ops/test_sliced_softmax.py
    layer = made(name)
    groups = layer.trainable_variables, layer.non_trainable_variables
    weights, rest = ([v.value for v in group] for group in groups)
    total, nll = expected_of(name, layer.get_weights())
    found = layer(H, targets=Y, sample_weight=W)
    print(abs(found[0] - total) < 1e-4, np.abs(found[1] - nll).max() < 3e-6)

    def likelihood(weights, h, training):
        call = {"targets": Y, "sample_weight": W, "training": training}
        return layer.stateless_call(weights, rest, h, **call)[0][0]

    def plain(weights, h):
        log_p, _ = layer.stateless_call(weights, rest, h)
        return -(log_p * np.eye(TYPES)[Y] * W[..., None]).sum()

    for training in (False, True):
        ours = jax.jit(jax.grad(likelihood, (0, 1)), static_argnums=2)(weights, H, training)
        theirs = jax.grad(plain, (0, 1))(weights, H)
        pairs = list(zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True))
        if name == "sampled" and training:
            print(all(np.isfinite(a).all() and a.any() for a, _ in pairs))
        else:
            print(all(np.abs(a - b).max() < 3e-6 * np.abs(b).max() for a, b in pairs))
"""


@pytest.mark.slow
def test_on_jax():
    assert run_on_jax("-c", ON_JAX).splitlines() == ["True True", "True", "True"] * (len(MAKERS) - 1)


# ---------------------------------------------------------------------------- errors


def refuses(match, function, *args, **kwargs):
    with pytest.raises(ValueError, match=match):
        function(*args, **kwargs)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, None])
def test_sizes(size):
    for argument, cls, others in (
        ("vocabulary_size", FullSoftmax, {}),
        ("experts", MixtureOfSoftmaxes, {"vocabulary_size": 9, "latent_size": 2}),
        ("latent_size", MixtureOfSoftmaxes, {"vocabulary_size": 9, "experts": 2}),
        ("factor", AdaptiveSoftmax, {"vocabulary_size": 9, "cutoffs": [3]}),
        ("samples", SampledSoftmax, {"vocabulary_size": 9}),
    ):
        message = rf"`{argument}` must be a positive integer; received {argument}={size!r}"
        refuses(message, cls, **{**others, argument: size})


@pytest.mark.parametrize("cutoffs", [[], [4, 4], [5, 3], [9], [3, 12]])
def test_cutoffs(cutoffs):
    refuses(r"`cutoffs` must be increasing .* received cutoffs=\[", AdaptiveSoftmax, 9, cutoffs)


def test_clusters_without_features():
    refuses(
        r"`inputs` must have at least .* 16 features; .*\(2, 15\)",
        AdaptiveSoftmax(9, [2, 5]),
        H[0, :2, :1].repeat(15, 1),
    )


@pytest.mark.parametrize("counts", [[1, 2], [1, 2, 0], [1, 2, np.nan], [[1, 2, 3]]])
def test_counts(counts):
    refuses("`counts` must be 3 positive numbers, one for each type; received", SampledSoftmax, 3, 4, counts)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates(rate):
    refuses(rf"`dropout` must be .* received dropout={rate}", MixtureOfSoftmaxes, 9, 2, 3, dropout=rate)


@all_layers
def test_shapes_that_do_not_fit(name):
    layer = made(name)
    refuses(r"`targets` must have .* \(3, 5\); received shape \(3, 4\)", layer, H, targets=Y[:, 1:])
    refuses(
        r"`sample_weight` must have .* \(3, 5\); received shape \(3,\)",
        layer,
        H,
        targets=Y,
        sample_weight=W[:, 0],
    )
    refuses("`sample_weight` must be None without `targets`; received", layer, H, sample_weight=W)
    refuses("`embeddings` must be None", layer, H, embeddings=normal(1, TYPES, FEATURES))
    refuses(r"must be known; received shape \(None, None\)", MAKERS[name]().build, (None, None))


@can_be_tied
def test_embeddings_of_a_tied_layer(name):
    layer, rows = made(name, tied=True), LATENT if name == "mixture" else FEATURES
    message = rf"`embeddings` must be a matrix of shape \({TYPES}, {rows}\) where .* is tied; received "
    refuses(message + "None", layer, H)
    refuses(message + rf"shape \({TYPES}, {rows + 1}\)", layer, H, embeddings=normal(1, TYPES, rows + 1))


@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_parameters_of_the_augmented_loss(value):
    message = f"`alpha` must be a number and not negative; received alpha={value}"
    refuses(message, AugmentedSoftmax, 9, alpha=value)
    message = f"`temperature` must be a positive number; received temperature={value}"
    refuses(message, AugmentedSoftmax, 9, temperature=value)
    refuses("received temperature=0", AugmentedSoftmax, 9, temperature=0)
