import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.reduction.noise import is_additive, noise_of_column
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
