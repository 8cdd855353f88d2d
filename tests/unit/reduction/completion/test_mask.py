"""Which entries are as the client computed them."""

import numpy as np
import pytest

from spear_xp.errors import DtypeError, ShapeError
from spear_xp.numerics.backend import space_of
from spear_xp.reduction.completion.mask import entries_of, known_alone, most_samples
from spear_xp.reduction.gradient import Gradient
from tests.conftest import Backend


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


@pytest.mark.parametrize(("share", "most"), [(1.0, 30), (0.0, 0)], ids=["all", "none"])
def test_all_entries_tell_any_rank_and_none_tell_none(space: Backend, share: float, most: int) -> None:
    known = space.asarray(np.full((40, 30), share)) > 0.5
    assert most_samples(space_of(space.asarray(np.ones(1))), known) == most


def test_rows_and_columns_of_few_entries_do_not_count() -> None:
    """A block of 20 × 20 can tell rank 20, whatever single entries there are beside it."""
    known = np.zeros((60, 50), dtype=bool)
    known[:20, :20] = known[20:, 0] = known[5, :] = True
    assert most_samples(space_of(np.ones(1)), known) == 20
    known[:20, :20] &= np.random.default_rng(0).random((20, 20)) < 0.5  # some 200 entries: r (40 - r) < 200
    assert most_samples(space_of(np.ones(1)), known) in {4, 5, 6}
