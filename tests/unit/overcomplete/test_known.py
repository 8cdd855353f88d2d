"""Known points, and the fit of one that some rows share."""

import numpy as np
import pytest

from spear_xp.overcomplete.known import Fit, KnownPoints
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import small_table


def exact(point: np.ndarray, bar: float = 1e-9) -> Fit:
    d = len(point)
    return Fit(point, bar**2 * np.eye(d), np.asarray([0]), np.zeros(1), 3 * d)


def with_known(
    count: int, dtype: str = "float64", width: int = 400
) -> tuple[KnownPoints, np.ndarray, np.ndarray]:
    """The first samples of a batch are known; all points, and where they are active."""
    table = small_table(dtype=dtype, width=width)
    problem = reduce_overcomplete(validate(*table.observed))
    points = problem.points(table.inputs.astype(float))
    known = KnownPoints(problem)
    for point in points[:count]:
        known.add(exact(point))
    return known, points, problem.layer @ points.T > 0


def test_known_points_are_active_where_the_layer_says() -> None:
    known, _, active = with_known(5)
    assert known.count == 5
    assert (known.active == active[:, :5]).all()
    assert (known.freedom == known.problem.dimension - active[:, :5].sum(axis=1)).all()
    assert (known.surely_active(known.problem.layer, known.problem.layer_norms) == active[:, :5]).all()


def test_a_wide_error_bar_leaves_signs_open() -> None:
    known, points, active = with_known(0)
    known.add(exact(points[0], bar=1e-2))
    assert known.active[active[:, 0]].all()
    assert known.active.sum() > active[:, 0].sum()
    assert known.surely_active(known.problem.layer, known.problem.layer_norms).sum() < active[:, 0].sum()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_with_one_unknown_point_determine_it(dtype: str) -> None:
    known, points, active = with_known(9, dtype)
    unknown = active[:, 9:].sum(axis=1)
    fitted = 0
    for k in range(9, len(points)):
        rows = np.flatnonzero(active[:, k] & (unknown == 1) & (known.freedom >= 3))
        fit = known.fit(rows) if len(rows) > 3 else None
        if fit is None or fit.equations < known.problem.dimension + 3:
            continue
        fitted += 1
        error = np.sqrt(((fit.point - points[k]) ** 2).mean())
        assert error < 6 * fit.bar(np)
        assert fit.distances.max() < 3
    assert fitted


def test_a_point_is_fitted_again_as_if_it_were_unknown() -> None:
    known, points, active = with_known(14)
    rows = np.flatnonzero(active[:, 0] & (known.freedom >= 2))
    fit = known.fit(rows, without=0)
    assert fit is not None
    np.testing.assert_allclose(fit.point, points[0], atol=1e-8)


def test_rows_of_different_points_do_not_fit() -> None:
    known, _, active = with_known(0)
    rows = np.flatnonzero(active.sum(axis=1) == 2)[:6]
    fit = known.fit(rows)
    assert fit is None or fit.distances.max() > 1e3


def test_another_fit_takes_the_place_of_a_point() -> None:
    known, points, active = with_known(0)
    for k in range(3):
        known.add_rough(points[k] + 1e-3, np.asarray(1e-2))
    known.replace(1, exact(points[1]))
    np.testing.assert_allclose(known.points[1], points[1])
    np.testing.assert_allclose(known.points[2], points[2] + 1e-3)
    assert known.bars[1] < known.bars[0] == known.bars[2]
    assert known.count == 3
    np.testing.assert_array_equal(known.active[:, 1], active[:, 1])


def tied(dtype: str = "float32") -> tuple[KnownPoints, np.ndarray, np.ndarray, Fit, int]:
    """A point, the number of which comes last, that all of its rows show beside one other known one."""
    known, points, active = with_known(9, dtype)
    quiet = np.flatnonzero((active[:, 9:].sum(axis=1) == 1) & (known.freedom >= 3))
    for k in range(9, len(points)):
        for other in range(9):
            rows = quiet[active[quiet, k] & active[quiet, other]]
            fit = known.fit(rows, tied=True) if len(rows) > 1 else None
            if fit is not None and fit.tie == other and fit.equations > known.problem.dimension + 1:
                return known, points, active, fit, k
    pytest.fail("no such point")


def test_a_known_point_on_all_rows_leaves_a_line_open() -> None:
    known, points, active, fit, k = tied()
    assert known.fit(fit.rows) is None
    assert fit.tie is not None
    along, apart = known.points[fit.tie] - fit.point, points[k] - fit.point
    share = (apart @ along) / (along @ along)
    assert np.sqrt(((apart - share * along) ** 2).mean()) < 6 * fit.bar(np)  # the truth is on the line
    assert abs(share) > 100 * fit.bar(np)  # and elsewhere than the fit
    known.add_tied(fit, fit.tie, np.zeros(len(active), bool))
    assert known.ties == {9: fit.tie}
    assert known.active[active[:, k], 9].all()
    assert known.active[active[:, k], fit.tie].all()  # both count where the tied one may be active
    assert (known.active_on(np.arange(len(active)), without=9)[:, :9] == active[:, :9]).all()
    known.untie(9, exact(points[k]))
    assert not known.ties
    assert (known.active == active[:, [*range(9), k]]).all()


def test_a_tied_point_is_forgotten_or_not_taken() -> None:
    known, _, active, fit, _ = tied()
    assert fit.tie is not None
    known.add_tied(
        fit, fit.tie, np.isin(np.arange(len(active)), fit.rows)
    )  # its rows lack it: no mask is left
    assert known.count == 9
    for _ in range(2):  # the second is the first once more
        known.add_tied(fit, fit.tie, np.zeros(len(active), bool))
        assert known.count == 10
    known.drop_tied()
    assert (known.count, known.ties) == (9, {})
    assert (known.active == active[:, :9]).all()
