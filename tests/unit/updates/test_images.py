import numpy as np
import pytest

from spear_xp import errors
from spear_xp.updates import images
from tests.helpers.optional import need

LOADERS = {
    "faces": (images.faces, (7, 625)),
    "digits": (images.digits, (7, 64)),
    "tabular": (images.tabular, (7, 30)),
    "crops": (lambda batch, rng: images.crops(batch, size=8, rng=rng), (7, 192)),
}


@pytest.fixture(autouse=True)
def _packages() -> None:
    need("skimage")
    need("sklearn")


@pytest.mark.parametrize("name", LOADERS)
def test_batches_have_the_promised_shape_and_dtype(name: str) -> None:
    load, shape = LOADERS[name]
    batch = load(7, rng=0)
    assert batch.shape == shape
    assert batch.dtype == np.float32
    assert np.isfinite(batch).all()
    assert len(np.unique(batch, axis=0)) == 7


@pytest.mark.parametrize("name", LOADERS)
def test_seeds_choose_the_samples(name: str) -> None:
    load, _ = LOADERS[name]
    np.testing.assert_array_equal(load(7, rng=1), load(7, rng=1))
    assert not np.array_equal(load(7, rng=1), load(7, rng=2))


def test_raw_pixels_lie_between_zero_and_one() -> None:
    for batch in (
        images.faces(50, standardized=False, rng=0),
        images.digits(50, rng=0),
        images.crops(8, size=8, standardized=False, rng=0),
    ):
        assert batch.min() >= 0
        assert 0.5 < batch.max() <= 1


def test_standardized_pixels_are_centred() -> None:
    assert abs(images.faces(100, rng=0).mean()) < 1e-4
    assert abs(images.faces(100, rng=0).std() - 1) < 1e-4


def test_distinct_crops_are_apart() -> None:
    def least(distinct: float) -> float:
        batch = images.crops(20, size=8, distinct=distinct, rng=0)
        distance = np.linalg.norm(batch[:, None] - batch[None], axis=2)
        return float(distance[np.triu_indices(20, 1)].min())

    assert least(0.3) > least(0.0)


@pytest.mark.parametrize("batch", [0, -1, 101])
def test_batch_sizes_out_of_range(batch: int) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=rf"batch_size={batch}: need 1 to 100"):
        images.faces(batch, rng=0)


def test_too_few_distinct_crops() -> None:
    with pytest.raises(errors.ArgumentRangeError, match=r"batch_size=30: only \d+ distinct"):
        images.crops(30, size=8, distinct=5.0, rng=0)


def test_photographs_are_colour_images() -> None:
    for image in images.photographs():
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert image.dtype == np.float32
