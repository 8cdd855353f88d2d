"""Updates without a bias gradient, from end to end; the stages are in no other room."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from spear_xp import LayerUpdate, Result, Status, invert
from spear_xp.numerics.backend import enter
from spear_xp.reduction.gradient import checked
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.solver.call.gauges import gauges
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.solver import Search, solve
from spear_xp.strategies.portfolio import portfolio
from spear_xp.updates import images
from spear_xp.updates.synthetic import gaussian_inputs
from tests.helpers.networks import Floats, network

DATA = {
    "faces": lambda: images.faces(8, rng=5),
    "gaussian": lambda: gaussian_inputs(10, 300, rng=5),
    "digits": lambda: images.digits(8, rng=5),
}


def update(data: str, bias: float) -> tuple[LayerUpdate, Floats]:
    """What is sent of a layer with a bias, or without one."""
    inputs = DATA[data]()
    rng = np.random.default_rng(5)
    net = network((inputs.shape[1], 200, 200, 10), rng)
    net.biases[0][:] *= bias
    grad_w, _, weight, beta = net.observed(inputs, rng.integers(0, 10, len(inputs)))
    return LayerUpdate(grad_w, None, weight, beta if bias else None), inputs


def sizes(result: Result, inputs: Floats) -> Floats:
    """Size of each recovered sample over that of the true one; NaN if it is none up to a positive factor."""
    found, true = np.asarray(result.inputs, dtype=float), inputs.astype(float)
    inner = found @ true.T / np.linalg.norm(true, axis=1)
    nearest, norms = inner.argmax(axis=1), np.linalg.norm(found, axis=1)
    off = norms - inner.max(axis=1) > 1e-4 * norms
    return np.where(off, np.nan, norms / np.linalg.norm(true[nearest], axis=1))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_every_direction_is_proven(data: str, bias: float) -> None:
    sent, inputs = update(data, bias)
    result = invert(sent, rng=0)
    assert result.status is Status.SCALE_OPEN
    assert np.asarray(result.direction_certified).all()
    assert not np.asarray(result.certified).any()
    assert not result.success
    found = sizes(result, inputs)
    assert len(found) == len(inputs)
    assert np.isfinite(found).all()
    assert [one.name for one in result.diagnosis] == ["no bias gradient"]
    if bias:
        assert np.median(abs(np.log(found))) < 0.2
        assert all("times its size" in reason for reason in result.reasons)
    else:
        np.testing.assert_allclose((result.inputs.astype(float) ** 2).mean(axis=1), 1.0, rtol=1e-5)
        assert all("unit root mean square" in reason for reason in result.reasons)


def test_error_bars_are_in_the_size_that_is_reported() -> None:
    sent, inputs = update("gaussian", 0.0)
    noisy = replace(
        sent, grad_w=sent.grad_w + 1e-5 * np.abs(sent.grad_w).mean() * gaussian_inputs(200, 300, rng=1)
    )
    result = invert(noisy, rng=0)
    found = np.asarray(result.inputs, dtype=float)
    unit = inputs / np.sqrt((inputs.astype(float) ** 2).mean(axis=1, keepdims=True))
    errors = np.sqrt(((found[:, None] - unit) ** 2).mean(axis=2)).min(axis=1)
    assert (errors < 6 * np.asarray(result.error_bars)).all()
    assert (errors > 0.2 * np.asarray(result.error_bars)).all()


def test_weights_of_another_layer_prove_nothing() -> None:
    for bias in (0.0, 1.0):
        sent, _ = update("gaussian", bias)
        result = invert(replace(sent, weight=sent.weight[::-1]), rng=0, work_limit=2e9)
        assert not np.asarray(result.direction_certified).any()


def test_the_published_attack_needs_no_scale_either() -> None:
    sent, inputs = update("gaussian", 1.0)
    small = LayerUpdate(*(one[:120] if one is not None else None for one in sent))
    result = invert(small, rng=0, search="sampling", time_limit=20.0)
    assert np.asarray(result.direction_certified).all()
    assert np.isfinite(sizes(result, inputs)).all()


def test_a_batch_of_one_has_the_sign_of_its_masks() -> None:
    sent, inputs = update("faces", 0.0)
    one = network((inputs.shape[1], 50, 10), np.random.default_rng(0))
    one.biases[0][:] = 0
    grad_w, _, weight, _ = one.observed(inputs[:1], np.array([3]))
    result = invert(replace(sent, grad_w=grad_w, weight=weight), rng=0)
    assert np.isfinite(sizes(result, inputs[:1])).all()


def stages(bias: float, clock: Clock) -> list[str]:
    """Names of what is enough in each stage of a search."""
    sent, _ = update("gaussian", bias)
    problem = reduce(checked(*enter(**sent.arrays)[:2]))
    begin: Any = partial(Search.begin, strategies=portfolio(problem))
    names = []
    for stage, search, enough, _ in gauges(problem, begin(problem), begin, clock):
        names.append(f"{enough.__name__} {stage.scale}")
        solve(stage, search, clock, seed=0, enough=enough)
    return names


def test_a_search_begins_anew_when_it_knows_more_of_sizes() -> None:
    assert stages(0.0, Clock(60.0)) == ["_any_set made up"]
    assert stages(1.0, Clock(60.0)) == ["_some made up", "_any_set masks", "_whole_set masks"]


def test_what_was_found_last_stays_once_work_is_done() -> None:
    assert stages(1.0, Clock(60.0, 1e6)) == ["_some made up"]


def test_a_wrong_sign_of_the_made_up_scale_is_mended() -> None:
    sent, inputs = update("gaussian", 0.0)
    problem = reduce(checked(*enter(**sent.arrays)[:2]))
    duals = np.linalg.lstsq(problem.right[:, :-1].T * problem.singular_values, inputs.T.astype(float))[0]
    signs = np.where(np.arange(len(inputs)) < 3, -1.0, 1.0)
    wrong = replace(problem, last=np.linalg.solve(duals.T, signs))
    begin: Any = lambda one: Search.begin(one, portfolio(one))  # noqa: E731
    last: list[tuple[Problem, Search]] = []
    for stage, search, enough, _ in gauges(wrong, begin(wrong), begin, Clock(60.0)):
        solve(stage, search, Clock(60.0), seed=0, enough=enough)
        last.append((stage, search))
    assert len(last) > 1
    stage, search = last[-1]
    assert search.best.certified == len(inputs)
    assert (stage.last @ duals > 0).all()


def test_what_was_certified_before_work_ran_out_is_not_lost() -> None:
    sent, _ = update("gaussian", 1.0)
    problem = reduce(checked(*enter(**sent.arrays)[:2]))
    begin: Any = lambda one: Search.begin(one, portfolio(one))  # noqa: E731
    clock, seen = Clock(60.0, 1e12), []
    for stage, search, enough, _ in gauges(problem, begin(problem), begin, clock):
        seen.append((stage, search))
        if len(seen) < 3:
            solve(stage, search, clock, seed=0, enough=enough)
        else:
            clock.count(1e12)  # the third stage finds nothing in its time
    assert len(seen) == 4
    assert seen[3] == seen[1]
    assert seen[3][1].best.certified == 10
