"""A gradient of which entries are missing, in its factors."""

import numpy as np
import pytest

from spear_xp.numerics.work import Meter, OutOfTime
from spear_xp.reduction.completion.complete import Completion, complete
from spear_xp.reduction.gradient import validate
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.missing import half_missing
from tests.helpers.networks import Floats


def completed(truth: LayerGradient, known: Floats, noise: float = 0.0) -> Completion | None:
    """From arrays that hold something wild where they are not known."""
    both = np.c_[truth.grad_w, truth.grad_b]
    unit = float(np.sqrt((both**2).mean()))
    both = both + noise * unit * np.random.default_rng(5).standard_normal(both.shape)
    both = np.where(known, both, 3 * unit).astype("float32")
    return complete(validate(both[:, :-1], both[:, -1], truth.weight, truth.bias), known)


def errors(found: Completion, truth: LayerGradient) -> Floats:
    """Of the scaled rows, in the columns that are determined."""
    fact = found.factorization
    true = np.c_[truth.grad_w, truth.grad_b][found.gradient.live].astype(float) * fact.scale[:, None]
    rest = (fact.left * fact.singular_values) @ fact.right - true
    return rest if found.gradient.lost is None else np.delete(rest, found.gradient.lost, axis=1)


@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-3])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_noise_is_that_of_completed_entries(share: float, noise: float) -> None:
    """Neither less than it is nor much more: error bars and zero tests rest on it."""
    truth, known = half_missing(share=share)
    found = completed(truth, known, noise)
    assert found is not None
    fact = found.factorization
    assert fact.rank == 6
    assert found.share == pytest.approx(share, abs=0.02)
    assert found.gradient.lost is None
    rest = errors(found, truth)
    true = np.sqrt((rest**2).mean())
    assert true / 1.5 < fact.noise_level < 4 * true
    rows = np.sqrt((rest**2).mean(axis=1)) / (fact.noise_level * fact.row_noise)
    assert rows.max() < 2
    assert np.sqrt((rest[:, -1] ** 2).mean()) < 2 * fact.bias_noise
    assert np.allclose(fact.left.T @ fact.left, np.eye(6))
    assert np.allclose(fact.right @ fact.right.T, np.eye(6))


def test_rows_with_few_entries_count_less_and_with_too_few_not_at_all() -> None:
    truth, known = half_missing(share=0.8)
    known[3, 10:] = False
    known[4, 3:] = False
    found = completed(truth, known)
    assert found is not None
    assert found.undetermined == 1
    live = found.gradient.live.tolist()
    assert 4 not in live
    assert 4 not in found.gradient.dead
    norms = np.linalg.norm(np.c_[truth.grad_w, truth.grad_b][live], axis=1) * found.factorization.scale
    assert norms[live.index(3)] < 0.5 * np.median(norms)
    assert (found.factorization.row_noise == 1).all()


def test_rows_of_zeros_are_dead_only_if_they_came() -> None:
    truth, known = half_missing(share=0.8)
    truth.grad_w[:5], truth.grad_b[:5] = 0, 0
    known[:2] = False
    found = completed(truth, known)
    assert found is not None
    dead = set(found.gradient.dead.tolist())
    assert {2, 3, 4} <= dead
    assert not {0, 1} & dead
    assert found.undetermined == 2


def test_a_column_that_hardly_came_is_lost() -> None:
    truth, known = half_missing(share=0.8)
    known[3:, 7] = False
    found = completed(truth, known)
    assert found is not None
    assert found.gradient.lost.tolist() == [7]
    assert (found.factorization.right[:, 7] == 0).all()
    assert np.abs(errors(found, truth)).max() < 1e-5
    moved = found.gradient.drift(found.gradient.live)
    assert np.allclose(moved, 3 * np.abs(truth.weight[found.gradient.live, 7]) / 61**0.5)


def test_without_grad_b_there_is_no_scale() -> None:
    truth, known = half_missing(share=0.8)
    known[:, -1] = False
    assert completed(truth, known) is None
    known[:4, -1] = True
    assert completed(truth, known) is None


def test_zeros_that_are_said_to_have_come_are_not_believed() -> None:
    truth, known = half_missing(share=0.7)
    lie = known | (np.random.default_rng(8).random(known.shape) < 0.3)
    both = np.where(known, np.c_[truth.grad_w, truth.grad_b], 0)
    gradient = validate(both[:, :-1], both[:, -1], truth.weight, truth.bias)
    assert complete(gradient, lie) is None


def test_every_library_completes(space: Backend) -> None:
    truth, known = half_missing(share=0.7)
    known[:6, 12:] = False  # of these rows too little came, or hardly enough
    arrays = space.arrays(truth.grad_w, truth.grad_b, truth.weight, truth.bias)
    work: list[float] = []
    found = complete(validate(*arrays), space.asarray(known), meter=Meter(count=work.append))
    assert sum(work) > 0
    if "no_float64" in space.name:  # rounding of the solver is that of the gradient
        assert found is None or found.factorization.rank == 6
        return
    assert found is not None
    assert found.factorization.rank == 6


def test_it_can_be_cut_short() -> None:
    truth, known = half_missing()
    with pytest.raises(OutOfTime):
        complete(validate(*truth.observed), known, meter=Meter(lambda: False))
