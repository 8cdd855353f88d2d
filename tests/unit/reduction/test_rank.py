import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.reduction.rank import TAIL, numerical_rank
from tests.helpers import strategies
from tests.helpers.matrices import low_rank
from tests.helpers.networks import Floats


@given(strategies.spectra())
def test_rank_of_a_spectrum_is_the_last_gap_above_the_noise(
    case: tuple[Floats, tuple[int, int], int],
) -> None:
    values, shape, rank = case
    assert numerical_rank(values, shape, 2.2e-16) == rank


@pytest.mark.parametrize("count", [10, 40])
def test_a_spectrum_without_a_gap_has_no_low_rank(count: int) -> None:
    assert numerical_rank(np.linspace(2, 1, count), (count, count), 2.2e-16) is None


def test_noise_that_falls_off_is_told_from_signal_without_the_whole_spectrum() -> None:
    """Rounding of a few rows may stick out of the rest, but no gap can follow once the floor is near."""
    tail = np.geomspace(7.0, 1.5, 32)
    signal = np.geomspace(1e8, 1e5, 64)
    assert numerical_rank(np.r_[signal, tail], (500, 900), 1.0, complete=False) == 64
    assert numerical_rank(np.r_[signal, 100 * tail], (500, 900), 1.0, complete=False) is None
    gap = np.r_[tail[:16], tail[16:] / 4]
    assert numerical_rank(np.r_[signal, gap], (500, 900), 0.5, complete=False) is None


def test_pure_noise_has_no_low_rank() -> None:
    matrix = np.random.default_rng(0).standard_normal((80, 50))
    values = np.linalg.svd(matrix, compute_uv=False)
    assert numerical_rank(values, matrix.shape, 2.2e-16) is None


@pytest.mark.parametrize("level", [0.01, 0.03, 0.1])
def test_rank_from_the_edge_of_marchenko_pastur_noise(level: float) -> None:
    """Ten equal singular values of 10 to 100 times the noise's own largest one, down to little more."""
    rng = np.random.default_rng(0)
    signal = 10 * low_rank(rng, 200, 150, 10)
    noise = level * rng.standard_normal((200, 150))
    values = np.linalg.svd(signal + noise, compute_uv=False)
    assert numerical_rank(values, signal.shape, 2.2e-16) == 10


@given(strategies.spectra(), st.floats(-30, 30))
def test_the_unit_of_the_gradient_does_not_matter(
    case: tuple[Floats, tuple[int, int], int], power: float
) -> None:
    values, shape, _ = case
    unit = 2.0 ** round(3 * power)
    assert numerical_rank(unit * values, shape, unit * 2.2e-16) == numerical_rank(values, shape, 2.2e-16)


@given(strategies.spectra())
def test_leading_values_alone_give_the_same_rank_or_none(case: tuple[Floats, tuple[int, int], int]) -> None:
    values, shape, rank = case
    for count in range(1, len(values)):
        found = numerical_rank(values[:count], shape, 2.2e-16, complete=False)
        assert found in ({rank, None} if count >= rank + TAIL else {None})


def test_one_noise_value_below_the_floor_makes_no_signal_of_the_others() -> None:
    """The least singular value of square noise is far below the others."""
    noise = np.r_[np.linspace(1e-13, 1e-15, 99), 1e-16]
    assert numerical_rank(np.r_[1.0, noise], (101, 101), 2.2e-16) == 1


def test_values_that_rounding_alone_can_cause_are_no_signal() -> None:
    """The last five are below the floor, whatever gaps there are between them."""
    values = np.r_[np.linspace(5, 1, 6), 1e-9, 1e-11, 1e-13, 1e-15, 1e-17]
    assert numerical_rank(values, (11, 40), 1e-8) == 6
    assert numerical_rank(values, (11, 40), 1e-12) > 6
