import math
from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.certificate import Certificate
from spear_xp.certification.certify import certify
from spear_xp.recovery.samples import refine
from spear_xp.reduction.problem import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.truth import true_recovery

FAILED = np.arange(6) > 0  # of sample 0, by one condition


@pytest.fixture(scope="module")
def proof(problem: Problem, layer: LayerGradient) -> Certificate:
    return certify(problem, refine(problem, true_recovery(problem, layer.inputs)))


def test_a_set_that_explains_everything_is_conclusive_if_something_is_proven_or_noise_is_to_blame(
    problem: Problem, layer: LayerGradient
) -> None:
    found = certify(problem, refine(problem, true_recovery(problem, layer.inputs)))
    nothing = np.zeros(problem.rank, dtype=bool)
    assert found.conclusive
    assert not replace(found, masks=nothing).conclusive
    assert not replace(found, certified=nothing).conclusive
    assert replace(found, certified=nothing, resolution=0 * found.resolution + 0.01).conclusive


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"masks": FAILED}, "mask contradicts"),
        ({"kernel": FAILED}, "do not determine it"),
        ({"resolution": np.where(FAILED, 0.0, math.inf)}, "batch_size is below the numerical rank"),
        ({"resolution": np.where(FAILED, 0.0, 0.02)}, "could merge several samples"),
        ({"accuracy": FAILED}, "error bar is too wide"),
        ({"row_span": FAILED}, "are not explained"),
        ({}, "another sample that it depends on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reason_is_the_condition_that_fails(
    proof: Certificate, changes: dict[str, object], text: str
) -> None:
    found = replace(proof, certified=FAILED, **changes)
    assert text in found.reason(0)
    assert [found.reason(k) for k in range(1, 6)] == [""] * 5


def test_of_several_reasons_the_first_condition_is_named(proof: Certificate) -> None:
    found = replace(proof, certified=FAILED, row_span=FAILED, accuracy=FAILED, kernel=FAILED)
    assert "do not determine it" in found.reason(0)


@pytest.mark.parametrize(("snr", "text"), [(23.4, "(SNR 23 dB)"), (-200.0, "")])
def test_a_reason_names_the_snr_where_it_says_something(proof: Certificate, snr: float, text: str) -> None:
    found = replace(proof, certified=FAILED, masks=FAILED, snr=np.full(6, snr))
    assert ("SNR" in found.reason(0)) == bool(text)
    assert found.reason(0).endswith(text)


def test_of_two_certificates_more_proofs_then_masks_then_explained_rows_are_better(
    proof: Certificate,
) -> None:
    unexplained = replace(proof, residuals=np.where(np.arange(len(proof.limits)) < 9, 1.0, proof.residuals))
    no_mask = replace(proof, masks=FAILED)
    unproven = replace(proof, certified=FAILED)
    ranks = [one.merit for one in (proof, unexplained, no_mask, replace(unproven, masks=FAILED))]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == 4
    assert proof.merit[2] == 1.0
    assert unexplained.merit[2] == pytest.approx(1 - 9 / len(proof.limits))


def test_a_search_trusts_samples_with_a_mask_a_kernel_and_a_small_error_bar(proof: Certificate) -> None:
    """Whether or not they are proven."""
    nothing = np.zeros(6, dtype=bool)
    assert replace(proof, certified=nothing, accuracy=nothing, row_span=nothing).trusted.all()
    for name in ("masks", "kernel", "error_bar_small"):
        np.testing.assert_array_equal(replace(proof, **{name: FAILED}).trusted, FAILED)
