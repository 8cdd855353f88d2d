"""Enters: a name and a seed. Leaves: batches of real images that ship inside the optional packages."""

from typing import Any

import numpy as np

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.random import Stream, generator, seed_of

__all__ = ["crops", "digits", "faces", "photographs", "sample_images", "standardize", "tabular"]


def standardize(batch: Host) -> Host:
    """Inputs with the mean and standard deviation of the whole array taken out, float32."""
    values = batch.astype("float64")
    return to_host(((values - values.mean()) / values.std()).astype("float32"))


def faces(batch_size: int, *, standardized: bool = True, rng: Any = None) -> Host:
    """Face photographs of 25 x 25 pixels (scikit-image, `lfw_subset`), shape (batch_size, 625).

    Parameters
    ----------
    batch_size : int
        1 to 100.
    standardized : bool
        Zero mean and unit variance over the data set instead of pixels in [0, 1].
    rng : None, int, SeedSequence or Generator
        Which faces (SPEC 7).
    """
    from skimage.data import lfw_subset

    images = lfw_subset()[:100].reshape(100, -1).astype("float32")  # the second hundred are not faces
    return _choose(standardize(images) if standardized else images, batch_size, rng)


def digits(batch_size: int, *, standardized: bool = False, rng: Any = None) -> Host:
    """Handwritten digits of 8 x 8 pixels (scikit-learn), shape (batch_size, 64), in [0, 1] if raw."""
    from sklearn.datasets import load_digits

    images = (load_digits().data / 16).astype("float32")
    return _choose(standardize(images) if standardized else images, batch_size, rng)


def tabular(batch_size: int, *, rng: Any = None) -> Host:
    """Breast-cancer measurements (scikit-learn), standardised by column, shape (batch_size, 30)."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer().data
    return _choose(((table - table.mean(0)) / table.std(0)).astype("float32"), batch_size, rng)


def sample_images() -> list[Host]:
    """Two colour photographs of 427 x 640 pixels (scikit-learn), float32 in [0, 1], shape (427, 640, 3)."""
    from sklearn.datasets import load_sample_images

    return [image.astype("float32") / 255 for image in load_sample_images().images]


def photographs() -> list[Host]:
    """Six colour photographs of different size, float32 in [0, 1], shape (height, width, 3)."""
    from skimage import data

    images = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    return [*(image.astype("float32") / 255 for image in images), *sample_images()]


def crops(
    batch_size: int,
    *,
    size: int = 32,
    standardized: bool = True,
    distinct: float = 0.1,
    images: list[Host] | None = None,
    rng: Any = None,
) -> Host:
    """Square crops of colour photographs, shape (batch_size, size * size * 3).

    Parameters
    ----------
    batch_size : int
        Number of crops.
    size : int
        Side in pixels.
    standardized : bool
        Zero mean and unit variance over the batch's source instead of pixels in [0, 1].
    distinct : float
        Crops closer to an earlier one than this share of the mean distance are drawn again; 0 keeps
        near-duplicates, such as two pieces of the same dark sky.
    images : list of NumPy array, optional
        Photographs to cut from, by default all of `photographs`.
    rng : None, int, SeedSequence or Generator
        Where to cut (SPEC 7).
    """
    host = generator(seed_of(rng), Stream.IMAGES, 0)
    images = photographs() if images is None else images
    drawn: list[Host] = []
    while len(drawn) < 8 * batch_size + 64:
        image = images[int(host.integers(len(images)))]
        y, x = (int(host.integers(image.shape[axis] - size + 1)) for axis in (0, 1))
        drawn.append(image[y : y + size, x : x + size, :].reshape(-1))
    pool = np.stack(drawn)
    squared = (pool**2).sum(1)
    distance = np.sqrt(np.maximum(squared[:, None] + squared[None, :] - 2 * pool @ pool.T, 0))
    limit = distinct * distance.mean()
    chosen: list[int] = []
    for i in range(len(pool)):
        if not chosen or distance[i, chosen].min() > limit:
            chosen.append(i)
        if len(chosen) == batch_size:
            break
    if len(chosen) < batch_size:
        msg = (
            f"batch_size={batch_size}: only {len(chosen)} distinct crops; need a smaller batch or `distinct`"
        )
        raise ArgumentRangeError(msg)
    return (standardize(pool) if standardized else pool)[chosen]


def _choose(images: Host, batch_size: int, rng: Any) -> Host:
    if not 1 <= batch_size <= len(images):
        msg = f"batch_size={batch_size}: need 1 to {len(images)}"
        raise ArgumentRangeError(msg)
    return images[generator(seed_of(rng), Stream.IMAGES, 0).choice(len(images), batch_size, replace=False)]
