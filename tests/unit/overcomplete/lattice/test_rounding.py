"""Integers and one-hot groups of records."""

import numpy as np
import pytest

from spear_xp import errors
from spear_xp.overcomplete.lattice.rounding import chance_of, on_lattice

KINDS = ["real", "integer", "one-hot:a", "one-hot:a", "one-hot:b", "one-hot:b"]


def test_what_is_an_integer_is_rounded_and_nothing_else() -> None:
    values = np.array([[1.0001, 3.0001, 1.0002, -0.0001, 0.5, 0.5], [1.0, 3.4, 1.0, 1.0, 0.0, 1.0]])
    rounded, bars = on_lattice(values, np.full(values.shape, 1e-4), KINDS)
    np.testing.assert_array_equal(rounded[0], [1.0001, 3, 1, 0, 0.5, 0.5])
    np.testing.assert_array_equal(rounded[1], [1, 3.4, 1, 1, 0, 1])
    np.testing.assert_array_equal(bars[0] == 0, [False, True, True, True, False, False])
    np.testing.assert_array_equal(bars[1] == 0, [False, False, False, False, True, True])


def test_a_wide_error_bar_leaves_an_entry_as_it_is() -> None:
    values = np.array([[3.1, 2.9]])
    rounded, bars = on_lattice(values, np.array([[0.2, np.inf]]), ["integer", "integer"])
    np.testing.assert_array_equal(rounded, values)
    np.testing.assert_array_equal(bars, [[0.2, np.inf]])


def test_the_chance_is_that_of_uniform_fractional_parts() -> None:
    rng = np.random.default_rng(0)
    values, bars = rng.uniform(0, 9, (40000, 2)), np.full((40000, 2), 1e-2)
    both = (on_lattice(values, bars, ["integer"] * 2)[1] == 0).all(axis=1)
    expected = 10 ** chance_of(np.ones((1, 2)), bars[:1], ["integer"] * 2)[0]
    assert both.mean() == pytest.approx(expected, rel=0.1)
    assert chance_of(np.array([[0.3, 0.4]]), bars[:1], ["integer"] * 2)[0] == 0


def test_kinds_are_checked() -> None:
    values = np.ones((1, 2))
    with pytest.raises(errors.ShapeError, match="feature_kinds has 1 entries: need 2"):
        on_lattice(values, values, ["real"])
    with pytest.raises(errors.ArgumentRangeError, match=r"feature_kinds\[1\]='whole'"):
        on_lattice(values, values, ["real", "whole"])
