"""A gradient in its factors, or a table."""

import numpy as np
import pytest

from spear_xp.errors import RankError
from spear_xp.reduction.gradient import validate
from spear_xp.solver.call.factors import low_rank, settled, table_in
from spear_xp.solver.runtime.clock import Clock
from spear_xp.updates.synthetic import LayerGradient


def test_a_gradient_of_low_rank_is_no_table(layer: LayerGradient) -> None:
    gradient, clock = validate(*layer.observed), Clock(5.0)
    found = low_rank(gradient, None, None, clock)
    assert not isinstance(found, RankError)
    assert table_in(gradient, found, clock) is None
    assert settled(gradient, found, None, None, clock) is found
    assert clock.seconds["factorize"] > 0


def test_a_gradient_without_low_rank_is_a_table_or_an_error() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((60, 8), (60,), (60, 8), (60,))]
    gradient, clock = validate(*arrays), Clock(5.0)
    found = low_rank(gradient, None, None, clock)
    assert isinstance(found, RankError)
    table = table_in(gradient, found, clock)
    assert table is not None
    assert settled(gradient, found, table, None, clock) is table
    with pytest.raises(RankError, match="low rank"):
        settled(gradient, found, None, None, clock)
