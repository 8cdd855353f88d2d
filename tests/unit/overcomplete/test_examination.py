"""Known points against the rows: explained, held, refuted."""

from dataclasses import replace

import numpy as np

from spear_xp.overcomplete.examination import examine
from tests.unit.overcomplete.test_known import exact, with_known


def test_all_points_explain_all_rows_that_can_tell() -> None:
    known, _, active = with_known(14)
    seen = examine(known)
    assert (seen.tested == (known.freedom >= 1)).mean() > 0.95
    assert seen.explained[seen.tested].all()
    assert (seen.holds == (active & seen.tested[:, None])).mean() > 0.999
    assert not seen.refutes.any()
    assert not seen.dead.any()


def test_rows_of_unknown_points_are_not_explained() -> None:
    known, _, active = with_known(10)
    seen = examine(known)
    assert not seen.explained[active[:, 10:].any(axis=1)].any()
    assert seen.explained[~active[:, 10:].any(axis=1) & seen.tested].all()


def test_a_mixture_is_refuted_by_rows_of_its_parts() -> None:
    """Rows that both parts are active on look like it and one part; rows of that part do not hold it."""
    known, points, _ = with_known(11)
    known.add(exact((points[10] + points[11]) / 2))
    seen = examine(known)
    assert seen.holds[:, 11].any()
    assert seen.refutes[:, 11].any()
    assert not seen.refutes[:, :10].any()


def test_pairs_with_one_ratio_on_all_rows_are_proportional() -> None:
    known, _, _ = with_known(14)
    seen = examine(known)
    proportional, pairs = seen.proportional(np)
    assert pairs > 10
    assert proportional <= 0.05 * pairs
    same = replace(
        seen, shares=seen.shares[:, :1] * np.linspace(1, 2, 14), clear=seen.clear & seen.clear[:, :1]
    )
    proportional, pairs = same.proportional(np)
    assert proportional == pairs > 3
