"""Predicted against measured on the sampler that runs: fixed seeds, so that a failure is a change of code."""

import math

import numpy as np
import pytest

import theory
from spear_xp.numerics.cuda.sampler import draw_row_sets
from spear_xp.numerics.random import Stream
from spear_xp.strategies.sampling import Sampling
from tests.helpers.real_sampler import gaussian_problem, search_until_found
from tests.helpers.sampler_law import SamplerLaw, confidence_radius, in_sets, screen_pass


@pytest.mark.parametrize(
    ("batch_size", "width", "chunk_size", "budget"), [(6, 200, 7, 320), (7, 48, 16, 4000), (6, 24, 14, 2000)]
)
def test_samples_to_success_lie_within_the_band(
    batch_size: int, width: int, chunk_size: int, budget: int
) -> None:
    runs = 100
    samples = np.sort(
        [
            search_until_found(
                gaussian_problem(batch_size, width, seed), chunk_size=chunk_size, budget=budget, seed=seed
            )
            for seed in range(runs)
        ]
    )
    drawn = np.arange(chunk_size, budget + 1, chunk_size)
    measured = np.searchsorted(samples, drawn, side="right") / runs
    difference = np.abs(measured - SamplerLaw(batch_size, width).success(drawn)).max()
    assert difference <= confidence_radius(runs, 0.99)


def test_the_screen_passes_as_many_directions_as_predicted() -> None:
    """Zero rows 0 to 23 of 60: sets with one other row that leave two zeros on the rows set aside."""
    batch, width, zeros = 4, 60, 24
    hits = passed = found = 0
    sampled = 0.0
    for chunk in range(400):
        sets = draw_row_sets(
            width, batch, 20, stream=Stream.SAMPLING, seed=1, chunk=chunk, aside=Sampling().test_rows
        )
        zero = sets.members(np.arange(len(sets))) < zeros
        number = zero[:, :batch].sum(axis=1)
        hits += int((number == batch - 1).sum())
        passed += int((zero[number == batch - 1, batch:].sum(axis=1) >= Sampling().needed).sum())
        found, sampled = found + int((number >= batch - 1).sum()), sampled + len(sets) * (batch + 1) / 2
    expected = float(screen_pass(np.array([zeros]), batch, width)[0])
    assert passed / hits == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / hits))
    alone = math.comb(zeros, batch - 1) / math.comb(width, batch - 1)  # of an independent subset
    assert found / sampled == pytest.approx(in_sets(zeros, batch, width) * alone, rel=0.06)


def test_the_law_becomes_the_published_one_on_wide_layers() -> None:
    law = SamplerLaw(12, 2000)
    share = law.success([theory.sample_quantile(12, 2000, 0.5)])[0]
    assert share == pytest.approx(0.5, abs=0.04)  # the look at eight rows costs 4 % of the samples


@pytest.mark.parametrize(("batch_size", "width"), [(6, 24), (8, 48), (12, 200)])
def test_bounds_enclose_the_estimate(batch_size: int, width: int) -> None:
    low, middle, high = (SamplerLaw(batch_size, width, kind) for kind in ("lower", "estimate", "upper"))
    drawn = np.geomspace(10, 1e8, 40)
    assert (low.success(drawn) <= middle.success(drawn) + 1e-12).all()
    assert (middle.success(drawn) <= high.success(drawn) + 1e-12).all()
    assert middle.success([1e12])[0] == pytest.approx(middle.ceiling)
    half = middle.quantile(0.5 * middle.ceiling)
    assert middle.success([half])[0] == pytest.approx(0.5 * middle.ceiling)
    assert middle.quantile(1.0) == math.inf
