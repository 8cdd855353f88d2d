"""What an attack on the gradient of a ReLU layer will cost, exactly, before it runs.

Leading questions: `success_probability`, `sample_quantile`, `expected_samples`, `largest_batch`, `forecast`.
Every answer belongs to one of two tiers: iid (batch size, width and zero probability alone) or measured
(zeros of an actual gradient, through `forecast_from_zeros` and its siblings).  Names with ``log_`` return
natural logarithms.

The rest is sorted by subject in sub-packages, and answers to `theory.NAME` as well; imports run downwards::

    limits       where exact recovery, secrecy and descent end, whatever the samples
    batch        how many samples find a whole batch
    acceptance   what passes that should not
    noise        what rounding and noise for privacy do
    samplers     what cheaper sampling costs
    exact        closed forms, polynomials and LaTeX
    draws        what one sample finds, thresholds, the number of draws
    patterns     zero patterns and their rank
    numerics     checked arguments, logarithms
"""

from __future__ import annotations

import importlib
from typing import Any

from theory._moved import RENAMED, renamed, stand_in
from theory.acceptance.mixtures import false_acceptance
from theory.batch.budget import success_probability
from theory.batch.forecasting import Forecast, forecast
from theory.batch.identifiability import identifiable_width
from theory.batch.inverse_queries import largest_batch, smallest_width
from theory.batch.samples_needed import expected_samples, sample_quantile
from theory.batch.zero_counts import forecast_from_zeros
from theory.draws.threshold import minimum_zero_count
from theory.numerics.checks import ParameterError

# Loaded when asked for: some need scipy.optimize, which takes longer to import than all the rest.
_ROOMS = {
    "acceptance.certificate": (
        "log_certificate_acceptance",
        "log_halves_acceptance",
        "log_kernel_acceptance",
        "log_mask_acceptance",
        "mask_agreement",
    ),
    "acceptance.mixtures": (
        "chernoff_information",
        "false_acceptance_ever",
        "log_mixture_acceptance",
        "width_to_separate",
    ),
    "acceptance.row_span": ("log_span_acceptance", "log_within_span"),
    "batch.budget": ("log_success_probability",),
    "batch.failure": ("log_column_never_found", "unlimited_success", "unlimited_success_bounds"),
    "batch.identifiability": ("asymptotic_width",),
    "batch.inverse_queries": ("log_seconds",),
    "batch.row_activity": ("forecast_from_row_activity", "success_from_row_activity"),
    "batch.samples_needed": ("log_expected_samples", "log_sample_quantile"),
    "batch.zero_counts": ("forecast_from_layer", "forecast_from_zero_counts"),
    "draws.coupon_collector": (
        "coverage_error",
        "log_coverage",
        "log_draws_quantile",
        "log_draws_quantile_equal",
        "log_expected_draws",
        "log_expected_draws_equal",
    ),
    "draws.one_draw": (
        "exactly_one_zero_column",
        "log_direction_probability",
        "log_direction_probability_given",
        "log_sample_probability",
    ),
    "draws.simulation": ("SimulatedSearch", "simulate_search"),
    "draws.threshold": ("minimum_zero_count_uneven", "observed_zero_probability"),
    "draws.uneven_rows": ("log_active_row_loss", "log_dead_row_gain", "log_zero_given_rows"),
    "limits.counting": ("equations_over_unknowns",),
    "limits.descent_cone": ("l1_limit", "statistical_dimension"),
    "limits.exactness": ("exact_limit", "exact_limit_closed_form", "safe_batch"),
    "limits.filter_noise": ("filter_snr",),
    "limits.masks": ("Determined", "bootstrap_determined", "determined"),
    "limits.signs": ("largest_safe_width", "log_expected_freedom", "sign_extent", "visual_limit"),
    "noise.breakdown": ("breakdown_snr",),
    "noise.propagation": ("distance_to_others", "dp_sgd_snr", "polish_mse", "psnr", "rounding_snr", "snr"),
    "noise.tolerance": (
        "fixed_tolerance_keep",
        "kappa_cdf",
        "kappa_quantile",
        "residual_scale",
        "tolerance_coverage",
    ),
    "patterns.dulmage_mendelsohn": ("RankTables", "exact_tables", "rank_distribution"),
    "patterns.hall_bounds": ("matching_failure_bounds",),
    "patterns.matching": ("found_direction", "kernel_support_size", "structural_rank"),
    "patterns.rank_failure": (
        "KernelSupport",
        "column_failure",
        "kernel_support",
        "log_column_failure",
        "log_matching",
        "matching_failure",
    ),
    "patterns.sampling": ("draw_rows", "draw_zeros"),
    "samplers.cost": ("SamplerCost", "elimination_flops", "plain_sampler"),
    "samplers.information_sets": ("best_information_set", "information_set"),
    "samplers.leverage": (
        "chain_flops",
        "guided_log_gain",
        "residual_zero_probability",
        "static_zero_probability",
    ),
    "samplers.prefix_tree": ("best_prefix_tree", "branching_tree", "inner_draws", "prefix_tree"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}
_SUBPACKAGES = frozenset(room.partition(".")[0] for room in _ROOMS) | {"exact"}
_STAND_INS = stand_in()


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"theory.{_HOME[name]}"), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"theory.{name}")
    if name in _STAND_INS:
        return _STAND_INS[name]
    if name in RENAMED:
        return renamed(name)
    raise AttributeError(f"module 'theory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_SUBPACKAGES})


__all__ = [
    "Forecast",
    "ParameterError",
    "expected_samples",
    "false_acceptance",
    "forecast",
    "forecast_from_zeros",
    "identifiable_width",
    "largest_batch",
    "minimum_zero_count",
    "sample_quantile",
    "smallest_width",
    "success_probability",
]
