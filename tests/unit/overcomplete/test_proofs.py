"""What is certified, and the reasons where it is not."""

import numpy as np

from spear_xp.overcomplete.peeling import Peeling, peel
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.overcomplete.proofs import ROWS, _reason, prove
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import distances, small_table, with_inputs
from tests.unit.overcomplete.test_known import exact, with_known


def test_samples_are_certified_and_mixtures_are_not() -> None:
    known, points, _ = with_known(12, width=4000)
    known.add(exact((points[11] + points[12]) / 2))
    proofs = prove(known)
    assert proofs.certified[:11].sum() >= 8
    assert "mixture" in proofs.reasons[12]
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
    assert _reason(9, 0, 0, 1e-3, (0, 99)) == _reason(40, 0, 0, 1e-3, (1, 99)) == ""
    assert "2 rows hold it" in _reason(2, 0, 0, 1e-3, (0, 99))
    assert "3 rows do not hold it" in _reason(9, 3, 0, 1e-3, (0, 99))
    assert "1 rows are zero" in _reason(9, 0, 1, 1e-3, (0, 99))
    assert "off by 3.0%" in _reason(9, 0, 0, 0.03, (0, 99))
    assert "only 5 pairs" in _reason(9, 0, 0, 1e-3, (0, 5))
    assert "90 of 99 pairs" in _reason(9, 0, 0, 1e-3, (90, 99))
    assert "only 9 rows" in _reason(9, 0, 0, 1e-3, (1, 99))
    assert _reason(90, 0, 0, 1e-3, (0, 0), closed=True) == ""
    assert _reason(9, 0, 0, 0.03, (0, 99), accuracy=0.1) == ""


def test_the_mean_of_near_twins_is_not_certified() -> None:
    """Half of a batch are twins at a distance of 3 %, behind two classes: the mean of two fits most rows."""
    rng = np.random.default_rng(3)
    inputs = rng.uniform(size=(16, 6))
    inputs[8:] = inputs[:8] + 0.03 * rng.standard_normal((8, 6))
    table = with_inputs(inputs.astype("float32"), width=1500, hidden=(20,), classes=2)
    peeling = Peeling(reduce_overcomplete(validate(*table.observed)))
    peel(peeling)
    proofs = prove(peeling.known)
    wrong = distances(peeling.problem.inputs(peeling.known.points), table.inputs) > 1e-2
    assert not (proofs.certified & wrong).any()


def test_rows_that_tell_nothing_do_not_tell_twins_apart() -> None:
    """Two thirds of the rows are not tested, and all that lie between two of the twins are among them."""
    rng = np.random.default_rng(29)
    features, batch = int(rng.integers(6, 10)), int(9 * rng.uniform(1.4, 2.2))
    width, inputs = int(rng.integers(900, 2200)), rng.uniform(size=(batch, features))
    for k in range(int(rng.integers(1, 4))):
        shift = 10.0 ** rng.uniform(-2, -0.3) * rng.standard_normal(features)
        inputs[batch - 1 - k] = np.clip(inputs[k] + shift, 0, 1)
    table = with_inputs(inputs, seed=29, width=width, hidden=(), classes=2)
    peeling = Peeling(reduce_overcomplete(validate(*table.observed)))
    peel(peeling)
    found = peeling.problem.inputs(peeling.known.points)
    proofs, wrong = prove(peeling.known, accuracy=0.05), distances(found, table.inputs) > 1e-2
    assert wrong.any()
    assert not (proofs.certified & wrong).any()
