"""Threads: the same parts, the same bytes, whoever works them off."""

import threading
import warnings

import numpy as np
import pytest

import spear_xp
from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import quiet
from spear_xp.numerics.parts.threads import each, threads
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient


def test_parts_come_back_in_order_and_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)  # broken where only one thread comes

    def met(part: int) -> int:
        both.wait()
        return part * part

    with threads(2):
        assert each(met, range(4)) == [0, 1, 4, 9]
    assert each(lambda part: part + 1, range(3)) == [1, 2, 3]


def test_parts_of_a_part_wait_for_nobody() -> None:
    with threads(2):
        assert each(lambda n: sum(each(lambda k: k * n, range(50))), range(20)) == [
            1225 * n for n in range(20)
        ]


def test_an_error_is_raised_and_what_is_set_around_a_call_holds_in_its_threads() -> None:
    def failing(part: int) -> float:
        if part == 3:
            msg = "third"
            raise ZeroDivisionError(msg)
        return float(np.float64(part) / np.float64(0.0))

    with threads(2), warnings.catch_warnings(), quiet():
        warnings.simplefilter("error")
        with pytest.raises(ZeroDivisionError, match="third"):
            each(failing, range(5))


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count: int) -> None:
    with pytest.raises(ArgumentRangeError, match=f"threads={count}"), threads(count):
        pass


def test_results_are_the_same_bytes_for_any_number_of_threads() -> None:
    truth = mlp_gradient(gaussian_inputs(24, 100, rng=0), width=240, rng=0)
    found = []
    for count in (1, 2, 3):
        with threads(count):
            found.append(spear_xp.invert(*truth.observed, rng=0))
    assert found[0].success
    for other in found[1:]:
        assert other.inputs.tobytes() == found[0].inputs.tobytes()
        assert other.error_bars.tobytes() == found[0].error_bars.tobytes()
        assert other.trace.work == found[0].trace.work
