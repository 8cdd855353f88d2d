import itertools

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.sorting import sort_in_place, sorting_layers, sorting_network, upper_median
from tests.conftest import Backend
from tests.helpers.careless import careless


@given(st.integers(1, 12))
def test_networks_sort(size: int) -> None:
    for bits in itertools.islice(itertools.product([0, 1], repeat=size), 4096):  # the 0-1 principle
        lines = list(bits)
        for start, stop, distance in sorting_network(size):
            for i in range(start, stop):
                if lines[i] > lines[i + distance]:
                    lines[i], lines[i + distance] = lines[i + distance], lines[i]
        assert lines == sorted(lines)


@pytest.mark.parametrize("power", range(1, 8))
def test_a_network_compares_as_often_as_odd_even_merge_sort(power: int) -> None:
    """(p² - p + 4) 2^(p - 2) - 1 comparators for 2^p lines (Batcher 1968)."""
    comparators = sum(stop - start for start, stop, _ in sorting_network(2**power))
    assert comparators == (power * power - power + 4) * 2**power // 4 - 1


@given(st.integers(1, 60))
def test_no_comparison_of_a_run_meets_another_one_of_it(size: int) -> None:
    """So that whole slices can be exchanged at once."""
    for start, stop, distance in sorting_network(size):
        assert 0 <= start < stop <= size - distance
        assert stop - start <= distance


def test_columns_are_sorted_in_place_on_every_backend(space: Backend) -> None:
    values = np.random.default_rng(0).integers(0, 9, (13, 4, 25)).astype("float64")  # with ties
    keys = space.asarray(values)
    sort_in_place(space.xp, keys)
    np.testing.assert_array_equal(space.to_numpy(keys), np.sort(values, axis=0))


@given(st.integers(1, 60))
def test_layers_are_the_network(size: int) -> None:
    lines = np.arange(size)
    met = [(i, int(j)) for layer in sorting_layers(size) for i, j in enumerate(layer) if i < j]
    runs = [(i, i + apart) for start, stop, apart in sorting_network(size) for i in range(start, stop)]
    assert sorted(met) == sorted(runs)
    for layer in sorting_layers(size):
        np.testing.assert_array_equal(np.asarray(layer)[list(layer)], lines)  # who meets whom, meets back


@pytest.mark.parametrize("size", [1, 2, 13, 32])
def test_a_device_sorts_by_layers(size: int) -> None:
    values = np.random.default_rng(0).integers(0, 9, (size, 4, 25)).astype("float32")
    keys = strict.asarray(values)
    with careless():
        sort_in_place(strict, keys)
    np.testing.assert_array_equal(np.asarray(keys), np.sort(values, axis=0))


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=40))
def test_any_numbers_are_sorted(values: list[float]) -> None:
    keys = np.array(values)[:, None]
    sort_in_place(np, keys)
    assert keys[:, 0].tolist() == sorted(values)


@pytest.mark.parametrize("shape", [(5,), (6,), (1,), (4, 3), (7, 2)])
def test_the_upper_median_is_an_entry_of_its_column(shape: tuple[int, ...], space: Backend) -> None:
    values = np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype(float)
    found = space.to_numpy(upper_median(space.xp, space.asarray(values)))
    np.testing.assert_array_equal(found, np.sort(values, axis=0)[shape[0] // 2])
