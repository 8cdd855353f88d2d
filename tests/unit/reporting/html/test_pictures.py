"""Pictures: their layout, what is taken for an image unasked, and that they show what is there."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.errors import ShapeError
from spear_xp.reporting import plots
from spear_xp.reporting.html.pictures import LARGEST, chart, guessed_shape, layout_of, picture
from spear_xp.updates.images import digits, faces
from spear_xp.updates.synthetic import gaussian_inputs
from tests.helpers.optional import need

image = need("matplotlib.image")


def decoded(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(image.imread(io.BytesIO(base64.b64decode(data))))


def test_channels_may_come_first_or_last() -> None:
    assert layout_of((4, 5), 20) == (4, 5, 1, False)
    assert layout_of((4, 5, 3), 60) == (4, 5, 3, False)
    assert layout_of((3, 4, 5), 60) == (4, 5, 3, True)


@pytest.mark.parametrize("shape", [(4,), (4, 6), (4, 5, 2), (0, 20), (-4, -5), (2, 2, 1, 5)])
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="for 20 features"):
        layout_of(shape, 20)


def test_images_are_recognised_and_other_features_are_not() -> None:
    assert guessed_shape(faces(12, rng=0)) == (25, 25)
    assert guessed_shape(digits(12, rng=0)) == (8, 8)
    grey = faces(4, rng=1)
    last = np.stack([grey, 0.5 * grey, -grey], axis=2).reshape(4, -1)
    assert guessed_shape(last) == (25, 25, 3)
    assert guessed_shape(np.stack([grey, 0.5 * grey, -grey], axis=1).reshape(4, -1)) == (3, 25, 25)
    assert guessed_shape(np.zeros((0, 64))) is None
    assert guessed_shape(np.ones((3, 64))) is None


@given(st.integers(1, 20), st.sampled_from([9, 25, 60, 64, 100, 192, 625]), st.integers(0, 99))
def test_noise_is_no_image(count: int, features: int, seed: int) -> None:
    assert guessed_shape(gaussian_inputs(count, features, rng=seed)) is None


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (3, 4, 6)])
def test_a_picture_shows_the_values_between_black_and_white(shape: tuple[int, ...]) -> None:
    sample = np.random.default_rng(0).uniform(-1, 3, int(np.prod(shape)))
    seen = decoded(picture(sample, shape, (0.0, 2.0)))[..., :3]
    expected = (sample.reshape(shape) / 2).clip(0, 1)
    if len(shape) == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    elif shape[0] == 3:
        expected = expected.transpose(1, 2, 0)
    np.testing.assert_allclose(seen, expected, atol=1 / 255)


def test_large_pictures_are_thinned_out_and_flat_ones_are_no_error() -> None:
    assert max(decoded(picture(np.zeros(600 * 300), (600, 300), (0.0, 0.0))).shape) <= LARGEST


def test_equal_charts_are_equal_bytes() -> None:
    def draw() -> plots.Axes:
        from matplotlib.figure import Figure

        axes = Figure().subplots()
        axes.plot([1, 2], [3, 4])
        return axes

    assert chart(draw) == chart(draw)
    assert b"<svg" in base64.b64decode(chart(draw).partition(",")[2])
