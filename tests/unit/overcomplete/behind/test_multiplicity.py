"""What is certified of samples that were taken out of every row."""

import numpy as np
import pytest

from spear_xp.numerics.backend import to_host
from spear_xp.overcomplete.behind.chain import chain_of
from spear_xp.overcomplete.table import Table, table_of
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import Table as Step
from tests.helpers.tables import distances, small_table, with_inputs


def table(step: Step, accuracy: float = 1e-2) -> Table:
    chain = chain_of(step.behind, len(step.bias), len(step.inputs))
    found = table_of(validate(*step.observed), None, behind=chain)
    assert found is not None
    found.search()
    found.prove(accuracy=accuracy)
    return found


def test_a_whole_batch_is_exact() -> None:
    step = small_table(width=500)
    found = table(step)
    assert found.exact
    assert found.known.count == len(step.inputs)
    assert found.proofs.exact
    assert not found.proofs.unexplained
    assert set(found.proofs.reasons) == {""}
    assert distances(to_host(found.problem.inputs(found.known.points)), step.inputs).max() < 1e-5
    assert (found.proofs.error_bars < 1e-4).all()


def test_without_the_layers_behind_hardly_any_is_certified() -> None:
    step = small_table(width=500)
    found = table_of(validate(*step.observed), None)
    assert found is not None
    found.search()
    found.prove()
    assert found.proofs.certified.sum() < len(step.inputs)


def test_duplicates_are_not_single_samples() -> None:
    """The layers behind say that what stands for two of them is twice as large."""
    inputs = np.random.default_rng(0).uniform(size=(14, 6)).astype("float32")
    inputs[7:] = inputs[:7]
    found = table(with_inputs(inputs, width=500))
    assert found.subtraction is not None
    assert found.subtraction.count == 0


@pytest.mark.parametrize("distance", [1e-3, 3e-2])
def test_means_of_twins_are_not_certified(distance: float) -> None:
    rng = np.random.default_rng(1)
    inputs = rng.uniform(size=(14, 6))
    inputs[7:] = inputs[:7] + distance * rng.standard_normal((7, 6))
    step = with_inputs(inputs.astype("float32"), width=700, hidden=(20,), classes=2)
    found = table(step)
    apart = distances(to_host(found.problem.inputs(found.known.points)), step.inputs)
    assert (apart[found.proofs.certified] < 1e-5).all()


def test_accuracy_bounds_error_bars() -> None:
    found = table(small_table(width=500), accuracy=1e-12)
    assert not found.proofs.certified.any()
    assert "error bar" in found.proofs.reasons[0]


def test_a_small_part_of_a_batch_has_too_few_pairs() -> None:
    found = table(small_table(batch=40, width=150))
    assert found.subtraction is not None
    assert 0 < found.subtraction.count < 8
    assert "pairs of samples show what the layers behind" in found.proofs.reasons[0] or (
        "rows hold it" in found.proofs.reasons[0]
    )


def test_proportional_columns_certify_no_part_of_a_batch() -> None:
    """Behind one layer and two classes all columns of D differ by a factor only."""
    rng = np.random.default_rng(3)
    inputs = rng.uniform(size=(30, 6)).astype("float32")
    inputs[-2:] = inputs[:2]  # duplicates are never taken out
    step = with_inputs(inputs, width=900, hidden=(), classes=2)
    found = table(step)
    assert found.subtraction is not None
    assert found.subtraction.count >= 8
    assert not found.subtraction.complete
    assert any("factor only" in reason for reason in found.proofs.reasons)
