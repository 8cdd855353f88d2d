"""Alternating least squares on the known entries of a matrix."""

import numpy as np
import pytest

from spear_xp.numerics.work import Meter, OutOfTime
from spear_xp.reduction.completion.alternating import (
    Entries,
    alternate,
    amplification,
    grams,
    leverages,
    solve,
)
from tests.conftest import Backend
from tests.helpers.missing import entries


def test_what_is_not_known_does_not_count(space: Backend) -> None:
    found, truth, known = entries(space)
    assert np.allclose(space.to_numpy(found.values), np.where(known, truth, 0), atol=1e-6)
    part = found.part(space.asarray(np.arange(5)), space.asarray(np.arange(7)))
    assert part.values.shape == (5, 7)
    assert part.transposed.values.shape == (7, 5)


def test_known_entries_determine_the_others(space: Backend) -> None:
    found, truth, _ = entries(space)
    start = space.asarray(np.random.default_rng(1).standard_normal((50, 3)))
    work: list[float] = []
    fit = alternate(found, start, Meter(count=work.append), least=1e-12)
    assert fit.rank == 3
    exact = space.dtype == "float64" or "no_float64" not in space.name
    assert fit.misfit < (1e-7 if exact else 1e-5)
    assert sum(work) > 0
    assert np.abs(space.to_numpy(fit.left @ fit.right.T) - truth).max() < 1e-4


def test_each_row_is_solved_from_its_own_entries(space: Backend) -> None:
    found, truth, known = entries(space)
    basis = np.linalg.svd(truth)[2][:3].T
    gram = grams(found, space.asarray(basis))
    one = basis[known[4]]
    assert np.allclose(space.to_numpy(gram)[4], one.T @ one, atol=1e-5)
    left = solve(found.space, gram, found.values @ space.asarray(basis))
    assert np.allclose(space.to_numpy(left), truth @ basis, atol=1e-4)
    least = np.linalg.eigvalsh(one.T @ one)[0]
    assert space.to_numpy(amplification(found.space, gram))[4] == pytest.approx(least**-0.5, rel=1e-3)
    spread = space.to_numpy(leverages(found, space.asarray(basis)))
    assert np.allclose(
        spread[4], np.einsum("ji,ik,jk->j", basis, np.linalg.inv(one.T @ one), basis), rtol=1e-3
    )


def test_a_row_without_entries_is_not_determined(space: Backend) -> None:
    found, truth, known = entries(space)
    known[0] = False
    bare = Entries.of(found.space, found.values, space.asarray(known))
    gram = grams(bare, space.asarray(np.linalg.svd(truth)[2][:3].T))
    assert space.to_numpy(amplification(found.space, gram))[0] > 1e5
    assert np.isfinite(space.to_numpy(solve(found.space, gram, found.values[:, :3]))).all()


def test_it_can_be_cut_short(space: Backend) -> None:
    found, *_ = entries(space)
    with pytest.raises(OutOfTime):
        alternate(found, space.asarray(np.ones((50, 2))), Meter(lambda: False))
