"""A basis of a space of near-twins: it spans the space, and lone rows make it true."""

import numpy as np
import pytest

from spear_xp.recovery.mask_fit import MaskFit
from spear_xp.recovery.single_rows import basis_of
from tests.helpers.networks import Floats
from tests.helpers.sets import cosines, solved, with_twins


def spans(basis: Floats, space: Floats) -> bool:
    """Whether unit vectors span the same space as orthonormal ones."""
    inside = np.allclose(np.sum((space.T @ basis) ** 2, axis=0), 1.0, atol=1e-9)
    return bool(inside and np.linalg.matrix_rank(basis, rtol=1e-6) == space.shape[1])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("twins", [1, 3])
def test_the_basis_spans_the_space_and_contradicts_no_more(seed: int, twins: int) -> None:
    problem, true = solved(with_twins(0.05, twins=twins, seed=seed))
    stay, open_ = true[:, : 11 - twins], true[:, 11 - twins :]
    space = np.linalg.qr(open_).Q
    basis = basis_of(problem, stay, space, seed)
    assert spans(basis, space)
    before, after = (MaskFit.of(problem, vectors, stay) for vectors in (space, basis))
    assert before is not None
    assert after is not None
    assert after.total_contradictions <= before.total_contradictions


def test_samples_alone_on_rows_are_found() -> None:
    found = 0
    for seed in range(4):
        layer = with_twins(0.05, twins=3, seed=seed)
        problem, true = solved(layer)
        stay, open_ = true[:, :8], true[:, 8:]
        zero = np.asarray(layer.zero_pattern)[np.asarray(layer.grad_b) != 0][:, 8:]
        alone = (~zero)[(~zero).sum(axis=1) == 1].sum(axis=0) >= 2
        basis = basis_of(problem, stay, np.linalg.qr(open_).Q)
        held = np.array([cosines(basis, true[:, 8 + k : 9 + k]).max() > 1 - 1e-9 for k in range(4)])
        assert held[alone].all()
        found += int(alone.sum())
    assert found >= 4


def test_rows_that_show_nothing_leave_any_basis() -> None:
    problem, true = solved(with_twins(3e-3))
    space = np.linalg.qr(true[:, 10:]).Q
    assert spans(basis_of(problem, true[:, :10], space), space)
