import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.rank import TAIL, contrast, edge_rank, noise_edge, numerical_rank
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


@pytest.mark.parametrize("shape", [(400, 60), (60, 400), (200, 200), (300, 12)])
@pytest.mark.parametrize("level", [1e-6, 1.0])
def test_the_edge_of_pure_noise(shape: tuple[int, int], level: float) -> None:
    """Above all of forty largest values, and within six percent of their mean."""
    rng = np.random.default_rng(0)
    largest = [np.linalg.norm(level * rng.standard_normal(shape), 2) for _ in range(40)]
    edge = noise_edge(shape, level)
    assert max(largest) < edge < 1.15 * np.mean(largest)


@given(strategies.seeds, st.integers(0, 8), st.sampled_from([(300, 40), (60, 200), (150, 150)]))
def test_all_that_sticks_out_of_the_noise_counts(seed: int, rank: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(shape)
    signal = 2.5 * noise_edge(shape, 1.0) * low_rank(rng, *shape, rank) if rank else 0.0
    values = np.linalg.svd(signal + noise, compute_uv=False)
    assert edge_rank(values, shape) in {rank, rank + 1}  # noise exceeds its edge once in a thousand


def test_the_contrast_of_a_rank_is_the_ratio_at_its_gap() -> None:
    values = np.array([8.0, 4.0, 1e-3, 1e-9])
    assert contrast(values, 2, 1e-6) == pytest.approx(4e3)
    assert contrast(values, 3, 1e-6) == pytest.approx(1e3)  # down to the floor
    assert contrast(values, 0, 1e-6) == contrast(values, 4, 1e-6) == 1.0


def test_columns_that_depend_on_others_carry_no_noise() -> None:
    """Twins among the columns are rounded alike: the drop to nothing is none from a batch to its noise."""
    noise = np.linspace(2e-3, 1e-3, 36)
    assert numerical_rank(np.r_[np.linspace(3, 1, 10), noise, [1e-17] * 4], (200, 50), 1e-8) == 10
    assert numerical_rank(np.r_[np.linspace(3, 1, 46), [1e-17] * 4], (200, 50), 1e-8) is None


def test_a_gap_before_the_last_values_is_wider_than_that_of_noise() -> None:
    """Noise of 300 rows and 31 columns is within a factor of 2; the least of square noise may vanish."""
    values, noise = np.geomspace(5, 1, 28), np.array([1.1, 1.0, 0.9])
    assert numerical_rank(np.r_[values, 1e-4 * noise], (300, 31), 1e-9) == 28
    assert numerical_rank(np.r_[values, 0.2 * noise], (300, 31), 1e-9) != 28
    assert numerical_rank(np.r_[values, 1e-4 * noise], (31, 31), 1e-9) != 28


def test_a_gap_that_no_noise_follows_is_no_rank() -> None:
    """A common mean stands out of a batch that falls off into added noise."""
    noise = np.linalg.svd(np.random.default_rng(0).standard_normal((190, 50)), compute_uv=False)
    values = np.r_[2e3, np.geomspace(450, 26, 9), noise]
    assert numerical_rank(values, (200, 60), 1e-6) == 10
