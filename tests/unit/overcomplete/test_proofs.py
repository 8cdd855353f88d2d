"""What is certified, and the reasons where it is not."""

import numpy as np

from spear_xp.overcomplete.peeling import Peeling, peel
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.overcomplete.proofs import ROWS, _reason, prove
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import distances, small_table
from tests.unit.overcomplete.test_known import exact, with_known


def test_samples_are_certified_and_mixtures_are_not() -> None:
    known, points, _ = with_known(11, width=2000)
    known.add(exact((points[10] + points[11]) / 2))
    proofs = prove(known)
    assert proofs.certified[:10].sum() >= 8
    assert "mixture" in proofs.reasons[11]
    assert proofs.unexplained > 0
    assert not proofs.complete
    assert (proofs.rows[proofs.certified] >= ROWS).all()


def test_everything_explained_is_complete() -> None:
    known, *_ = with_known(14)
    proofs = prove(known)
    assert proofs.unexplained == 0
    assert proofs.complete == proofs.certified.all()


def test_two_classes_behind_one_hidden_layer_certify_nothing() -> None:
    """All columns of D are proportional: rows with the same mask show their mixture, whatever it holds."""
    table = small_table(hidden=(), classes=2, width=900)
    peeling = Peeling(reduce_overcomplete(validate(*table.observed)))
    peel(peeling)
    wrong = distances(peeling.problem.inputs(peeling.known.points), table.inputs) > 1e-2
    proofs = prove(peeling.known)
    assert wrong.any()
    assert not proofs.certified.any()


def test_reasons_say_what_is_wrong() -> None:
    assert _reason(9, 0, 0, (0, 99)) == ""
    assert "2 rows hold it" in _reason(2, 0, 0, (0, 99))
    assert "3 rows do not hold it" in _reason(9, 3, 0, (0, 99))
    assert "1 rows are zero" in _reason(9, 0, 1, (0, 99))
    assert "only 5 pairs" in _reason(9, 0, 0, (0, 5))
    assert "90 of 99 pairs" in _reason(9, 0, 0, (90, 99))
    assert "only 9 rows" in _reason(9, 0, 0, (1, 99))
    assert np.all([_reason(40, 0, 0, (1, 99)) == ""])
