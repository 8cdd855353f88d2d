"""No trap for batches with more samples than features may yield a false certificate."""

import numpy as np
import pytest

from spear_xp import invert
from tests.benchmarks.tables import varied_table
from tests.benchmarks.verdicts import judged, stands_for_a_group
from tests.helpers.tables import with_inputs
from tests.zoo.tables import TABLE_TRAPS
from tests.zoo.verdict import false_certificates

LIMIT = 3.0  # seconds


@pytest.mark.parametrize("name", TABLE_TRAPS)
def test_no_false_certificate(name: str) -> None:
    trap = TABLE_TRAPS[name](0)
    result = invert(*trap.observed, time_limit=LIMIT, rng=0, feature_kinds=trap.kinds)
    assert false_certificates(result, trap.inputs) == []


@pytest.mark.parametrize("name", [name for name in TABLE_TRAPS if TABLE_TRAPS[name](0).behind])
def test_no_false_certificate_by_the_layers_behind(name: str) -> None:
    trap = TABLE_TRAPS[name](0)
    known = {"behind": trap.behind, "batch_size": len(trap.inputs)} if len(trap.inputs) else {}
    result = invert(*trap.observed, time_limit=LIMIT, rng=0, **known)
    assert false_certificates(result, trap.inputs) == []


@pytest.mark.parametrize("name", ["honest, float32", "honest, float64", "proportional columns, (20,)"])
def test_the_layers_behind_certify_all(name: str) -> None:
    trap = TABLE_TRAPS[name](0)
    result = invert(*trap.observed, time_limit=20.0, rng=0, behind=trap.behind, batch_size=len(trap.inputs))
    assert result.status.name == "EXACT"


@pytest.mark.parametrize("name", ["honest, float32", "honest, float64"])
def test_what_is_no_trap_is_certified(name: str) -> None:
    result = invert(*TABLE_TRAPS[name](0).observed, time_limit=20.0, rng=0)
    assert np.asarray(result.certified).sum() >= 12


def test_an_honest_table_of_categories_is_certified() -> None:
    trap = TABLE_TRAPS["categories, honest"](0)
    result = invert(*trap.observed, time_limit=20.0, rng=0, feature_kinds=trap.kinds)
    assert len(result.inputs) == len(trap.inputs)
    assert np.asarray(result.certified).sum() >= len(trap.inputs) - 1
    assert all(not reason or "near-twins" in reason for reason in result.reasons)


@pytest.mark.parametrize("name", ["centred, honest, float32", "centred, honest, float64"])
def test_a_centred_batch_is_certified(name: str) -> None:
    trap = TABLE_TRAPS[name](0)
    result = invert(*trap.observed, time_limit=60.0, work_limit=2e11, rng=0)
    assert np.asarray(result.certified).sum() == len(trap.inputs)


def test_what_stood_for_twins_once_does_no_more() -> None:
    """A campaign has met means of twins at 2 % with five rows or fewer that tell them."""
    problem = varied_table(30432)
    verdict = judged(problem, invert(*problem.observed, rng=30432, time_limit=2.0))
    assert not (verdict.false | verdict.merged).any()


@pytest.mark.parametrize("seed", [141280, 141497, 150738])
def test_mixtures_of_near_twins_are_held_by_their_bars(seed: int) -> None:
    """A campaign has met two that one row or three told, and one beside more missing samples than known."""
    problem = varied_table(seed)
    assert not judged(problem, invert(*problem.observed, rng=seed, work_limit=5e9)).false.any()


def test_equal_neurons_are_no_evidence() -> None:
    """The same row twice agrees with itself, whatever it holds."""
    trap = TABLE_TRAPS["equal neurons"](0)
    result = invert(*trap.observed, time_limit=LIMIT, rng=0)
    apart = np.linalg.norm(np.asarray(result.inputs)[:, None] - trap.inputs[None], axis=2).min(axis=1)
    assert (apart < 1e-3).mean() > 0.5


def test_rows_of_more_samples_than_was_said_refute_the_size_of_the_batch() -> None:
    """Half a batch of twins has the size of their means; rows next to the boundaries tell them."""
    rng = np.random.default_rng(6)
    inputs = rng.uniform(size=(24, 8))
    inputs[12:] = inputs[:12] + 5e-3 * rng.standard_normal((12, 8))
    step = with_inputs(inputs.astype("float32"), width=1000, hidden=(), classes=3)
    result = invert(*step.observed, behind=step.behind, batch_size=12, rng=0, work_limit=2e9)
    assert not np.asarray(result.certified).any()
    assert any("more than the 12 samples that batch_size says" in reason for reason in result.reasons)


def test_more_samples_than_dimensions_excuse_no_point() -> None:
    """Every point is an affine combination of these, and is no sample for that."""
    problem = varied_table(0)
    assert len(problem.inputs) > problem.inputs.shape[1] + 1
    assert not stands_for_a_group(problem, problem.inputs.mean(axis=0) + 0.1, 0)
