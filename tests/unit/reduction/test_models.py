from typing import Any

import numpy as np
import pytest

from spear_xp import errors
from spear_xp.numerics.rank import noise_edge
from spear_xp.numerics.work import forever
from spear_xp.reduction.gradient import Gradient, validate
from spear_xp.reduction.models import left_out, read, read_with_noise
from spear_xp.updates import images
from spear_xp.updates.synthetic import mlp_gradient
from tests.helpers.matrices import low_rank
from tests.helpers.networks import Floats


def gradient(matrix: Floats) -> Gradient:
    weight = np.ones_like(matrix[:, :-1])
    return validate(matrix[:, :-1].copy(), matrix[:, -1].copy(), weight, weight[:, 0].copy())


def digits(change: str, size: float) -> Gradient:
    """Digits, whose pixels differ in size by orders of magnitude, with noise of one of the two models."""
    truth = mlp_gradient(images.digits(16, rng=21), width=400, depth=3, rng=5)
    rng, grads = np.random.default_rng(0), [truth.grad_w, truth.grad_b]
    if change == "relative":
        grads = [grad * (1 + size * rng.standard_normal(grad.shape)) for grad in grads]
    else:
        unit = np.sqrt((truth.grad_w**2).mean())
        grads = [grad + size * unit * rng.standard_normal(grad.shape) for grad in grads]
    return validate(*(grad.astype("float32") for grad in grads), truth.weight, truth.bias)


@pytest.mark.parametrize("size", [1e-4, 1e-3, 1e-2, 3e-2, 1e-1])
@pytest.mark.parametrize("kind", ["relative", "additive"])
def test_rank_and_model_of_digits_with_noise(kind: str, size: float) -> None:
    """At a tenth neither model leaves a clear gap, and the edge of the noise tells the rank."""
    found = read(digits(kind, size), None, forever)
    assert (found.rank, found.model) == (16, kind)
    assert found.clear == (size < 0.1)


def test_noise_of_one_size_in_rows_of_many_sizes() -> None:
    """Scaled to equal norms the small rows are noise and hide the batch."""
    rng = np.random.default_rng(0)
    matrix = 10.0 ** rng.uniform(-3, 0, (200, 1)) * low_rank(rng, 200, 60, 9) * 1e2
    found = read(gradient(matrix + 1e-2 * rng.standard_normal(matrix.shape)), None, forever)
    assert (found.rank, found.model) == (9, "additive")


def test_a_gap_inside_the_batch_is_no_rank() -> None:
    """A common mean leaves a gap after the first value, and noise none after the last."""
    rng = np.random.default_rng(0)
    matrix = low_rank(rng, 200, 60, 12, 1.0) + 20 * low_rank(rng, 200, 60, 1)
    found = read(gradient(matrix + 2.5e-3 * rng.standard_normal(matrix.shape)), None, forever)
    assert found.rank == 13
    assert not found.clear


@pytest.mark.parametrize("batch_size", [None, 50])
def test_pure_noise_has_no_rank(batch_size: int | None) -> None:
    with pytest.raises(errors.RankError, match="no low rank"):
        read(gradient(np.random.default_rng(0).standard_normal((80, 50))), batch_size, forever)


def test_known_noise_says_where_the_batch_ends() -> None:
    rng = np.random.default_rng(2)
    sizes = 10.0 ** rng.uniform(-1, 1, (300, 1))
    matrix = sizes * (150 * low_rank(rng, 300, 80, 30) + rng.standard_normal((300, 80)))
    found, level = read_with_noise(gradient(matrix), sizes[:, 0], None, forever)
    assert found.rank == 30
    np.testing.assert_allclose(found.rows.scale * sizes[:, 0], level)


def test_more_triplets_are_computed_until_the_edge_of_known_noise_is_reached() -> None:
    rng = np.random.default_rng(2)
    matrix = 300 * low_rank(rng, 500, 450, 150) + rng.standard_normal((500, 450))
    checked: Any = gradient(matrix)
    assert read_with_noise(checked, np.ones(500), None, forever)[0].rank == 150


def test_known_noise_that_is_uneven_in_columns_ends_at_the_wide_gap() -> None:
    """As of rounding: some columns have more than their rows say, and stick out of the edge of even noise."""
    rng = np.random.default_rng(4)
    sizes = np.where(np.arange(200) < 40, 1.6, 0.8)
    noise = sizes / np.sqrt((sizes**2).mean()) * rng.standard_normal((400, 200))
    matrix = 1e8 * low_rank(rng, 400, 200, 9) + noise
    found, level = read_with_noise(gradient(matrix), np.ones(400), None, forever)
    assert float(found.spectrum.values[9]) > 1.02 * noise_edge((400, 200), level)
    assert found.rank == 9


def test_a_weak_sample_that_sticks_out_of_known_noise_counts() -> None:
    """Without a wide gap before it, whatever is beyond the edge counts."""
    rng = np.random.default_rng(5)
    batch = 600 * low_rank(rng, 300, 80, 5) + 50 * low_rank(rng, 300, 80, 1)
    matrix = batch + rng.standard_normal((300, 80))
    assert read_with_noise(gradient(matrix), np.ones(300), None, forever)[0].rank == 6


def test_a_row_on_which_equal_inputs_cancel_is_no_sample() -> None:
    """Its rounding is large beside what is left of it; two such rows made a rank of two more."""
    rng = np.random.default_rng(3)
    matrix = low_rank(rng, 120, 60, 5) * (1 + 6e-8 * rng.standard_normal((120, 60)))
    matrix[[7, 30]] = (1 + 1e-6 * rng.standard_normal((2, 60))) * matrix[[7, 30]]
    found = read(gradient(matrix.astype("float32")), None, forever)
    assert float(found.spectrum.values[5]) > 3 * float(found.spectrum.values[7])
    assert found.rank == 5
    assert found.clear


def weak(size: float) -> Gradient:
    """Five strong samples, one whose singular value is so many edges of the noise, and noise."""
    rng = np.random.default_rng(6)
    batch = 1e3 * low_rank(rng, 300, 80, 5) + size * noise_edge((300, 80), 1.0) * low_rank(rng, 300, 80, 1)
    return gradient(batch + rng.standard_normal((300, 80)))


def test_a_value_that_noise_does_not_explain_was_left_out() -> None:
    """The gap before it is wide, and it is next to the edge: noise, or a sample."""
    found = read(weak(2.0), None, forever)
    assert found.rank == 5
    assert left_out(found, 5) == float(found.spectrum.values[5])


def test_noise_leaves_nothing_out() -> None:
    assert left_out(read(weak(0.0), None, forever), 5) == 0
    for kind, size in (("relative", 1e-3), ("additive", 1e-3), ("relative", 1e-2)):
        assert left_out(read(digits(kind, size), None, forever), 16) == 0


@pytest.mark.parametrize("columns", [6, 10])
def test_few_columns_beyond_the_rank_say_nothing_of_what_was_left_out(columns: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        matrix = 1e6 * low_rank(rng, 40, columns, 4) + rng.standard_normal((40, columns))
        assert left_out(read(gradient(matrix), None, forever), 4) == 0
