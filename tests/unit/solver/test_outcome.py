"""From the end of a search to a result: order, reasons, and what is missing."""

import numpy as np
import pytest

from spear_xp import Status, invert
from spear_xp.candidates import Candidate, Pool
from spear_xp.candidates.pool import Entry
from spear_xp.certification.mask_test import TOLD
from spear_xp.numerics.backend import space_of
from spear_xp.recovery.nuisance import stood_in
from spear_xp.recovery.samples import recover, to_inputs
from spear_xp.reporting.metrics import compare
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.outcome import missing_samples, outcome_of, predicted_psnr, range_of, status_of
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.solver import Search
from spear_xp.strategies import Peeling
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.sets import candidates, solved
from tests.helpers.truth import relative_errors, true_recovery


@pytest.fixture(scope="module")
def truth() -> LayerGradient:
    return mlp_gradient(gaussian_inputs(8, 60, rng=0), width=160, rng=0)


def test_without_a_full_set_samples_that_rows_determine_are_returned(truth: LayerGradient) -> None:
    problem, true = solved(truth)
    duals = true_recovery(problem, truth.inputs).duals
    pool = Pool(problem)
    for k in range(3):
        pool.add(Candidate.of(problem, true[:, k], "peeling"))
    first = pool.candidates[1]
    pool.freeze({first: Entry(first, 2.0 * duals[:, 1])})  # of any scale: the bias settles that
    outcome = outcome_of(problem, None, pool, TOLD)
    assert outcome.certified.tolist() == [False]
    assert np.isinf(outcome.error_bars).all()
    assert len(outcome.missing) == 7
    assert outcome.directions.shape == (8, 3)
    assert relative_errors(truth.inputs[1:2], to_inputs(problem, outcome.duals)).max() < 1e-5


def test_certified_samples_come_first_and_keep_their_error_bars(truth: LayerGradient) -> None:
    problem, true = solved(truth)
    search = Search.begin(problem, [Peeling()])
    false = true.copy()
    false[:, 0] = true[:, 0] + 1e-3 * true[:, 1]
    search.best.consider(FullSet(problem, tuple(candidates(problem, false))))
    assert search.best.best is not None
    outcome = outcome_of(problem, search.best.best, search.pool, search.best.scale)
    assert (np.diff(outcome.certified.astype(int)) <= 0).all()
    assert [reason == "" for reason in outcome.reasons] == outcome.certified.tolist()
    assert outcome.missing == ()


def test_statuses_follow_what_is_certified(truth: LayerGradient) -> None:
    problem, true = solved(truth)
    search, clock = Search.begin(problem, [Peeling()]), Clock(1e-9)
    assert status_of(search, problem, clock) is Status.TIME_LIMIT
    search.best.consider(FullSet(problem, tuple(candidates(problem, true))))
    assert status_of(search, problem, clock) is Status.EXACT


def test_each_missing_sample_is_named_by_how_loud_it_is(truth: LayerGradient) -> None:
    problem, true = solved(truth)
    nuisance = stood_in(problem, true, np.arange(8) < 6)
    samples = recover(problem, np.concatenate([true[:, :6], nuisance.directions], axis=1), 2)
    assert samples is not None
    named = missing_samples(samples)
    assert len(named) == 2
    assert all("SNR" in text for text in named)
    whole = recover(problem, true)
    assert whole is not None
    assert missing_samples(whole) == ()


def test_predicted_psnr_is_the_error_bar_against_the_peak() -> None:
    bars = np.array([0.004, 0.0, np.inf])
    assert predicted_psnr(bars, 4.0).tolist() == pytest.approx([60.0, np.inf, -np.inf])
    assert np.isnan(predicted_psnr(bars, 0.0)).all()


def test_the_peak_is_the_range_of_what_is_certified(space: Backend) -> None:
    inputs = space.asarray(np.array([[0.0, 4.0], [1.0, 2.0], [9.0, -9.0]]))
    here = space_of(inputs)
    assert range_of(here, inputs, np.array([True, True, False])) == 4.0
    assert range_of(here, inputs, np.zeros(3, dtype=bool)) == 0.0


def test_a_given_range_is_the_peak(truth: LayerGradient) -> None:
    one, other = (invert(*truth.observed, rng=0, data_range=size).psnr for size in (1.0, 10.0))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(other - one, 20.0)


def test_predicted_psnr_is_near_the_measured_one() -> None:
    better = []
    for seed in range(8):  # errors of one batch depend on each other: its median is luck
        truth = mlp_gradient(gaussian_inputs(8, 60, rng=seed), width=160, rng=seed)
        result = invert(*truth.observed, rng=0)
        found = compare(truth.inputs, result.inputs, data_range=float(np.ptp(result.inputs)))
        assert result.psnr is not None
        better.extend(found.psnr - result.psnr[found.recovered])
    assert min(better) > -20 * np.log10(6)  # all errors are within six error bars
    assert abs(np.median(better)) < 10.0


def test_a_trace_tells_spectrum_zero_counts_and_conditions(truth: LayerGradient) -> None:
    trace = invert(*truth.observed, rng=0).trace
    assert trace.singular_values is not None
    assert trace.singular_values[7] > 1e3 * trace.singular_values[8]
    assert min(trace.zeros) >= trace.threshold
    assert list(trace.conditions) == ["masks", "kernel", "accuracy", "row_span"]
    assert all(flags.tolist() == [True] * 8 for flags in trace.conditions.values())
