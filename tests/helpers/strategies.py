"""Hypothesis strategies: planted problems, and gradients of synthetic networks."""

import numpy as np
from hypothesis import note
from hypothesis import strategies as st

from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.helpers.networks import Floats

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from(["float32", "float64"])


@st.composite
def inputs(draw: st.DrawFn, batch: int, *, features: int = 0, conditioning: float = 1.0) -> Floats:
    """Gaussian inputs, shape (batch, n), whose singular values fall off by a factor up to `conditioning`."""
    n = features or draw(st.integers(batch + 2, 60), label="features")
    batch_inputs = gaussian_inputs(batch, n, rng=draw(seeds, label="inputs")).astype("float64")
    spread = draw(st.floats(1.0, conditioning), label="conditioning")
    left, values, right = np.linalg.svd(batch_inputs, full_matrices=False)
    return (left * values * np.geomspace(1, 1 / spread, batch)) @ right


@st.composite
def synthetic_layers(
    draw: st.DrawFn, *, largest_batch: int = 9, dtype: str = "", conditioning: float = 1.0
) -> LayerGradient:
    """First-layer gradients of networks of 2 to 4 layers and 2 to 100 classes at initialisation."""
    batch = draw(st.integers(1, largest_batch), label="batch")
    kind = dtype or draw(dtypes, label="dtype")
    return mlp_gradient(
        draw(inputs(batch, conditioning=conditioning)).astype(kind),
        width=draw(st.integers(8 * batch + 24, 8 * batch + 120), label="width"),
        depth=draw(st.integers(2, 4), label="depth"),
        classes=draw(st.integers(2, 100), label="classes"),
        rng=draw(seeds, label="network"),
    )


@st.composite
def solvable_layers(draw: st.DrawFn, *, largest_batch: int = 8, dtype: str = "") -> LayerGradient:
    """Networks of 10 to 100 classes and rows to spare: the sampler finds every column within a second."""
    batch = draw(st.integers(2, largest_batch), label="batch")
    kind = dtype or draw(dtypes, label="dtype")
    batch_seed = draw(seeds, label="inputs")
    options = {
        "width": draw(st.integers(100, 200), label="width"),
        "depth": draw(st.integers(2, 3), label="depth"),
        "classes": draw(st.integers(10, 100), label="classes"),
        "rng": draw(seeds, label="network"),
    }
    note(f"mlp_gradient(gaussian_inputs({batch}, 40, rng={batch_seed}).astype({kind!r}), **{options})")
    return mlp_gradient(gaussian_inputs(batch, 40, rng=batch_seed).astype(kind), **options)


@st.composite
def planted_layers(draw: st.DrawFn, *, largest_batch: int = 8, dtype: str = "float64") -> LayerGradient:
    """D X with zeros at random places, a share of .35 to .65 of them."""
    batch = draw(st.integers(2, largest_batch), label="batch")
    width = draw(st.integers(20 * batch, 20 * batch + 100), label="width")
    share = draw(st.floats(0.35, 0.65), label="share of zeros")
    seed = draw(seeds, label="pattern")
    pattern = np.random.default_rng(seed).random((width, batch)) < share
    return planted_problem(pattern, draw(inputs(batch)).astype(dtype), rng=seed)


@st.composite
def spectra(draw: st.DrawFn) -> tuple[Floats, tuple[int, int], int]:
    """Singular values of a matrix of known rank in float64, its shape and its rank."""
    rank = draw(st.integers(1, 20), label="rank")
    m = draw(st.integers(2 * rank + 6, 200), label="m")
    n = draw(st.integers(2 * rank + 6, 200), label="n")
    decay = draw(st.floats(0, 4), label="decay in decades")
    floor = 10.0 ** draw(st.floats(-15, -8), label="noise")
    rng = np.random.default_rng(draw(seeds, label="noise seed"))
    head = 10.0 ** -np.linspace(0, decay, rank)
    tail = np.linalg.svd(rng.standard_normal((m - rank, n - rank)), compute_uv=False)
    return np.concatenate([head, floor * tail / tail[0]]), (m, n), rank


@st.composite
def planted_noise(draw: st.DrawFn) -> tuple[Floats, int, str]:
    """A matrix of known rank with noise, its rank, and whether the noise grows with the rows."""
    rank = draw(st.integers(1, 12), label="rank")
    m = draw(st.integers(4 * rank + 30, 160), label="m")
    n = draw(st.integers(2 * rank + 20, 160), label="n")
    kind = draw(st.sampled_from(["relative", "additive"]), label="noise model")
    level = 10.0 ** draw(st.floats(-8, -2), label="noise")
    decades = draw(st.floats(0.3, 0.7), label="decades of row sizes")
    rng = np.random.default_rng(draw(seeds, label="matrix"))
    signal = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)) / rank**0.5
    signal = 10.0 ** rng.uniform(-decades, decades, (m, 1)) * signal
    sizes = np.sqrt((signal**2).mean(axis=1, keepdims=True)) if kind == "relative" else 1.0
    return signal + level * sizes * rng.standard_normal((m, n)), rank, kind
