"""Which entries are as the client computed them."""

import numpy as np
import pytest

from spear_xp.errors import DtypeError, ShapeError
from spear_xp.reduction.completion.mask import entries_of, known_alone
from spear_xp.reduction.gradient import Gradient


def test_without_a_column_of_its_own_grad_b_is_whole(gradient: Gradient) -> None:
    observed = np.random.default_rng(0).random(gradient.grad_w.shape) < 0.5
    found = entries_of(gradient.space, gradient.grad_w.shape, observed)
    assert (found[:, :-1] == observed).all()
    assert found[:, -1].all()
    both = np.c_[observed, observed[:, 0]]
    assert (entries_of(gradient.space, gradient.grad_w.shape, both) == both).all()


def test_nothing_missing_is_no_mask(gradient: Gradient) -> None:
    assert (
        entries_of(gradient.space, gradient.grad_w.shape, np.ones(gradient.grad_w.shape, dtype=bool)) is None
    )


def test_a_mask_of_another_shape_or_kind_is_refused(gradient: Gradient) -> None:
    with pytest.raises(ShapeError, match=r"observed has shape \(90,\): need \(90, 40\)"):
        entries_of(gradient.space, gradient.grad_w.shape, np.ones(90, dtype=bool))
    with pytest.raises(DtypeError, match="observed has dtype float64: need bool"):
        entries_of(gradient.space, gradient.grad_w.shape, np.ones((90, 40)))


def test_what_was_not_observed_is_zero(gradient: Gradient) -> None:
    observed = np.random.default_rng(0).random((90, 41)) < 0.5
    wild = {"grad_w": np.where(observed[:, :-1], gradient.grad_w, np.nan), "weight": gradient.weight}
    wild |= {"grad_b": np.where(observed[:, -1], gradient.grad_b, np.nan)}
    found = known_alone(gradient.space, wild, observed)
    assert (found["grad_w"] == np.where(observed[:, :-1], gradient.grad_w, 0)).all()
    assert (found["grad_b"] == np.where(observed[:, -1], gradient.grad_b, 0)).all()
    assert found["weight"] is gradient.weight
    assert known_alone(gradient.space, wild, None) is wild
