"""Planted causes through the public call, each kind once; tests/benchmarks/diagnosis.py has all."""

from dataclasses import replace

import pytest

from spear_xp import Status, invert
from spear_xp.certification.ledger import Ledger
from spear_xp.diagnosis.causes import cause
from spear_xp.diagnosis.findings import beyond_edge, no_direction, of_search
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import FullSet, assess
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.causes import PLANTED, honest
from tests.helpers.noisy import noisy
from tests.helpers.sets import candidates, solved

THROUGH = {
    "no activation": "faces",
    "transposed": "digits",
    "sign": "gaussian",
    "8 bits": "faces",
    "noise .3": "digits",
    "dropout": "gaussian",
    "bias rescaled": "digits",
    "zero bias, rescaled": "faces",
    "one image twice": "digits",
    "few rows": "gaussian",
}


@pytest.mark.parametrize("name", sorted(THROUGH))
def test_a_planted_cause_is_named(name: str) -> None:
    change, fitting = PLANTED[name]
    case = change(honest(THROUGH[name], seed=6))
    limit = 1e12 if name == "no activation" else 4e9
    result = invert(*case.arrays, batch_size=case.batch_size, rng=0, work_limit=limit, time_limit=20.0)
    assert {one.name for one in result.diagnosis} & set(fitting)
    for one in result.diagnosis:
        assert str(one) in result.summary()
    if any(one.hopeless for one in result.diagnosis):
        assert result.status is Status.HOPELESS
        assert result.missing[0] == result.diagnosis[0].sentence


@pytest.mark.parametrize("data", ["gaussian", "faces", "digits", "crops", "tabular"])
def test_nothing_is_named_where_nothing_is_wrong(data: str) -> None:
    case = honest(data, 12, 300, seed=6)
    result = invert(*case.arrays, batch_size=12, rng=0, time_limit=20.0)
    assert result.diagnosis == ()


def test_nothing_is_blamed_on_a_layer_that_certifies(layer: LayerGradient) -> None:
    problem, directions = solved(layer)
    full = FullSet(problem, tuple(candidates(problem, directions)))
    found = assess(full, Ledger.none(problem))
    assert found is not None
    before = (cause("other weights", 0.3), cause("float16", 11))
    after = of_search(problem, before, [], found.samples, found.certificate)
    assert [one.name for one in after] == ["float16"]


def test_without_a_direction_noise_or_the_layer_is_to_blame(problem: Problem) -> None:
    assert no_direction(problem).name == "no zero pattern"
    assert no_direction(problem).hopeless
    noisy = replace(problem, noise_level=0.1)
    assert no_direction(noisy).name == "noise"
    named = no_direction(noisy, (cause("sign-like", 1.0),))
    assert named.name == "sign-like"
    assert named.hopeless


def test_noise_beyond_every_proof_is_named_early() -> None:
    assert beyond_edge(noisy(0, 0.01).problem) == ()
    case = noisy(0, 0.15)
    (found,) = beyond_edge(replace(case.problem))
    assert found.name == "noise edge"
    assert not found.hopeless
    assert found.evidence < 3
    result = invert(case.update, batch_size=10, accuracy=0.3, time_limit=60, work_limit=2e10, rng=0)
    assert result.diagnosis[0].name == "noise edge"
    assert not result.certified.any()
    assert "noise" not in {one.name for one in result.diagnosis}
    assert result.trace.work < 0.25 * 2e10  # a tenth, and the turn that goes beyond it
