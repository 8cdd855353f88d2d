"""Zero hyperplanes of a small centred batch, against its samples."""

import numpy as np

from spear_xp.overcomplete.flats.hyperplanes import White, kernel, sparse
from spear_xp.overcomplete.problem import OvercompleteProblem, reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import Table, centred_table


def problem_of(table: Table) -> OvercompleteProblem:
    return reduce_overcomplete(validate(*table.observed))


def test_products_of_points_and_hyperplanes_are_the_same_in_both_coordinates() -> None:
    problem = problem_of(centred_table())
    white, rng = White(problem), np.random.default_rng(0)
    u, w = rng.standard_normal((2, problem.dimension))
    np.testing.assert_allclose((white.out @ u) @ (white.turn @ w), u @ w)
    np.testing.assert_allclose(white.rows.T @ white.rows, np.eye(problem.dimension), atol=1e-8)


def test_a_hyperplane_vanishes_on_its_rows_and_holds_most_samples() -> None:
    table = centred_table()
    problem = problem_of(table)
    white, points = White(problem), problem.points(table.inputs)
    planes = [plane for chunk in range(6) for plane in white.hyperplanes(chunk)]
    assert len(planes) > 10
    held = [int((abs(points @ plane) < 1e-8).sum()) for plane in planes]
    assert max(held) == problem.dimension - 1
    assert all(white.inside(plane).sum() >= 2 * (problem.dimension - 1) for plane in planes)


def test_a_chunk_depends_on_its_number_alone() -> None:
    white = White(problem_of(centred_table()))
    first, second = (np.asarray(list(white.hyperplanes(3))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_is_missing_is_met() -> None:
    problem = problem_of(centred_table())
    white, missing = White(problem), np.eye(problem.dimension)[:, :1]
    planes = [plane for chunk in range(6) for plane in white.hyperplanes(chunk, missing)]
    assert planes
    assert all(abs(plane @ white.out)[0] > 1e-3 * np.linalg.norm(plane @ white.out) for plane in planes)


def test_reweighting_finds_a_planted_vector() -> None:
    rng = np.random.default_rng(0)
    stack = rng.standard_normal((1, 60, 6))
    stack[0, :35, 0] = 0
    start, weights = rng.standard_normal((3, 6)), np.ones((3, 60))
    found = sparse(np, stack, weights, start, np.full(3, 1e-9))
    assert (abs(found[:, 0]) > 1 - 1e-9).any()
    fixed = sparse(np, stack, weights, np.eye(6)[:1], np.full(1, 1e-9), fixed=True)
    assert abs(fixed[0, 0]) > 1 - 1e-9


def test_rows_of_too_many_samples_have_no_kernel() -> None:
    table = centred_table()
    problem = problem_of(table)
    active = problem.layer @ problem.points(table.inputs).T > 0
    excess = len(table.inputs) - problem.dimension + 1
    few, many = ~active[:, :excess].any(axis=1), ~active[:, : excess - 1].any(axis=1)
    plane = kernel(problem, few)
    assert plane is not None
    np.testing.assert_allclose(problem.points(table.inputs)[excess:] @ plane, 0, atol=1e-9)
    assert kernel(problem, many) is None
    assert kernel(problem, few & (np.cumsum(few) < 5)) is None
