import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import errors
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.noise import is_additive, noise_of_column, row_deviations
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Floats


def residuals(seed: int, kind: str, decades: float = 1.0) -> tuple[Floats, Floats]:
    """Norms of 60 rows, and of noise of 30 entries in each: of one size, or a share of the row."""
    rng = np.random.default_rng(seed)
    norms = 10.0 ** rng.uniform(-decades, decades, 60)
    noise = np.linalg.norm(rng.standard_normal((60, 30)), axis=1)
    return norms, 1e-6 * noise * (norms if kind == "relative" else 1.0)


@given(strategies.seeds, st.sampled_from(["relative", "additive"]), st.floats(0.3, 3))
def test_added_noise_is_told_from_rounding(seed: int, kind: str, decades: float) -> None:
    norms, noise = residuals(seed, kind, decades)
    assert is_additive(norms, noise) == (kind == "additive")


@given(strategies.seeds, st.floats(-6, 6), st.floats(-6, 6))
def test_units_and_order_of_the_rows_do_not_matter(seed: int, size: float, noise: float) -> None:
    for kind in ("relative", "additive"):
        norms, rest = residuals(seed, kind)
        order = np.random.default_rng(seed).permutation(60)
        assert is_additive(10.0**size * norms[order], 10.0**noise * rest[order]) == is_additive(norms, rest)


def test_without_rows_that_say_something_noise_counts_as_rounding() -> None:
    norms, noise = residuals(0, "additive")
    assert not is_additive(np.ones(60), noise)  # rows of equal norm: the two are the same
    assert not is_additive(norms, 0 * noise)
    assert not is_additive(norms[:4], noise[:4])


def test_rows_without_noise_are_passed_over() -> None:
    norms, noise = residuals(1, "additive")
    noise[::3] = 0.0
    assert is_additive(norms, noise)


@pytest.mark.parametrize("size", [1e-6, 1.0])
def test_the_noise_of_a_column_is_the_residual_of_least_squares(space: Backend, size: float) -> None:
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.standard_normal((400, 9))).Q
    column = left @ rng.standard_normal(9) + size * rng.standard_normal(400)
    found = noise_of_column(space.xp, *space.arrays(left, column), 0.0)
    squared = np.linalg.lstsq(left, column)[1][0]
    assert found == pytest.approx((squared / (400 - 9)) ** 0.5, rel=1e-9 if space.dtype == "float64" else 0.1)
    assert found == pytest.approx(size, rel=0.15)


def test_what_low_rank_explains_is_no_noise() -> None:
    rng = np.random.default_rng(1)
    left, noise = np.linalg.qr(rng.standard_normal((100, 5))).Q, rng.standard_normal(100)
    one, other = (noise_of_column(np, left, noise + left @ rng.standard_normal(5), 0.0) for _ in range(2))
    assert one == pytest.approx(other)
    assert noise_of_column(np, left, left @ np.ones(5), 1e-9) == 1e-9  # rounding of the computation itself


@pytest.mark.parametrize(("rows", "told"), [(12, False), (13, True)])
def test_hardly_more_rows_than_the_rank_tell_no_noise(rows: int, told: bool) -> None:
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.standard_normal((rows, 5))).Q
    assert (noise_of_column(np, left, rng.standard_normal(rows), 0.0) > 0) == told


def layer(seed: int = 0) -> tuple[Floats, ...]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((20, 9)), rng.standard_normal(20), np.ones((20, 9)), np.ones(20)


def test_known_noise_of_numbers_rows_and_entries(space: Backend) -> None:
    checked = validate(*space.arrays(*layer()))
    rows = np.random.default_rng(1).uniform(1, 2, (20, 1))
    entries = rows * np.ones((20, 9))
    entries[:, -1] *= 3
    for noise, expected in (
        (0.5, np.full(20, 0.5)),
        (space.arrays(rows)[0], rows[:, 0]),
        (entries, np.sqrt((8 + 2 * 9) / 10) * rows[:, 0]),  # the last column counts twice, for grad_b
    ):
        found = row_deviations(checked, noise)
        assert found is not None
        np.testing.assert_allclose(space.to_numpy(found[0]), expected, rtol=1e-6)
        ratio = 3 / np.sqrt((8 + 2 * 9) / 10) if noise is entries else 1.0
        assert found[1] == pytest.approx(ratio, rel=1e-6)


def test_noise_of_live_rows_alone() -> None:
    grad_w, grad_b, weight, bias = layer()
    grad_w[3], grad_b[3] = 0, 0
    found = row_deviations(validate(grad_w, grad_b, weight, bias), np.arange(1.0, 21.0)[:, None])
    assert found is not None
    np.testing.assert_allclose(found[0], np.delete(np.arange(1.0, 21.0), 3))


def test_no_row_is_more_exact_than_its_format() -> None:
    arrays = tuple(array.astype("float32") for array in layer())
    checked = validate(*arrays)
    found = row_deviations(checked, np.r_[1.0, np.zeros(19)][:, None])
    assert found is not None
    np.testing.assert_allclose(found[0][1:], 2.0**-23 / 120**0.5 * checked.norms[1:])
    assert row_deviations(checked, 0.0) is None


@pytest.mark.parametrize("shape", [(20,), (9,), (1, 9), (20, 10), (9, 20), (20, 9, 1)])
def test_noise_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(errors.ShapeError, match=r"noise has shape .*: need a number, \(20, 1\) or \(20, 9\)"):
        row_deviations(validate(*layer()), np.ones(shape))


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_noise_that_is_no_standard_deviation(value: float) -> None:
    checked = validate(*layer())
    for noise in (value, np.where(np.eye(20, 9) == 1, value, 1.0)):
        with pytest.raises(
            errors.ArgumentRangeError, match=f"noise={value}: need finite standard deviations"
        ):
            row_deviations(checked, noise)
