"""The least rank at which factors fit the known entries."""

import numpy as np
import pytest

from spear_xp.numerics.backend import space_of
from spear_xp.numerics.work import Meter
from spear_xp.reduction.completion.alternating import Entries, alternate
from spear_xp.reduction.completion.rank import fit_of_least_rank, lowered
from tests.helpers.missing import product
from tests.helpers.networks import Floats


def entries(truth: Floats, known: Floats) -> Entries:
    return Entries.of(space_of(truth), truth, known)


@pytest.mark.parametrize("rank", [1, 3, 8, 11])
@pytest.mark.parametrize("first", [None, 3, 10])
def test_the_rank_is_found(rank: int, first: int | None) -> None:
    truth, known = product(rank, 120, 100, 0.6)
    work: list[float] = []
    fit = fit_of_least_rank(entries(truth, known), 1e-8, Meter(count=work.append), first)
    assert fit is not None
    assert fit.rank == rank
    assert np.abs(fit.left @ fit.right.T - truth).max() < 1e-4
    assert sum(work) > 0


def test_a_weak_part_is_no_noise() -> None:
    """Twins differ by little, and yet by more than rounding."""
    truth, known = product(5, 120, 100, 0.6)
    left, values, right = np.linalg.svd(truth, full_matrices=False)
    values[4] = 1e-2 * values[0]
    found = entries((left * values) @ right, known)
    fit = fit_of_least_rank(found, 6e-8, Meter())
    assert fit is not None
    assert fit.rank == 5


def test_full_rank_fits_nothing() -> None:
    _, known = product(share=0.5)
    work: list[float] = []
    noise = np.random.default_rng(1).standard_normal(known.shape)
    fit = fit_of_least_rank(entries(noise, known), 1e-8, Meter(count=work.append))
    assert fit is None
    assert sum(work) > 0


def test_a_rank_that_only_fits_noise_is_lowered() -> None:
    truth, known = product(3, share=0.8)
    found = entries(truth, known)
    fit = alternate(found, np.random.default_rng(2).standard_normal((50, 6)), Meter(), least=1e-12)
    less = lowered(found, fit, 6e-8, Meter())
    assert less.rank == 3
    assert lowered(found, fit, 6e-8, Meter(), least=4).rank == 5
