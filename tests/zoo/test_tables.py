"""No trap for batches with more samples than features may yield a false certificate."""

import numpy as np
import pytest

from spear_xp import invert
from tests.zoo.tables import TABLE_TRAPS
from tests.zoo.verdict import false_certificates

LIMIT = 3.0  # seconds


@pytest.mark.parametrize("name", TABLE_TRAPS)
def test_no_false_certificate(name: str) -> None:
    trap = TABLE_TRAPS[name](0)
    result = invert(*trap.observed, time_limit=LIMIT, rng=0)
    assert false_certificates(result, trap.inputs) == []


@pytest.mark.parametrize("name", ["honest, float32", "honest, float64"])
def test_what_is_no_trap_is_certified(name: str) -> None:
    result = invert(*TABLE_TRAPS[name](0).observed, time_limit=20.0, rng=0)
    assert np.asarray(result.certified).sum() >= 12


def test_equal_neurons_are_no_evidence() -> None:
    """The same row twice agrees with itself, whatever it holds."""
    trap = TABLE_TRAPS["equal neurons"](0)
    result = invert(*trap.observed, time_limit=LIMIT, rng=0)
    apart = np.linalg.norm(np.asarray(result.inputs)[:, None] - trap.inputs[None], axis=2).min(axis=1)
    assert (apart < 1e-3).mean() > 0.5
