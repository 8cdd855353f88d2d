"""Mask alternation: what it mends, what it leaves, and what comes of it in a search."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp import invert
from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Pool
from spear_xp.certification.mask_test import TOLD
from spear_xp.recovery.alternation import alternate, tentative_set
from spear_xp.recovery.likelihood import most_likely
from spear_xp.recovery.mask_fit import MaskFit
from spear_xp.recovery.nuisance import stood_in
from spear_xp.recovery.samples import recover, to_inputs
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.reporting import metrics
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.incumbent import Incumbent
from spear_xp.solver.outcome import outcome_of
from spear_xp.solver.result import Status
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.sets import cosines, solved, with_twins


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_polluted_directions_are_mended(share: float, seed: int) -> None:
    problem, true = solved(mlp_gradient(gaussian_inputs(12, 60, rng=seed), width=200, rng=seed))
    polluted = true.copy()
    polluted[:, :4] += share * true[:, 4:8]
    polluted /= np.linalg.norm(polluted, axis=0)
    found = alternate(problem, polluted)
    assert found is not None
    assert found.total_contradictions == 0
    assert cosines(found.directions, true).min() > 1 - 1e-9


def test_nothing_changes_without_time() -> None:
    problem, true = solved(mlp_gradient(gaussian_inputs(8, 60, rng=0), width=200, rng=0))
    mixed = np.linalg.qr(true).Q
    found = alternate(problem, mixed, keep_going=lambda: False)
    assert found is not None
    np.testing.assert_array_equal(found.directions, mixed)


def test_dependent_directions_are_no_set() -> None:
    problem, true = solved(mlp_gradient(gaussian_inputs(8, 60, rng=0), width=200, rng=0))
    twice = np.concatenate([true[:, :7], true[:, :1]], axis=1)
    assert alternate(problem, twice) is None


@pytest.mark.parametrize("seed", range(3))
def test_twins_are_found_in_the_space_that_they_span(seed: int) -> None:
    layer = with_twins(0.05, twins=2, seed=seed)
    problem, true = solved(layer)
    space = np.linalg.qr(true[:, 9:]).Q
    found = tentative_set(problem, true[:, :9], space, seed=0)
    assert found is not None
    assert found.total_contradictions == 0
    assert (cosines(found.directions, true)[:9] > 1 - 1e-9).all()
    whole = [recover(problem, vectors) for vectors in (found.directions, true)]
    guess, truth = (most_likely(recovery)[1] for recovery in whole if recovery is not None)
    assert guess < 1.1 * truth  # the truth, or another batch that leaves the same gradient


@pytest.mark.parametrize("seed", range(3))
def test_twins_that_no_row_tells_come_back_uncertified(seed: int) -> None:
    layer = with_twins(3e-3, seed=seed)
    result = invert(*layer.observed, rng=0, time_limit=5.0)
    assert result.status is Status.PARTIAL
    assert result.certified.tolist() == [True] * 10 + [False] * (len(result.inputs) - 10)
    assert len(result.inputs) + len(result.missing) == result.batch_size
    assert metrics.compare(layer.inputs, result.inputs).psnr.min() > 30  # between the twins
    assert result.trace.seconds["total"] < 6.0  # of a limit of 5 s


def test_tentative_samples_come_last_without_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = with_twins(0.02)
    problem, true = solved(layer)
    kept = np.arange(12) < 10
    rest = stood_in(problem, true, kept)
    zero = problem.zeros_of(true)
    chosen = [Candidate(true[:, k], zero[:, k], int(zero[:, k].sum()), "truth") for k in range(10)]
    incumbent = Incumbent(problem)
    assert incumbent.consider(FullSet(problem, tuple(chosen), rest)) is not None
    assert incumbent.best is not None
    outcome = outcome_of(problem, incumbent.best, Pool(problem), incumbent.scale)
    assert outcome.missing == ()
    assert outcome.certified.tolist() == [True] * 10 + [False] * 2
    assert np.isinf(outcome.error_bars[10:]).all()
    assert all("tentative" in reason for reason in outcome.reasons[10:])
    assert outcome.sources == ("truth",) * 10 + ("alternation",) * 2
    inputs = to_inputs(problem, outcome.duals)
    assert metrics.compare(layer.inputs, inputs).psnr.min() > 90
    # Tentative directions whose masks do not fit stay nuisance.
    monkeypatch.setattr("spear_xp.solver.outcome.FITS", 0.0)
    wrong = replace(incumbent.best, tentative=np.linalg.qr(true[:, 10:]).Q)
    outcome = outcome_of(problem, wrong, Pool(problem), TOLD)
    assert len(outcome.reasons) + len(outcome.missing) == 12
    assert len(outcome.missing) >= 1


def test_a_search_without_the_weights_does_not_guess() -> None:
    result = invert(*with_twins(0.02).observed, rng=0, search="information_set", time_limit=1.0)
    assert not any("guess" in reason for reason in result.reasons)


def test_on_every_backend(space: Any) -> None:
    problem = reduce(validate(*space.mlp(8, 120, 40).observed))
    start = problem.space.xp.linalg.qr(problem.rows[:8, :].T).Q
    found = alternate(problem, start, tries=2)
    assert found is not None
    within = alternate(problem, start[:, 4:], beside=start[:, :4], tries=2)
    assert within is not None
    assert tuple(within.directions.shape) == (8, 4)


@pytest.mark.parametrize("seed", [0, 2, 6, 7])
def test_of_several_sets_without_a_contradiction_that_with_fewest_entries_is_found(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = with_twins(0.02, twins=3, seed=seed)
    problem, true = solved(layer)
    truth = MaskFit.of(problem, true)
    space = np.linalg.qr(true[:, 8:]).Q
    found = tentative_set(problem, true[:, :8], space, seed=seed)
    monkeypatch.setattr("spear_xp.recovery.alternation.PATIENCE", 0)
    first = tentative_set(problem, true[:, :8], space, seed=seed)  # ends as soon as nothing contradicts it
    assert truth is not None
    assert found is not None
    assert first is not None
    assert truth.total_contradictions == first.total_contradictions == 0
    assert found.order <= min(first.order, truth.order)
