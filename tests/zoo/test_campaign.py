"""Problems on which a certificate was wrong once."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp import invert
from tests.benchmarks.changes import MISSING, Varied
from tests.benchmarks.clients import CLIENTS
from tests.benchmarks.variety import varied
from tests.benchmarks.verdicts import judged
from tests.helpers.networks import network
from tests.zoo import traps
from tests.zoo.verdict import false_certificates


@pytest.mark.parametrize("seed", [107105, 201639, 102386, 90143, 1002534, 1009977, 1701798, 1720211])
def test_what_was_false_once_is_no_more(seed: int) -> None:
    """What a campaign has met.

    A swallowed twin; a sample between two others; nine samples with the same masks; a black image; one of two
    samples with proportional columns of D in the other; one with a nested mask and nearly such a column; the
    mean of twins of which one has no direction of its own; a small sample, off by more than 1 % of its norm.
    """
    problem = varied(seed)
    for limit in (0.3, 1.0):
        result = invert(*problem.observed, rng=seed, time_limit=limit)
        assert not judged(problem, result).false.any()


def test_rows_with_few_entries_do_not_spoil_the_scale() -> None:
    """A random half of 147 columns leaves a row of 58 times the noise; its sample was 8.7 error bars off."""
    problem = varied(52029, 0.1, tuple(MISSING))
    result = invert(problem.update, rng=52029, time_limit=20.0)
    assert result.certified.all()
    assert not judged(problem, result).false.any()


def test_mixtures_of_twins_tell_each_other_from_nobody_after_local_steps() -> None:
    """Two records have one mask but for a row: two mixtures of them vanish on nine rows of it."""
    problem = varied(4502701, 0.0, tuple(CLIENTS))
    result = invert(problem.update, rng=4502701, work_limit=5e9, accuracy=0.3)
    assert result.certified.sum() >= 3
    assert not judged(problem, result, 0.3).false.any()


def test_a_value_that_noise_does_not_explain_may_be_in_a_sample() -> None:
    """A record and another .9 times as large in bfloat16: a value at two edges was left out."""
    problem = varied(4100264, 0.0, tuple(CLIENTS))
    result = invert(problem.update, rng=4100264, work_limit=1e9, accuracy=0.3)
    assert not judged(problem, result, 0.3).false.any()


@pytest.mark.parametrize("seed", [6105716, 6108038])
def test_columns_of_which_nothing_came_are_no_zeros(seed: int) -> None:
    """All entries of a column were among the small ones that were dropped: it was read as zero."""
    problem = varied(seed, 0.0, tuple(CLIENTS))
    result = invert(problem.update, rng=seed, work_limit=5e9, accuracy=0.3)
    assert result.certified.all()
    assert judged(problem, result, 0.3).bars.max() < 1
    assert (result.psnr < 100).all()


def test_what_noise_may_have_merged_is_within_error_bars() -> None:
    """A record and another half as large in 8 bits, noise of 5 %: their mean was six bars off."""
    problem = varied(5802129, 0.0, tuple(CLIENTS))
    result = invert(problem.update, rng=5802129, work_limit=5e9, accuracy=0.3)
    assert result.certified.all()
    assert not judged(problem, result, 0.3).false.any()


def test_what_noise_hides_more_than_shows_is_not_certified() -> None:
    """Of a record and .9 times it, of two labels, little is left: 7 rows show it, 40 err; it is 140 % off."""
    problem = varied(6308622, 0.0, tuple(CLIENTS))
    result = invert(problem.update, rng=6308622, work_limit=5e9, accuracy=0.3)
    assert result.certified.sum() == 7
    assert not judged(problem, result, 0.3).false.any()


def test_a_combination_of_two_with_one_mask_stands_for_them_up_to_its_noise() -> None:
    """A record and .9 times it, of two labels: the gradient is that of one .6 times as large, and noise."""
    problem = varied(6308439, 0.0, tuple(CLIENTS))
    result = invert(problem.update, rng=6308439, work_limit=5e9, accuracy=0.3)
    found = judged(problem, result, 0.3)
    assert found.merged.sum() == 1
    assert not found.false.any()
    exact = replace(result, error_bars=1e-3 * result.error_bars)
    assert judged(problem, exact, 0.3).false.any()


@pytest.mark.parametrize("seed", [7200028, 7200351])
def test_a_column_that_cancels_tells_a_size_less_well(seed: int) -> None:
    """Rounding of the client is many times as large there; the layers behind moved a size that was right."""
    problem = varied(seed)
    known = {"behind": problem.behind, "batch_size": len(problem.inputs)}
    result = invert(problem.update, rng=seed, work_limit=5e9, **known)
    assert result.certified.all()
    assert (result.labels >= 0).all()
    assert not judged(problem, result).false.any()


@pytest.mark.parametrize("seed", [3, 11, 12, 30, 31, 33, 53, 54])
@pytest.mark.parametrize("distance", [0.02, 0.05, 0.1])
def test_a_batch_size_that_is_one_too_small_merges_no_twins(seed: int, distance: float) -> None:
    """The singular value that it leaves out is no noise, however small: it tells the twins apart."""
    trap = traps.near_duplicates(np.random.default_rng(seed), distance)
    result = invert(*trap.observed, batch_size=len(trap.inputs) - 1, time_limit=0.3, rng=0)
    assert false_certificates(result, trap.inputs) == []


@pytest.mark.parametrize("seed", range(4))
def test_double_precision_is_no_better_than_its_sums(seed: int) -> None:
    """Samples of few behind many neurons were up to 61 error bars off, which were below one rounding unit."""
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(size=(1 + seed % 2, 12))
    net = network((12, 4000, 3), rng, "float64")
    observed = net.observed(inputs, rng.integers(0, 3, len(inputs)))
    result = invert(*observed, rng=seed, time_limit=5.0)
    assert result.certified.all()
    assert not judged(Varied(*observed, inputs, None, ()), result).false.any()
    assert (result.error_bars < 1e-13).all()
