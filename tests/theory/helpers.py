"""When a simulation agrees with a formula, and random layers to simulate on."""

import math


def within(count, trials, expected, sigmas=4):
    """Whether a binomial count agrees with its expectation within a number of standard errors."""
    return abs(count / trials - expected) <= sigmas * math.sqrt(expected * (1 - expected) / trials)


def not_above(hits, runs, bound):
    """Four standard deviations of a frequency, and three hits, are no contradiction to a bound."""
    return hits <= runs * bound + 4 * math.sqrt(runs * bound) + 3


def rounds_to(value, shown):
    """Whether a value rounds to a figure as it is printed."""
    digits = len(shown.partition(".")[2]) if "e" not in shown else None
    return f"{value:.{digits}f}" == shown if digits is not None else f"{value:.1e}" == f"{float(shown):.1e}"


def random_layer(b, m, features, rng, p=0.5):
    return rng.standard_normal((m, b)) * (rng.random((m, b)) > p), rng.standard_normal((b, features))
