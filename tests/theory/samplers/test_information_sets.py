"""Information sets: published gains, hits by formula and by linear algebra."""

import math

import numpy as np
import pytest
import sympy

from tests.theory.helpers import rounds_to
from theory.exact.formulas import formula
from theory.numerics.binomial import binom_sf
from theory.numerics.checks import ParameterError
from theory.patterns.rank_failure import kernel_support, log_matching
from theory.samplers.cost import SamplerCost, plain_sampler
from theory.samplers.information_sets import best_information_set, information_set


@pytest.mark.parametrize(
    ("b", "gain", "flops"),
    [
        (10, "6.2", "1.5e5"),
        (15, "18", "6.6e6"),
        (20, "37", "2.6e8"),
        (25, "64", "1.0e10"),
        (30, "107", "3.5e11"),
        (40, "247", "4.0e14"),
    ],
)
def test_information_set_gain(b, gain, flops):
    best = best_information_set(b)
    assert rounds_to(best.gain_over(plain_sampler(b)), gain)
    assert rounds_to(math.exp(best.log_total_flops), flops)


@pytest.mark.parametrize(
    ("b", "gain", "flops"),
    [
        (10, "6.7", "1.4e5"),
        (15, "18", "6.5e6"),
        (20, "38", "2.6e8"),
        (25, "65", "9.9e9"),
        (30, "107", "3.5e11"),
        (40, "247", "4.0e14"),
    ],
)
def test_information_set_gain_if_single_hits_need_no_confirmation(b, gain, flops):
    """Weight-one candidates counted even where no two pool rows show them: a slightly larger gain."""

    def generous(pool, weight):
        cost = information_set(b, pool, weight)
        unseen = b * 0.5**b * (1 - float(binom_sf(1, pool, 0.5)))
        return SamplerCost(b, cost.flops, math.log(math.exp(cost.log_hits) + unseen), cost.setting)

    best = min((generous(R, w) for R in (4, 5, 6, 8) for w in (2, 3)), key=lambda cost: cost.log_price)
    assert rounds_to(best.gain_over(plain_sampler(b)), gain)
    assert rounds_to(math.exp(best.log_total_flops), flops)


def test_information_set_hits_are_the_formulas():
    for b, pool, p in ((10, 5, 0.5), (6, 3, 0.3), (4, 8, 0.6)):
        weights, law = {"b": b, "p": p, "R": pool}, kernel_support(b - 1, p).support

        def seen(w, pool=pool):
            return formula("seen_twice", R=pool, w=w)

        def value(name, weights=weights, law=law, seen=seen, b=b, p=p):
            expression = formula(name, **{k: v for k, v in weights.items() if k != "R"})
            expression = expression.doit().replace(sympy.Function("f"), seen)
            base = {sympy.IndexedBase("M")[b - 1]: math.exp(log_matching(b - 1, p))}
            base |= {sympy.IndexedBase("P")[k + 1]: v for k, v in enumerate(law)}
            return float(expression.subs(base))

        assert math.exp(information_set(b, pool, 2, p=p).log_hits) == pytest.approx(value("leading_hits"))
        both = value("weight_one") + value("weight_two")
        assert math.exp(information_set(b, pool, 2, p=p, exact=True).log_hits) == pytest.approx(both)
        single = information_set(b, pool, 1, p=p, exact=True)
        assert math.exp(single.log_hits) == pytest.approx(value("weight_one"))


def count_information_set_hits(b, pool, trials, rng):
    """Directions found for each information set, by linear algebra on random values."""
    D = rng.standard_normal((trials, b + pool, b)) * (rng.random((trials, b + pool, b)) < 0.5)
    inside, outside = D[:, :b], D[:, b:]
    regular = np.linalg.slogdet(inside)[1] > -25  # structurally singular blocks give -inf or rounding error
    inside, outside = inside[regular], outside[regular]
    W = outside @ np.linalg.inv(inside)
    hits = np.zeros(trials)
    for i in range(b):
        active = inside[:, :, i] != 0
        weight, zero = active.sum(axis=1), outside[:, :, i] == 0
        hits[: len(W)] += (weight == 1) & (zero.sum(axis=1) >= 2)
        double = np.flatnonzero(weight == 2)
        columns = np.argsort(~active[double], axis=1, kind="stable")[:, :2]
        ratio_exists = (np.abs(np.take_along_axis(W[double], columns[:, None], axis=2)) > 1e-9).all(axis=2)
        hits[double] += (ratio_exists & zero[double]).sum(axis=1) >= 2
    return hits


def test_information_set_hits_simulated():
    """Leading order gives .436, a single rank factor .4276; only the exact form meets .4168(13) and this."""
    exact = 10 * math.exp(information_set(10, exact=True).log_hits)
    assert exact == pytest.approx(0.41838, abs=5e-6)
    assert abs(exact - 0.4168) < 4 * 0.0013
    hits = count_information_set_hits(10, 5, 60_000, np.random.default_rng(0))
    error = hits.std() / math.sqrt(len(hits))
    assert abs(hits.mean() - exact) < 4 * error
    one_factor = 10 * math.exp(information_set(10).log_hits + log_matching(10))
    assert one_factor == pytest.approx(0.4276, abs=5e-5)
    assert abs(0.4168 - one_factor) > 8 * 0.0013
    assert 10 * math.exp(plain_sampler(10, exact=True).log_hits) == pytest.approx(0.0188, abs=5e-5)


def test_large_batches_stay_in_the_log_domain():
    cost = information_set(10_000)
    assert cost.gain_over(plain_sampler(10_000)) > 1e4
    assert math.isfinite(cost.log_total_flops)


@pytest.mark.parametrize(
    "call",
    [
        lambda: information_set(2),
        lambda: information_set(10, 1),
        lambda: information_set(10, 5, 4),
        lambda: information_set(10, 5, 3, exact=True),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()
