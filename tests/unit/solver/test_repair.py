"""What stays in the pool when a full set turns out to be wrong."""

import numpy as np

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Entry, Pool
from spear_xp.certification.ledger import Ledger
from spear_xp.recovery.samples import recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.solver.assessment import assessed
from spear_xp.solver.repair import repair
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.truth import true_recovery


def test_what_rows_have_settled_stays_whatever_stands_beside_it() -> None:
    """A false direction makes all other samples of the set wrong, and their masks."""
    layer = mlp_gradient(gaussian_inputs(12, 60, rng=0), width=300, rng=0)
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs)
    unit = truth.directions / np.linalg.norm(truth.directions, axis=0)
    unit[:, 11] = unit[:, :12] @ np.random.default_rng(0).standard_normal(12)
    unit[:, 11] /= np.linalg.norm(unit[:, 11])
    zeros = problem.zeros_of(unit)
    chosen = [Candidate(unit[:, k], zeros[:, k], int(zeros[:, k].sum()), "test") for k in range(12)]
    pool = Pool(problem, tuple(chosen))
    pool.freeze({chosen[k]: Entry(chosen[k], truth.duals[:, k]) for k in range(8)})
    recovery = recover(problem, unit)
    assert recovery is not None
    found = assessed(recovery, ("test",) * 12, None, Ledger.none(problem))
    assert not found.certificate.trusted.any()
    repair(pool, tuple(chosen), found, threshold=14, attempt=4)
    left = {id(entry.candidate): entry for entry in pool.entries}
    assert all(id(c) in left and left[id(c)].dual is not None for c in chosen[:8])
    assert id(chosen[11]) not in left
