"""Enters: a seed and sizes. Leaves: gradients of known batches, one builder for each kind of problem.

The seed also chooses depth and number of classes where a builder leaves them open (`SHAPES`), so that no
table speaks of one network only.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from spear_xp.updates import images
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks.training import first_layer, local_steps, multilayer, train
from tests.helpers.networks import Floats

__all__ = [
    "SHAPES",
    "crops",
    "crops_averaged",
    "digits",
    "faces",
    "faces_averaged",
    "faces_half",
    "faces_noisy",
    "gaussian",
    "noisy",
    "photographs",
    "rounded_to_half",
    "shape_of",
    "tabular",
    "trained_crops",
    "trained_digits",
]

SHAPES = ((3, 10), (2, 100), (6, 10), (4, 100), (2, 10), (5, 100))  # linear layers, classes


def shape_of(seed: int) -> tuple[int, int]:
    """Linear layers and classes of the network that belongs to a seed."""
    return SHAPES[seed % len(SHAPES)]


def at_start(inputs: Floats, width: int, seed: int, **network: Any) -> LayerGradient:
    """Gradient at initialisation, of a network that the seed chooses unless told otherwise."""
    depth, classes = shape_of(seed)
    return mlp_gradient(
        inputs, width=width, rng=seed + 10_000, **{"depth": depth, "classes": classes, **network}
    )


def gaussian(seed: int, batch_size: int, width: int, features: int = 784, **network: Any) -> LayerGradient:
    """Standard normal inputs."""
    return at_start(gaussian_inputs(batch_size, features, rng=seed), width, seed, **network)


def faces(
    seed: int, batch_size: int, width: int, *, standardized: bool = True, **network: Any
) -> LayerGradient:
    """Face photographs of 25 x 25 pixels, standardised or raw."""
    return at_start(images.faces(batch_size, standardized=standardized, rng=seed), width, seed, **network)


def digits(seed: int, batch_size: int, width: int, **network: Any) -> LayerGradient:
    """Handwritten digits of 8 x 8 pixels in [0, 1]."""
    return at_start(images.digits(batch_size, rng=seed), width, seed, **network)


def tabular(seed: int, batch_size: int, width: int) -> LayerGradient:
    """Standardised measurements of 30 features, two classes."""
    return at_start(images.tabular(batch_size, rng=seed), width, seed, classes=2)


def crops(
    seed: int,
    batch_size: int,
    width: int,
    *,
    standardized: bool = True,
    distinct: float = 0.3,
    source: Callable[[], list[Floats]] = images.sample_images,
    **network: Any,
) -> LayerGradient:
    """Crops of 32 x 32 x 3 pixels of two photographs; `distinct=0` keeps near-duplicates."""
    inputs = images.crops(batch_size, standardized=standardized, distinct=distinct, images=source(), rng=seed)
    return at_start(inputs, width, seed, **network)


# After training


def trained_crops(
    seed: int, batch_size: int, width: int, *, optimizer: str, steps: int = 300, pool: int = 1500
) -> LayerGradient:
    """A network that has learnt which photograph a crop comes from, on crops that it has not seen."""
    rng = np.random.default_rng(seed)
    inputs, labels = labelled_crops(pool + 8 * batch_size, 32, rng)
    inputs = images.standardize(inputs)
    depth, classes = shape_of(seed)
    net = multilayer(inputs.shape[1], width, depth, classes, rng)
    net = train(net, inputs[:pool], labels[:pool], steps=steps, optimizer=optimizer, rng=rng)
    fresh = pool + distinct_rows(inputs[pool:], batch_size)
    return first_layer(net, inputs[fresh], labels[fresh])


def trained_digits(
    seed: int, batch_size: int, width: int, *, optimizer: str, steps: int = 300
) -> LayerGradient:
    """A network that has learnt to read digits, on digits that it has not seen."""
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    bunch = load_digits()
    order = rng.permutation(len(bunch.data))
    inputs, labels = (bunch.data[order] / 16).astype("float32"), bunch.target[order]
    depth, classes = shape_of(seed)
    net = multilayer(inputs.shape[1], width, depth, classes, rng)
    held_out = batch_size + 100
    net = train(net, inputs[held_out:], labels[held_out:], steps=steps, optimizer=optimizer, rng=rng)
    return first_layer(net, inputs[:batch_size], labels[:batch_size])


def labelled_crops(count: int, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Crops of photographs in [0, 1], one a row, and the number of the photograph of each."""
    pictures = images.photographs()
    labels = rng.integers(0, len(pictures), count)
    rows = []
    for label in labels:
        y, x = (int(rng.integers(pictures[label].shape[axis] - size + 1)) for axis in (0, 1))
        rows.append(pictures[label][y : y + size, x : x + size].ravel())
    return np.stack(rows), labels


def distinct_rows(inputs: Floats, count: int, share: float = 0.1) -> Floats:
    """Numbers of the first rows that keep a share of the mean distance from all earlier ones."""
    squared = (inputs.astype(float) ** 2).sum(1)
    gram = inputs.astype(float) @ inputs.T.astype(float)
    distance = np.sqrt(np.maximum(squared[:, None] + squared - 2 * gram, 0))
    chosen: list[int] = []
    for i in range(len(inputs)):
        if len(chosen) < count and (not chosen or distance[i, chosen].min() > share * distance.mean()):
            chosen.append(i)
    return np.array(chosen)


# Large inputs


def photographs(seed: int, batch_size: int = 20, width: int = 400, side: int = 224) -> LayerGradient:
    """Photographs of side² x 3 pixels, standardised, cut and mirrored at random; 6 layers, 200 classes."""
    from skimage.transform import resize

    rng = np.random.default_rng(seed)
    pictures, batch = images.photographs(), []
    for _ in range(batch_size):
        image = pictures[int(rng.integers(len(pictures)))]
        cut = int(rng.uniform(0.5, 1.0) * min(image.shape[:2]))
        y, x = (int(rng.integers(image.shape[axis] - cut + 1)) for axis in (0, 1))
        small = resize(image[y : y + cut, x : x + cut], (side, side), anti_aliasing=True)
        batch.append(small[:, :: rng.choice([-1, 1])].ravel())
    return at_start(images.standardize(np.stack(batch)), width, seed, depth=6, classes=200)


# What happens to a gradient on its way


def rounded_to_half(truth: LayerGradient) -> LayerGradient:
    """Rounded to float16, scaled beforehand so that nothing underflows, as mixed-precision training does."""
    scale = np.float32(2.0 ** (10 - np.ceil(np.log2(np.abs(truth.grad_w).max()))))

    def half(array: Floats) -> Floats:
        return (array * scale).astype("float16").astype("float32") / scale

    return replace(truth, grad_w=half(truth.grad_w), grad_b=half(truth.grad_b))


def noisy(truth: LayerGradient, size: float, seed: int) -> LayerGradient:
    """With Gaussian noise of standard deviation `size` on every entry of the mean gradient."""
    rng = np.random.default_rng([seed, 7])

    def add(array: Floats) -> Floats:
        return (array + size * rng.standard_normal(array.shape)).astype("float32")

    return replace(truth, grad_w=add(truth.grad_w), grad_b=add(truth.grad_b))


def faces_half(seed: int, batch_size: int, width: int) -> LayerGradient:
    """Standardised faces, gradient rounded to float16."""
    return rounded_to_half(faces(seed, batch_size, width))


def faces_averaged(
    seed: int, batch_size: int, width: int, steps: int = 5, rate: float = 0.01
) -> LayerGradient:
    """Standardised faces, several local full-batch steps."""
    rng = np.random.default_rng(seed)
    inputs = images.faces(batch_size, rng=seed)
    depth, classes = shape_of(seed)
    net = multilayer(inputs.shape[1], width, depth, classes, rng)
    return local_steps(net, inputs, rng.integers(0, classes, batch_size), steps=steps, rate=rate)


def crops_averaged(
    seed: int, batch_size: int, width: int, steps: int = 10, rate: float = 0.05
) -> LayerGradient:
    """Standardised crops, many local full-batch steps: rows of masks flip on the way."""
    rng = np.random.default_rng(seed)
    inputs = images.crops(batch_size, distinct=0.3, images=images.sample_images(), rng=seed)
    depth, classes = shape_of(seed)
    net = multilayer(inputs.shape[1], width, depth, classes, rng)
    return local_steps(net, inputs, rng.integers(0, classes, batch_size), steps=steps, rate=rate)


def faces_noisy(seed: int, batch_size: int, width: int, size: float) -> LayerGradient:
    """Standardised faces, noise of standard deviation `size` on the mean gradient."""
    return noisy(faces(seed, batch_size, width), size, seed)
