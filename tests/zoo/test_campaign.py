"""Problems on which a certificate was wrong once."""

import pytest

from spear_xp import invert
from tests.benchmarks.variety import varied
from tests.benchmarks.verdicts import judged


@pytest.mark.parametrize("seed", [107105, 201639, 102386, 90143])
def test_what_was_false_once_is_no_more(seed: int) -> None:
    """A swallowed twin; a sample between two others; nine samples with the same masks; a black image."""
    problem = varied(seed)
    for limit in (0.3, 1.0):
        result = invert(*problem.observed, rng=seed, time_limit=limit)
        assert not judged(problem, result).false.any()
