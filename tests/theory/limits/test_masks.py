"""What actual zero patterns determine."""

import numpy as np
import pytest

import theory
from theory.limits.masks import bootstrap_determined, determined


def test_columns_with_enough_rows():
    rng = np.random.default_rng(0)
    assert determined(theory.draw_zeros(10, 200, rng=rng), rng=rng) == (1.0, 1.0, 1.0)


def test_one_column_with_few_zeros_hides_all_the_others():
    rng = np.random.default_rng(0)
    zeros = theory.draw_zeros(10, 200, rng=rng)
    zeros[:, 3] = np.arange(200) < 7  # two short of b - 1
    found = determined(zeros, rng=rng)
    assert found.directions == pytest.approx(0.9)
    assert found.samples == pytest.approx(0.1)
    assert found.whole == 0


def test_a_column_that_is_zero_wherever_another_is_hides_behind_it():
    rng = np.random.default_rng(0)
    zeros = theory.draw_zeros(8, 200, rng=rng)
    zeros[:, 2] = zeros[:, 1] | zeros[:, 2]  # sample 2 is active only where sample 1 is
    found = determined(zeros, rng=rng)
    assert found.directions == pytest.approx(7 / 8)
    assert found.samples == pytest.approx(7 / 8)


def test_it_agrees_with_the_iid_law():
    rng = np.random.default_rng(3)
    runs = [determined(theory.draw_zeros(42, 100, rng=rng), rng=rng).whole for _ in range(80)]
    assert np.mean(runs) == pytest.approx(theory.unlimited_success(42, 100), abs=3 * 0.5 / 80**0.5)


def test_the_bootstrap_agrees_with_batches():
    rng = np.random.default_rng(0)
    factor, mean = rng.standard_normal((80, 12)), rng.standard_normal(80)
    truth = [
        determined(mean[:, None] + factor @ rng.standard_normal((12, 14)) <= 0, rng=rng) for _ in range(60)
    ]
    found = bootstrap_determined(mean, factor, 14, draws=60, rng=1)
    assert found.whole == pytest.approx(np.mean([t.whole for t in truth]), abs=0.3)
    assert found.directions == pytest.approx(np.mean([t.directions for t in truth]), abs=0.1)


def test_a_seed_repeats():
    arguments = (np.zeros(30), np.eye(30), 14)
    assert bootstrap_determined(*arguments, rng=5) == bootstrap_determined(*arguments, rng=5)


def test_arguments_out_of_range():
    for zeros in (np.zeros((4, 1), bool), np.zeros((4, 3)), np.zeros(4, bool)):
        with pytest.raises(theory.ParameterError):
            determined(zeros)
    with pytest.raises(theory.ParameterError, match="need \\(m,\\) and \\(m, r\\)"):
        bootstrap_determined(np.zeros(3), np.eye(4), 2)
    with pytest.raises(theory.ParameterError):
        bootstrap_determined(np.zeros(3), np.eye(3), 2, draws=0)
