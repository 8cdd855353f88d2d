import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.random import Stream, counter_of, generator, key_of, philox, seed_of, shuffled
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


KNOWN = (  # counter, key and words, from the test vectors of Random123
    ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([2**32 - 1] * 4, [2**32 - 1] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_words_of_philox_are_those_of_its_authors(counter: list[int], key: list[int], words: str) -> None:
    drawn = philox(tuple(np.uint32(c) for c in counter), np.array(key, np.uint32))
    assert " ".join(f"{int(word):08x}" for word in drawn) == words


def test_shuffles_hold_every_row_once_and_differ() -> None:
    key, counter = key_of(2**62 + 5), counter_of(Stream.SAMPLING, 2**40)
    orders = shuffled(37, np.arange(50), key, counter)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(37), (50, 1)))
    assert len({order.tobytes() for order in orders}) == 50
    np.testing.assert_array_equal(shuffled(37, np.array([7]), key, counter)[0], orders[7])
    others = (
        (key_of(2**62 + 6), counter),
        (key, counter_of(Stream.SAMPLING, 0)),
        (key, counter_of(Stream.EXCHANGE, 2**40)),
    )
    for other in others:
        assert not np.array_equal(shuffled(37, np.array([7]), *other)[0], orders[7])


def test_every_row_comes_first_as_often() -> None:
    orders = shuffled(10, np.arange(5000), key_of(1), counter_of(Stream.SAMPLING, 0))
    for place in (0, 4, 9):
        np.testing.assert_allclose(np.bincount(orders[:, place]), 500, atol=110)
