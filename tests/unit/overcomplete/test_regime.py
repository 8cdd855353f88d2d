"""Which gradients may hold more samples than dimensions."""

import numpy as np
import pytest

from spear_xp.errors import RankError
from spear_xp.overcomplete.regime import Regime, regime_of
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import validate
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.tables import Table, small_table, table_gradient, with_inputs


def regime(table: Table) -> Regime:
    gradient = validate(*table.observed)
    try:
        return regime_of(gradient, factorize(gradient))
    except RankError:
        return regime_of(gradient, None)


@pytest.mark.parametrize("batch", [3, 5, 6])
def test_fewer_samples_than_dimensions_are_ordinary(batch: int) -> None:
    assert regime(small_table(batch=batch)) is Regime.ORDINARY


def test_more_samples_than_dimensions_are_not() -> None:
    assert regime(small_table(batch=20)) in {Regime.SATURATED, Regime.COARSE}


@pytest.mark.parametrize(
    ("batch", "expected"), [(10, Regime.ORDINARY), (30, Regime.ORDINARY), (128, Regime.STRUCTURED)]
)
def test_one_hot_blocks_explain_a_low_rank_of_many_samples(batch: int, expected: Regime) -> None:
    assert regime(table_gradient("one-hot", batch, 500, seed=2)) is expected


def test_few_rows_and_many_columns_are_ordinary() -> None:
    gradient = validate(*small_table(width=7).observed)
    assert regime_of(gradient, None) is Regime.ORDINARY
    wide = validate(*mlp_gradient(gaussian_inputs(3, 1100, rng=0), width=1200, rng=0).observed)
    assert regime_of(wide, None) is Regime.ORDINARY


def test_noise_may_be_samples() -> None:
    table = small_table(batch=3)
    noise = 1e-3 * np.abs(table.grad_w).mean() * np.random.default_rng(0).standard_normal(table.grad_w.shape)
    noisy = Table((table.grad_w + noise).astype("float32"), *table.observed[1:], table.inputs)
    assert regime(noisy) is Regime.COARSE


@pytest.mark.parametrize("batch", [6, 18, 60])
def test_two_equal_columns_explain_one_dimension_less(batch: int) -> None:
    """20 features of which two are equal: 20 dimensions."""
    inputs = np.random.default_rng(1).standard_normal((batch, 20)).astype("float32")
    inputs[:, 3] = inputs[:, 5]
    assert (regime(with_inputs(inputs, width=500)) is Regime.ORDINARY) == (batch < 20)


def test_as_many_samples_as_features_leave_one_dimension_and_are_ordinary() -> None:
    assert regime(small_table(batch=6)) is Regime.ORDINARY
