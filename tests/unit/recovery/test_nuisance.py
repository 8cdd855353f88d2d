import numpy as np
import pytest

from spear_xp import invert
from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Pool
from spear_xp.geometry.nullspaces import kernel_of
from spear_xp.recovery.nuisance import last_direction
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.reporting import metrics
from spear_xp.solver.partial_sets import completions
from spear_xp.solver.result import Status
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.helpers.truth import true_recovery


def with_twin(distance: float, seed: int = 0, batch: int = 12) -> LayerGradient:
    """A batch whose last sample lies at a relative distance from the one before."""
    rng = np.random.default_rng(seed)
    inputs = gaussian_inputs(batch, 60, rng=seed)
    step = rng.standard_normal(60)
    inputs[-1] = inputs[-2] + distance * np.linalg.norm(inputs[-2]) * step / np.linalg.norm(step)
    return mlp_gradient(inputs, width=150, rng=seed)


@pytest.mark.parametrize("distance", [1e-3, 1e-2, 0.1])
@pytest.mark.parametrize("seed", [0, 1])
def test_twins_do_not_hold_back_the_others(distance: float, seed: int) -> None:
    layer = with_twin(distance, seed)
    result = invert(*layer.observed, rng=0, time_limit=1.0)
    assert result.status is Status.PARTIAL
    assert result.certified.sum() == 10  # a direction of one twin may be found, but not proven
    assert len(result.inputs) + len(result.missing) == 12
    assert all("tells it from other samples" in why for why in result.missing)
    comparison = metrics.compare(layer.inputs, result.inputs[:10])
    assert set(comparison.truth.tolist()) == set(range(10))
    assert comparison.psnr.min() > 120


def test_distant_twins_are_told_apart() -> None:
    result = invert(*with_twin(0.3).observed, rng=0, time_limit=10.0)
    assert result.status is Status.EXACT
    assert result.missing == ()


def test_stand_ins_leave_the_other_samples_exact() -> None:
    layer = with_twin(0.01)
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs)
    unit = truth.directions / np.linalg.norm(truth.directions, axis=0)
    zeros = problem.zeros_of(unit)
    known = [Candidate(unit[:, k], zeros[:, k], int(zeros[:, k].sum()), "truth") for k in range(10)]
    pool = Pool(problem, tuple(known))
    pool.shared.add([np.linalg.qr(unit[:, 10:]).Q])
    found = list(completions(pool, pool.directions))
    assert len(found) == 2  # from the rows on which neither twin is active, and from the kernel they share
    for whole, error in zip(found, (1e-5, 1e-9), strict=True):  # the kernel here is that of the truth
        assert whole.kept.all()
        assert whole.directions.shape == (12, 2)
        full = np.concatenate([unit[:, :10], whole.directions], axis=1)
        duals = np.linalg.inv(full).T[:, :10]
        duals = duals / (problem.last @ duals)
        np.testing.assert_allclose(
            duals, truth.duals[:, :10], rtol=1e-6, atol=error * np.abs(truth.duals).max()
        )


@pytest.mark.parametrize("distance", [0.1, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_last_direction_follows_from_the_others(distance: float, seed: int) -> None:
    """Even that of a twin whose zero rows alone do not determine it."""
    layer = with_twin(distance, seed)
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs).directions
    unit = truth / np.linalg.norm(truth, axis=0)
    for k in (0, 10, 11):
        last = last_direction(problem, np.delete(unit, k, axis=1))
        assert last is not None
        assert abs(last @ unit[:, k]) > 1 - 1e-6
        false = np.delete(unit, k, axis=1)
        false[:, 3] += false[:, 4] + unit[:, k]
        assert last_direction(problem, false / np.linalg.norm(false, axis=0)) is None


def test_twins_of_one_mask_leave_the_last_direction_open() -> None:
    layer = with_twin(1e-2)
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs).directions
    assert last_direction(problem, truth[:, :11] / np.linalg.norm(truth[:, :11], axis=0)) is None


def test_samples_that_cancel_on_a_few_rows_of_a_kernel_are_taken_to_be_in_it() -> None:
    """More samples than such rows: vectors of the kernel hold a bit of each."""
    pattern = np.random.default_rng(0).random((200, 12)) < 0.4
    pattern[:80, 8:] = True
    pattern[:80, 5:8] = True
    pattern[0, 5:8] = False  # one row of the kernel on which three samples are active
    layer = planted_problem(pattern, gaussian_inputs(12, 60, rng=0), rng=0)
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs)
    unit = truth.directions / np.linalg.norm(truth.directions, axis=0)
    zeros = problem.zeros_of(unit)
    known = [Candidate(unit[:, k], zeros[:, k], int(zeros[:, k].sum()), "truth") for k in range(7)]
    pool = Pool(problem, tuple(known))
    common = np.asarray(validate(*layer.observed).live) < 80
    pool.shared.add([kernel_of(problem, problem.rows[common])])
    assert pool.shared.kernels[0].shape[1] == 6  # four samples, and two ways in which three cancel
    *_, whole = completions(pool, pool.directions)
    np.testing.assert_array_equal(whole.kept, np.arange(7) < 5)
    duals = np.linalg.inv(np.concatenate([unit[:, :5], whole.directions], axis=1)).T[:, :5]
    duals = duals / (problem.last @ duals)
    np.testing.assert_allclose(duals, truth.duals[:, :5], atol=1e-5 * np.abs(truth.duals).max())
