"""Predicted against counted on the certificate that runs: how often wrong samples pass."""

import math

import numpy as np
import pytest

import theory
from spear_xp.certification.certify import certify
from spear_xp.recovery import SampleSet
from spear_xp.reduction import reduce, validate
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.truth import true_recovery
from tests.theory.helpers import not_above


def wrong_certificate(seed, width, angle, *, fitted):
    """Four samples, the first turned towards the second; directions that are true, or fit the samples."""
    truth = mlp_gradient(gaussian_inputs(4, 30, rng=seed).astype("float64"), width=width, rng=seed)
    problem = reduce(validate(*truth.observed))
    true = true_recovery(problem, truth.inputs)
    samples = true.duals * problem.singular_values[:, None]
    norms = np.linalg.norm(samples, axis=0)
    unit = (
        samples[:, 1] / norms[1] - samples[:, 0] * (samples[:, 0] @ samples[:, 1]) / norms[0] ** 2 / norms[1]
    )
    turned = samples[:, 0] + math.tan(angle) * norms[0] * unit / np.linalg.norm(unit)
    duals = true.duals.copy()
    duals[:, 0] = turned / problem.singular_values
    directions = np.linalg.inv(duals).T if fitted else true.directions
    return certify(problem, SampleSet(problem, duals, directions, true.support))


@pytest.mark.parametrize(("angle", "width"), [(math.pi / 6, 24), (math.pi / 10, 24), (math.pi / 16, 40)])
def test_the_certificate_accepts_wrong_masks_as_rarely_as_predicted(angle, width):
    """The direction of the sample is right: its mask was fixed before the rows were seen."""
    runs, hits, bound = 300, 0, 0.0
    for seed in range(runs):
        found = wrong_certificate(seed, width, angle, fitted=False)
        hits += bool(found.masks[0])
        rows = int(found.evidence.unambiguous[0])
        bound += math.exp(
            theory.log_mask_acceptance(rows, theory.mask_agreement(angle), found.evidence.flips[0])
        )
    assert hits
    assert bound < 0.2 * runs
    assert not_above(hits, runs, bound / runs)


@pytest.mark.parametrize("angle", [1.5e-5, 3e-5, 1e-4])
def test_the_row_span_accepts_wrong_samples_as_rarely_as_predicted(angle):
    """The limit of 1e-5 is the floor for rounding; no row may expose the sample."""
    runs, hits, bound = 300, 0, 0.0
    for seed in range(runs):
        found = wrong_certificate(seed, 16, angle, fitted=True)
        seen = found.evidence
        hits += not (seen.judged[:, 0] & (found.residuals > found.limits)).any()
        bound += math.exp(
            theory.log_span_acceptance(seen.judged, seen.possible, seen.limits, math.sin(angle))[0]
        )
    assert hits
    assert not_above(hits, runs, bound / runs)
