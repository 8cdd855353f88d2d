"""A search that is killed and goes on ends with the same bytes; the long version is a benchmark."""

import numpy as np

from tests.benchmarks.kill_and_resume import killed, search


def test_a_killed_search_ends_with_the_same_bytes() -> None:
    name = "Gaussian 30/110"
    found, _ = killed(name, np.random.default_rng(1), seconds=0.5, every=0.0)
    assert found == search(name, None)
