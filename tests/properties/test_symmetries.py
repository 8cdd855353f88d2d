"""What may not change a result: order of the batch, scale of the rows, basis of the factors, chunks."""

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from spear_xp import Status, invert
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import filter_directions
from spear_xp.candidates.selection import greedy_selection
from spear_xp.certification.certify import certify
from spear_xp.recovery.samples import recover, refine, to_inputs
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.updates.synthetic import LayerGradient, mlp_gradient
from tests.helpers import strategies
from tests.helpers.networks import Floats
from tests.helpers.truth import relative_errors, sampled


def sorted_rows(inputs: Floats) -> Floats:
    return inputs[np.argsort(inputs[:, 0])]


def rotation(rng: np.random.Generator, size: int) -> Floats:
    return np.linalg.qr(rng.standard_normal((size, size))).Q


@given(st.integers(2, 7), strategies.seeds)
def test_permuting_the_batch_permutes_the_result(batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, labels = rng.standard_normal((batch, 40)), rng.integers(0, 10, batch)
    order = rng.permutation(batch)
    results = [
        invert(
            *mlp_gradient(inputs[rows], width=140, labels=labels[rows], rng=seed).observed,
            rng=0,
            time_limit=10.0,
        )
        for rows in (np.arange(batch), order)
    ]
    assert [r.status for r in results] == [Status.EXACT] * 2
    np.testing.assert_allclose(sorted_rows(results[0].inputs), sorted_rows(results[1].inputs), atol=1e-9)


@given(strategies.solvable_layers(largest_batch=7), strategies.seeds)
def test_scaling_rows_changes_nothing(truth: LayerGradient, seed: int) -> None:
    factor = 2.0 ** np.random.default_rng(seed).integers(-8, 9, len(truth.bias))
    factor = factor.astype(truth.grad_w.dtype)  # powers of two do not round
    scaled = (truth.grad_w * factor[:, None], truth.grad_b * factor, truth.weight, truth.bias)
    one, other = (invert(*observed, rng=0, time_limit=10.0) for observed in (truth.observed, scaled))
    assert one.status is other.status is Status.EXACT
    tolerance = 1e-5 if truth.grad_w.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(sorted_rows(one.inputs), sorted_rows(other.inputs), atol=tolerance)


@given(strategies.solvable_layers(largest_batch=7), st.integers(-40, 40))
def test_scaling_the_whole_gradient_changes_nothing(truth: LayerGradient, power: int) -> None:
    factor = truth.grad_w.dtype.type(2.0**power)
    one = invert(*truth.observed, rng=0, time_limit=10.0)
    other = invert(
        factor * truth.grad_w, factor * truth.grad_b, truth.weight, truth.bias, rng=0, time_limit=10.0
    )
    assert one.trace.samples_drawn == other.trace.samples_drawn
    np.testing.assert_allclose(one.inputs, other.inputs, rtol=1e-6, atol=1e-6)


@given(strategies.solvable_layers(dtype="float64"), strategies.seeds)
def test_a_change_of_basis_of_the_factors_changes_nothing(truth: LayerGradient, seed: int) -> None:
    """The singular triplets in another order and with other signs: the same stages, the same inputs."""
    rng = np.random.default_rng(seed)
    checked = validate(*truth.observed)
    fact = factorize(checked)
    order, sign = rng.permutation(fact.rank), rng.choice([-1.0, 1.0], fact.rank)
    turned = replace(
        fact,
        left=fact.left[:, order] * sign,
        singular_values=fact.singular_values[order],
        right=fact.right[order] * sign[:, None],
    )
    found = []
    for each in (fact, turned):
        problem = reduce(checked, each)
        candidates = []
        score, chunk = 0.0, 0
        while score < 0.99:
            assert chunk < 12
            proposals = sampled(problem, chunk).directions
            candidates += filter_directions(problem, proposals, threshold=12)
            chosen, score = greedy_selection(problem, Pool(problem, tuple(candidates)).candidates)
            chunk += 1
        recovery = recover(problem, np.stack([c.direction for c in chosen], axis=1))
        assert recovery is not None
        recovery = refine(problem, recovery)
        certificate = certify(problem, recovery)
        assert certificate.certified.all()
        inputs = to_inputs(problem, recovery.duals)
        rank = np.argsort(inputs[:, 0])
        found.append((inputs[rank], certificate.error_bars[rank], certificate.residuals))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-10)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3)
    assert found[1][2].max() < 1e-9


@given(strategies.solvable_layers(), strategies.seeds)
def test_a_rotation_of_the_searched_rows_changes_no_proposal(truth: LayerGradient, seed: int) -> None:
    problem = reduce(validate(*truth.observed))
    turn = rotation(np.random.default_rng(seed), problem.rank)
    turned = replace(problem, balanced=problem.balanced @ turn, unbalance=problem.unbalance @ turn)
    found = []
    for each in (problem, turned):
        proposals = sampled(each, 0).directions
        found.append(Pool(each, tuple(filter_directions(each, proposals, threshold=12))).directions)
    assert found[0].shape == found[1].shape
    assume(found[0].shape[1])  # the rows that a chunk sets aside may see nothing of a tiny batch
    assert (np.abs(found[0].T @ found[1]).max(axis=0) > 1 - 1e-9).all()


@given(strategies.solvable_layers(largest_batch=7, dtype="float64"), strategies.seeds)
def test_a_rotation_of_the_features_rotates_the_inputs(truth: LayerGradient, seed: int) -> None:
    turn = rotation(np.random.default_rng(seed), truth.grad_w.shape[1])
    one = invert(*truth.observed, rng=0, time_limit=10.0)
    other = invert(truth.grad_w @ turn, truth.grad_b, truth.weight @ turn, truth.bias, rng=0, time_limit=10.0)
    assert one.status is other.status is Status.EXACT
    np.testing.assert_allclose(sorted_rows(one.inputs), sorted_rows(other.inputs @ turn.T), atol=1e-10)


@given(strategies.solvable_layers(largest_batch=6, dtype="float64"))
def test_the_order_of_the_chunks_does_not_matter(truth: LayerGradient) -> None:
    problem = reduce(validate(*truth.observed))
    found = []
    for chunks in (range(6), reversed(range(6))):
        pool = Pool(problem)
        for chunk in chunks:
            proposals = sampled(problem, chunk)
            for candidate in filter_directions(problem, proposals.directions, threshold=12):
                pool.add(candidate)
        chosen, score = greedy_selection(problem, pool.candidates)
        assert score > 0.99
        recovery = recover(problem, np.stack([c.direction for c in chosen], axis=1))
        assert recovery is not None
        found.append(sorted_rows(to_inputs(problem, refine(problem, recovery).duals)))
    np.testing.assert_allclose(found[0], found[1], atol=1e-10)


@given(strategies.solvable_layers())
def test_recovered_inputs_reproduce_the_gradient(truth: LayerGradient) -> None:
    result = invert(*truth.observed, rng=0, time_limit=10.0)
    assert result.status is Status.EXACT
    extended = np.c_[result.inputs, np.ones(result.batch_size)].astype("float64")
    observed = np.c_[truth.grad_w, truth.grad_b].astype("float64")
    d = np.linalg.lstsq(extended.T, observed.T)[0]
    norms = np.linalg.norm(observed, axis=1)
    rest = np.linalg.norm(observed - (extended.T @ d).T, axis=1)
    rounding = 3e-6 if truth.grad_w.dtype == np.float32 else 1e-13
    live = norms > 1e-7 * np.median(norms[norms > 0])
    assert (rest[live] < rounding * norms[live]).all()
    predicted = result.inputs.astype("float64") @ truth.weight.T + truth.bias > 1e-5
    assert not predicted[:, norms == 0].any()


@given(strategies.planted_layers())
def test_planted_problems_are_solved(truth: LayerGradient) -> None:
    result = invert(*truth.observed, rng=0, time_limit=20.0)
    assert relative_errors(truth.inputs, result.inputs[result.certified]).max(initial=0) < 1e-9


@given(strategies.synthetic_layers(largest_batch=6))
def test_certified_samples_are_true(truth: LayerGradient) -> None:
    result = invert(*truth.observed, rng=0, time_limit=0.7)
    certified = result.inputs[result.certified]
    if len(certified):
        assert relative_errors(truth.inputs, certified).max() < 1e-4
