import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.random import generator, seed_of
from tests.helpers import strategies

keys = st.tuples(st.integers(0, 2**15 - 1), st.integers(0, 2**48 - 1))  # stream and chunk


@given(strategies.seeds)
def test_a_seed_is_the_same_whether_an_integer_or_what_is_made_of_it(seed: int) -> None:
    first = seed_of(seed)
    assert 0 <= first < 2**63
    assert seed_of(np.random.SeedSequence(seed)) == first
    assert seed_of(np.random.default_rng(seed)) == first


def test_a_generator_gives_a_new_seed_every_time() -> None:
    rng = np.random.default_rng(0)
    assert len({seed_of(rng) for _ in range(100)}) == 100
    assert len({seed_of(seed) for seed in range(100)}) == 100
    assert seed_of(None) != seed_of(None)


@pytest.mark.parametrize("rng", [-1, 1.5, "seed", [1.0]])
def test_what_is_no_source_of_randomness_is_refused_with_its_value(rng: Any) -> None:
    with pytest.raises(ArgumentRangeError, match=r"rng=.*: need None, a non-negative integer, or"):
        seed_of(rng)


@given(strategies.seeds, keys)
def test_a_chunk_of_a_stream_is_a_function_of_its_key(seed: int, key: tuple[int, int]) -> None:
    one = generator(seed, *key).standard_normal(16)
    generator(seed, *key).standard_normal(3)  # what others draw meanwhile does not matter
    np.testing.assert_array_equal(generator(seed, *key).standard_normal(16), one)


@given(strategies.seeds, keys, keys)
def test_no_two_keys_share_their_numbers(seed: int, one: tuple[int, int], other: tuple[int, int]) -> None:
    words = [generator(seed, *key).integers(2**63, size=4).tolist() for key in (one, other)]
    assert (words[0] == words[1]) == (one == other)
    assert generator(seed + 1, *one).integers(2**63, size=4).tolist() != words[0]


def test_chunks_are_independent_normal_numbers() -> None:
    draws = np.stack(
        [generator(7, s, c).standard_normal(4000) for s, c in itertools.product(range(4), range(5))]
    )
    correlation = np.corrcoef(draws) - np.eye(20)
    assert np.abs(correlation).max() < 5 / 4000**0.5
    assert np.abs(draws.mean(axis=1)).max() < 5 / 4000**0.5
