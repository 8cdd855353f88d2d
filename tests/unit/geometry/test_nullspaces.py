"""What a kernel of rows is worth: planted masks, of which several samples may share a part."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.geometry.nullspaces import (
    grown,
    in_shared_nullspace,
    is_unique,
    kernel_of,
    kernel_space,
    same_space,
)
from spear_xp.numerics.linalg import smallest_singular
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, planted_problem
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Floats
from tests.helpers.noisy import noisy
from tests.helpers.sets import quiet_layer, solved
from tests.helpers.truth import true_recovery


def alike(samples: int, apart: int = 0, seed: int = 0) -> LayerGradient:
    """Eight samples; the first so many are all inactive on 80 rows, and each on `apart` more alone."""
    pattern = np.random.default_rng(seed).random((240, 8)) < 0.4
    pattern[:80, :samples], pattern[80:, :samples] = True, False
    for k in range(samples):
        pattern[80 + apart * k : 80 + apart * (k + 1), k] = True
    pattern[pattern.all(axis=1), 7] = False  # no row is dead
    return planted_problem(pattern, gaussian_inputs(8, 40, rng=seed), rng=seed)


def angles(one: Floats, other: Floats) -> Floats:
    """Sines of the principal angles between two spaces, given by columns."""
    basis = np.linalg.qr(other).Q
    rest = np.linalg.qr(one).Q
    return np.linalg.svd(rest - basis @ (basis.T @ rest), compute_uv=False)


@pytest.mark.parametrize(("extra", "unique"), [(3, False), (12, True)])
def test_three_rows_alone_do_not_make_a_kernel_unique(extra: int, unique: bool) -> None:
    rng = np.random.default_rng(1)
    pattern = rng.random((160, 5)) < 0.5
    pattern[:, 0] |= pattern[:, 1]
    separating = np.nonzero(~pattern[:, 0] & ~pattern[:, 1])[0][:extra]
    pattern[separating, 1] = True
    truth = planted_problem(pattern, gaussian_inputs(5, 30, rng=0).astype("float64"), rng=0)
    problem = reduce(validate(*truth.observed))
    direction = true_recovery(problem, truth.inputs).directions[:, 1]
    rows = problem.rows[problem.zeros_of(direction)]
    _, _, right = np.linalg.svd(rows)
    assert is_unique(problem, rows, right[-1], right[-2]) is unique


def test_kernels_of_true_zero_rows_are_unique_unless_noise_could_bridge_them(
    problem: Problem, layer: LayerGradient
) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    for zero in problem.zeros_of(directions).T:
        rows = problem.rows[zero]
        right = np.linalg.svd(rows)[2]
        assert is_unique(problem, rows, right[-1], right[-2])
        size = np.linalg.norm(rows @ right[-2]) / problem.noise_of(right[-2])
        noisy = replace(problem, noise_level=size * problem.noise_level)  # as much as the rows show
        assert not is_unique(noisy, rows, right[-1], right[-2])


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_the_kernel_of_common_zero_rows_is_the_span_of_their_samples(samples: int) -> None:
    problem, directions = solved(alike(samples))
    for found in (kernel_of, kernel_space):
        kernel = found(problem, problem.rows[:80])
        assert kernel.shape == (8, samples)
        np.testing.assert_allclose(kernel.T @ kernel, np.eye(samples), atol=1e-12)
        assert angles(kernel, directions[:, :samples]).max() < 1e-4


def test_kernels_on_every_backend(space: Backend) -> None:
    observed = alike(3).observed
    problem = reduce(validate(*space.arrays(*observed)))
    kernel = kernel_of(problem, problem.rows[:80, :])
    assert kernel.shape == (8, 3)
    assert bool(problem.space.xp.all(problem.zeros_of(kernel)[:80, :]))


def test_a_row_that_settles_a_dimension_alone_is_left_out() -> None:
    problem, directions = solved(alike(2, apart=6))
    rows = problem.rows[:81]  # on the last one, one of the two samples is active
    assert angles(kernel_of(problem, rows), directions[:, :1]).max() < 1e-4
    kernel = kernel_space(problem, rows)
    assert kernel.shape == (8, 2)
    assert angles(kernel, directions[:, :2]).max() < 1e-4


@given(strategies.seeds, st.integers(1, 5))
def test_spaces_are_the_same_in_any_basis_and_not_if_tilted(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((9, 9))).Q
    one = basis[:, :size]
    turned = one @ np.linalg.qr(rng.standard_normal((size, size))).Q
    assert same_space(np, one, turned)
    assert not same_space(np, one, basis[:, : size + 1])
    for angle, same in ((0.01, True), (0.1, False)):
        tilted = turned.copy()
        tilted[:, 0] = np.cos(angle) * turned[:, 0] + np.sin(angle) * basis[:, size]
        assert same_space(np, one, tilted) == same


def test_mixtures_of_a_shared_kernel_are_told_from_the_directions_in_it() -> None:
    """Any vector of a kernel of three can be chosen to vanish on two rows more; a sample does on ten."""
    problem, directions = solved(alike(3, apart=10))
    kernel = np.linalg.qr(directions[:, :3]).Q
    rng = np.random.default_rng(0)
    chosen = [
        np.linalg.svd(problem.rows[rng.choice(np.arange(120, 240), 2, replace=False)] @ kernel)[2][-1]
        for _ in range(20)
    ]
    mixtures = np.c_[kernel @ rng.standard_normal((3, 20)), kernel @ np.array(chosen).T]
    mixtures /= np.linalg.norm(mixtures, axis=0)
    assert problem.zeros_of(mixtures).sum(axis=0).min() >= 80
    assert in_shared_nullspace(problem, [kernel], mixtures).all()
    assert not in_shared_nullspace(problem, [kernel], directions).any()
    assert not in_shared_nullspace(problem, [], mixtures).any()


def test_rows_that_zero_rows_leave_open_are_added_to_them() -> None:
    """A quiet sample hides in the zero rows, but for two on which it is not quiet."""
    problem, directions = solved(quiet_layer(1e-4))
    mixed = directions[:, 0] + 3e-5 * directions[:, 7]
    zero = problem.zeros_of(mixed / np.linalg.norm(mixed))
    rows = problem.rows[zero]
    kernel = smallest_singular(np, rows).vectors[:, 0]
    more = grown(problem, kernel, zero, rows)
    assert not zero[:2].any()
    assert more is not None
    np.testing.assert_array_equal(more, problem.zeros_of(directions[:, 0]))


def test_a_true_direction_has_no_rows_to_add(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    for k, zero in enumerate(problem.zeros_of(directions).T):
        unit = directions[:, k] / np.linalg.norm(directions[:, k])
        assert grown(problem, unit, zero, problem.rows[zero]) is None


def test_under_strong_noise_kernels_are_judged_where_noise_is_alike() -> None:
    """A vector that vanishes on all but noise is found however loud its noise is."""
    case = noisy(0)
    problem, inactive = case.problem, case.inactive
    rows = [np.asarray(problem.rows)[inactive[:, k]] for k in range(10)]
    both = [np.asarray(problem.rows)[inactive[:, k] & inactive[:, (k + 1) % 10]] for k in range(10)]

    def alone(some: Floats) -> bool:
        vectors = smallest_singular(np, some).vectors
        return is_unique(problem, some, vectors[:, 0], vectors[:, 1])

    assert sum(alone(some) for some in rows) >= 8
    assert not any(alone(some) for some in both)  # two samples vanish there
    assert not alone(rows[0][:9])
