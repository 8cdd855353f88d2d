"""Which entries are as the client computed them."""

import numpy as np
import pytest

from spear_xp.errors import DtypeError, ShapeError
from spear_xp.reduction.completion.mask import entries_of
from spear_xp.reduction.gradient import Gradient


def test_without_a_column_of_its_own_grad_b_is_whole(gradient: Gradient) -> None:
    observed = np.random.default_rng(0).random(gradient.grad_w.shape) < 0.5
    found = entries_of(gradient, observed)
    assert (found[:, :-1] == observed).all()
    assert found[:, -1].all()
    both = np.c_[observed, observed[:, 0]]
    assert (entries_of(gradient, both) == both).all()


def test_nothing_missing_is_no_mask(gradient: Gradient) -> None:
    assert entries_of(gradient, np.ones(gradient.grad_w.shape, dtype=bool)) is None


def test_a_mask_of_another_shape_or_kind_is_refused(gradient: Gradient) -> None:
    with pytest.raises(ShapeError, match=r"observed has shape \(90,\): need \(90, 40\)"):
        entries_of(gradient, np.ones(90, dtype=bool))
    with pytest.raises(DtypeError, match="observed has dtype float64: need bool"):
        entries_of(gradient, np.ones((90, 40)))
