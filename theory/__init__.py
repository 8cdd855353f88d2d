"""What an attack on the gradient of a ReLU layer will cost, exactly, before it runs.

Leading questions: `success_probability`, `sample_quantile`, `expected_samples`, `largest_batch`, `forecast`.
Every answer belongs to one of two tiers: iid (batch size, width and zero probability alone) or measured
(zeros of an actual gradient, through `forecast_from_zeros` and its siblings).  Names with ``log_`` return
natural logarithms.
"""

from __future__ import annotations

import importlib
from typing import Any

from theory._moved import stand_in
from theory.acceptance.certificate import (
    log_false_acceptance,
    log_halves_acceptance,
    log_kernel_acceptance,
    log_mask_acceptance,
    mask_agreement,
)
from theory.acceptance.mixtures import (
    chernoff_information,
    false_acceptance,
    false_acceptance_ever,
    log_mixture_acceptance,
    width_to_separate,
)
from theory.acceptance.row_span import log_span_acceptance, log_within_span
from theory.batch.budget import log_success_probability, success_probability
from theory.batch.failure import log_column_never_found, unlimited_success, unlimited_success_bounds
from theory.batch.forecasting import Forecast, forecast
from theory.batch.identifiability import asymptotic_width, identifiable_width
from theory.batch.inverse_queries import largest_batch, log_seconds, smallest_width
from theory.batch.row_activity import forecast_from_row_activity, success_from_row_activity
from theory.batch.samples_needed import (
    expected_samples,
    log_expected_samples,
    log_sample_quantile,
    sample_quantile,
)
from theory.batch.zero_counts import forecast_from_layer, forecast_from_zero_counts, forecast_from_zeros
from theory.draws.coupon_collector import (
    coverage_error,
    log_coverage,
    log_draws_quantile,
    log_draws_quantile_equal,
    log_expected_draws,
    log_expected_draws_equal,
)
from theory.draws.one_draw import (
    exactly_one_zero_column,
    log_direction_probability,
    log_direction_probability_given,
    log_sample_probability,
)
from theory.draws.simulation import SimulatedSearch, simulate_search
from theory.draws.threshold import minimum_zero_count, minimum_zero_count_uneven, observed_zero_probability
from theory.draws.uneven_rows import log_active_row_loss, log_dead_row_gain, log_zero_given_rows
from theory.noise.propagation import distance_to_others, dp_sgd_snr, polish_mse, psnr, rounding_snr, snr
from theory.noise.tolerance import (
    fixed_tolerance_keep,
    kappa_cdf,
    kappa_quantile,
    residual_scale,
    tolerance_coverage,
)
from theory.numerics.checks import ParameterError
from theory.patterns.dulmage_mendelsohn import RankTables, exact_tables, rank_distribution
from theory.patterns.hall_bounds import matching_failure_bounds
from theory.patterns.matching import found_direction, kernel_support_size, structural_rank
from theory.patterns.rank_failure import (
    KernelSupport,
    column_failure,
    kernel_support,
    log_column_failure,
    log_matching,
    matching_failure,
)
from theory.patterns.sampling import draw_rows, draw_zeros
from theory.samplers.cost import SamplerCost, elimination_flops, plain_sampler
from theory.samplers.information_sets import best_information_set, information_set
from theory.samplers.prefix_tree import best_prefix_tree, branching_tree, inner_draws, prefix_tree

# sympy and scipy.optimize take longer to import than all the rest: their users are loaded when asked for.
_LAZY_NAMES = {
    "breakdown_snr": "breakdown",
    "chain_flops": "leverage",
    "guided_log_gain": "leverage",
    "residual_zero_probability": "leverage",
    "static_zero_probability": "leverage",
}

_STAND_INS = stand_in()


def __getattr__(name: str) -> Any:
    if name in _STAND_INS:
        return _STAND_INS[name]
    if name in _LAZY_NAMES:
        return getattr(importlib.import_module(f"theory.{_LAZY_NAMES[name]}"), name)
    raise AttributeError(f"module 'theory' has no attribute {name!r}")


__all__ = [
    "Forecast",
    "KernelSupport",
    "ParameterError",
    "RankTables",
    "SamplerCost",
    "SimulatedSearch",
    "asymptotic_width",
    "best_information_set",
    "best_prefix_tree",
    "branching_tree",
    "breakdown_snr",
    "chain_flops",
    "chernoff_information",
    "column_failure",
    "coverage_error",
    "distance_to_others",
    "dp_sgd_snr",
    "draw_rows",
    "draw_zeros",
    "elimination_flops",
    "exact_tables",
    "exactly_one_zero_column",
    "expected_samples",
    "false_acceptance",
    "false_acceptance_ever",
    "fixed_tolerance_keep",
    "forecast",
    "forecast_from_layer",
    "forecast_from_row_activity",
    "forecast_from_zero_counts",
    "forecast_from_zeros",
    "formulas",
    "found_direction",
    "guided_log_gain",
    "identifiable_width",
    "information_set",
    "inner_draws",
    "kappa_cdf",
    "kappa_quantile",
    "kernel_support",
    "kernel_support_size",
    "largest_batch",
    "log_active_row_loss",
    "log_column_failure",
    "log_column_never_found",
    "log_coverage",
    "log_dead_row_gain",
    "log_direction_probability",
    "log_direction_probability_given",
    "log_draws_quantile",
    "log_draws_quantile_equal",
    "log_expected_draws",
    "log_expected_draws_equal",
    "log_expected_samples",
    "log_false_acceptance",
    "log_halves_acceptance",
    "log_kernel_acceptance",
    "log_mask_acceptance",
    "log_matching",
    "log_mixture_acceptance",
    "log_sample_probability",
    "log_sample_quantile",
    "log_seconds",
    "log_span_acceptance",
    "log_success_probability",
    "log_within_span",
    "log_zero_given_rows",
    "mask_agreement",
    "matching_failure",
    "matching_failure_bounds",
    "minimum_zero_count",
    "minimum_zero_count_uneven",
    "observed_zero_probability",
    "plain_sampler",
    "polish_mse",
    "prefix_tree",
    "psnr",
    "rank_distribution",
    "residual_scale",
    "residual_zero_probability",
    "rounding_snr",
    "sample_quantile",
    "simulate_search",
    "smallest_width",
    "snr",
    "static_zero_probability",
    "structural_rank",
    "success_from_row_activity",
    "success_probability",
    "symbolic",
    "tolerance_coverage",
    "unlimited_success",
    "unlimited_success_bounds",
    "width_to_separate",
]
