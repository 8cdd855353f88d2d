"""Rows that share one unknown point are parallel once known points are taken out."""

import numpy as np

from spear_xp.overcomplete.clusters import Projected, among, partners, superset
from tests.unit.overcomplete.test_known import with_known


def test_clusters_are_rows_of_one_unknown_point() -> None:
    known, _, active = with_known(3)
    chosen = np.ones(3, dtype=bool)
    rows = np.flatnonzero(known.freedom >= 3)
    projected = Projected(known, chosen, rows)
    unknown = active[:, 3:]
    assert not unknown[projected.explained].any()
    groups = [group for group in projected.clusters() if len(group) > 2]
    assert groups
    for group in groups:
        assert (unknown[group].sum(axis=1) == 1).all()
        assert (unknown[group] == unknown[group[0]]).all()


def test_partners_hold_the_same_unknown_point() -> None:
    known, _, active = with_known(9)
    unknown = active[:, 9:]
    rows = np.flatnonzero(known.freedom >= 3)
    single = [row for row in rows if unknown[row].sum() == 1]
    most = max(single, key=lambda row: (unknown[single] == unknown[row]).all(axis=1).sum())
    found = partners(known, int(most), rows)
    assert found[0] == most
    assert len(found) > 1
    assert (unknown[found] == unknown[most]).all()


def test_a_superset_holds_the_seed_and_is_no_larger_than_asked() -> None:
    known, _, active = with_known(10)
    quiet = int(np.argmin(active[:, :10].sum(axis=1) + 99.0 * (active.sum(axis=1) == 0)))
    weights = np.ones(len(active))
    chosen = superset(known, quiet, weights, 5)
    assert chosen[active[quiet, :10]].all()
    assert chosen.sum() == max(5, active[quiet, :10].sum())
    covered = (~(active[:, :10] & ~chosen).any(axis=1)).sum()
    others = np.random.default_rng(0).permuted(np.tile(chosen, (50, 1)), axis=1)
    assert covered >= np.median([(~(active[:, :10] & ~other).any(axis=1)).sum() for other in others])


def test_rows_by_number_are_rows_by_truth() -> None:
    known, _, _ = with_known(3)
    for rows in ([], [7], [5, 0, 5, 2]):
        found = np.flatnonzero(among(known.problem, np.asarray(rows, dtype=int)))
        assert found.tolist() == sorted(set(rows))
