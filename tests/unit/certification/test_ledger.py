"""What one set proves holds in every other set with the same samples, and in no set without."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.certificate import Certificate
from spear_xp.certification.certify import certify
from spear_xp.certification.ledger import Ledger
from spear_xp.certification.split_half import SIGMAS
from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.incumbent import Incumbent
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.sets import candidates
from tests.helpers.truth import true_recovery

KNOWN = np.arange(12) < 5


def proven(known: Floats = KNOWN) -> tuple[Problem, SampleSet, Certificate]:
    """A whole batch, of which a certificate proves some."""
    inputs = gaussian_inputs(12, 60, rng=0)
    problem = reduce(validate(*mlp_gradient(inputs, width=300, rng=0).observed))
    recovery = true_recovery(problem, inputs)
    certificate = certify(problem, recovery)
    assert certificate.certified.all()
    return problem, recovery, replace(certificate, certified=known)


def mixed(problem: Problem, recovery: SampleSet, share: float) -> SampleSet:
    """The same with a share of direction 1 in direction 0, so that sample 1 is wrong."""
    directions = recovery.directions.copy()
    directions[:, 0] += share * directions[:, 1]
    found = recover(problem, directions)
    assert found is not None
    return found


def in_another_order(problem: Problem, recovery: SampleSet) -> tuple[Floats, SampleSet]:
    """Places of the samples, and the set in that order."""
    order = np.random.default_rng(1).permutation(12)
    shuffled = recover(problem, recovery.directions[:, order])
    assert shuffled is not None
    return order, shuffled


def test_samples_are_proven_in_another_order_and_no_others() -> None:
    problem, recovery, certificate = proven()
    proofs = Ledger.none(problem).learn(recovery, certificate)
    order, shuffled = in_another_order(problem, recovery)
    found = proofs.extend(shuffled, replace(certify(problem, shuffled), certified=np.zeros(12, dtype=bool)))
    np.testing.assert_array_equal(found.certified, KNOWN[order])
    assert (found.error_bars >= certificate.error_bars[order])[KNOWN[order]].all()


@pytest.mark.parametrize("bars", [0.1, 1.0, 5.0, 7.0, 1e3, 1e6])
def test_a_sample_that_differs_is_not_the_same(bars: float) -> None:
    problem, recovery, certificate = proven()
    proofs = Ledger.none(problem).learn(recovery, certificate)
    samples = recovery.coordinates
    far = np.linalg.norm(samples[:, 0] - samples[:, 1]) / 60**0.5
    found = mixed(problem, recovery, bars * certificate.error_bars[1] / far)
    difference = np.linalg.norm(found.coordinates[:, 1] - samples[:, 1]) / 60**0.5
    extended = proofs.extend(found, replace(certificate, certified=KNOWN & False))
    assert extended.certified[1] == (difference <= SIGMAS * certificate.error_bars[1])
    assert extended.certified[[0, 2, 3, 4]].all()
    assert not extended.certified[5:].any()
    if extended.certified[1]:
        assert extended.error_bars[1] == pytest.approx(certificate.error_bars[1] + difference)


def test_a_proof_is_of_one_sample_and_of_none_that_it_leaves_open() -> None:
    problem, recovery, certificate = proven()
    nothing = replace(certificate, certified=KNOWN & False)
    samples, size = recovery.coordinates, recovery.sizes
    far = np.linalg.norm(samples[:, 1] - samples[:, 2]) / 60**0.5
    wide = replace(certificate, certified=np.arange(12) == 1, error_bars=np.full(12, far))
    assert not Ledger.none(problem).learn(recovery, wide).extend(recovery, nothing).certified.any()
    small = replace(wide, error_bars=np.full(12, 2e-3 * size[1] / 60**0.5))
    twin = replace(recovery, duals=recovery.duals.copy())
    twin.duals[:, 2] = twin.duals[:, 1] + 1e-3 * (twin.duals[:, 2] - twin.duals[:, 1])
    found = Ledger.none(problem).learn(recovery, small).extend(twin, nothing)
    assert found.certified.tolist() == (np.arange(12) == 1).tolist()


def test_a_proof_keeps_its_evidence() -> None:
    problem, recovery, certificate = proven()
    proofs = Ledger.none(problem).learn(recovery, certificate)
    order, shuffled = in_another_order(problem, recovery)
    nothing = replace(certify(problem, shuffled), certified=KNOWN & False)
    found = proofs.extend(shuffled, nothing).evidence.elsewhere
    assert [proof and proof[1] for proof in found] == [k if KNOWN[k] else None for k in order]
    assert {id(proof[0]) for proof in found if proof} == {id(certificate.evidence)}
    again = proofs.extend(shuffled, proofs.extend(shuffled, nothing)).evidence.take(np.argsort(order))
    assert [proof and proof[1] for proof in again.elsewhere] == [k if KNOWN[k] else None for k in range(12)]


def test_of_two_proofs_the_tighter_stays() -> None:
    problem, recovery, certificate = proven()
    loose = replace(certificate, error_bars=3 * certificate.error_bars)
    for one, other in ((loose, certificate), (certificate, loose)):
        proofs = Ledger.none(problem).learn(recovery, one).learn(recovery, other)
        assert proofs.samples.shape == (12, 5)
        np.testing.assert_allclose(np.sort(proofs.error_bars), np.sort(certificate.error_bars[:5]))


def test_nuisance_directions_are_no_samples() -> None:
    problem, recovery, certificate = proven(KNOWN | True)
    proofs = Ledger.none(problem).learn(recovery, certificate)
    with_nuisance = replace(recovery, nuisance=7)
    found = proofs.extend(with_nuisance, replace(certificate, certified=KNOWN & False))
    np.testing.assert_array_equal(found.certified, KNOWN)


@pytest.mark.parametrize("first", [True, False])
def test_the_best_set_has_the_proofs_of_all(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, recovery, certificate = proven()
    less = mixed(problem, recovery, 1e-3).directions  # its sample 1 is wrong, so it is more in doubt
    monkeypatch.setattr("spear_xp.solver.assessment.refine", lambda _, found, **__: found)
    best = Incumbent(problem)
    for good in (first, not first):
        own = certificate.certified & ~np.eye(12, dtype=bool)[1] & (not good)
        monkeypatch.setattr(
            "spear_xp.solver.assessment.certify",
            lambda *_, own=own, **__: replace(certificate, certified=own),
        )
        chosen = candidates(problem, recovery.directions if good else less)
        assert best.consider(FullSet(problem, tuple(chosen))) is not None
    assert best.best is not None
    assert best.best.certified == 4  # all that the more doubtful set has proven
    np.testing.assert_allclose(best.best.samples.duals, recovery.duals, atol=1e-9)
