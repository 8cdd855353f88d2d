"""What `import theory` takes along, which names it answers to, and how its folders are cut."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import theory
from theory._moved import MOVED

ROOT = Path(theory.__file__).parent
EARLIER = """
    Forecast KernelSupport ParameterError RankTables SamplerCost SimulatedSearch asymptotic_width
    best_information_set best_prefix_tree branching_tree breakdown_snr chain_flops chernoff_information
    column_failure coverage_error distance_to_others dp_sgd_snr draw_rows draw_zeros elimination_flops
    exact_tables exactly_one_zero_column expected_samples false_acceptance false_acceptance_ever
    fixed_tolerance_keep forecast forecast_from_layer forecast_from_row_activity forecast_from_zero_counts
    forecast_from_zeros formulas found_direction guided_log_gain identifiable_width information_set
    inner_draws kappa_cdf kappa_quantile kernel_support kernel_support_size largest_batch
    log_active_row_loss log_column_failure log_column_never_found log_coverage log_dead_row_gain
    log_direction_probability log_direction_probability_given log_draws_quantile log_draws_quantile_equal
    log_expected_draws log_expected_draws_equal log_expected_samples
    log_halves_acceptance log_kernel_acceptance log_mask_acceptance log_matching log_mixture_acceptance
    log_sample_probability log_sample_quantile log_seconds log_span_acceptance log_success_probability
    log_within_span log_zero_given_rows mask_agreement matching_failure matching_failure_bounds
    minimum_zero_count minimum_zero_count_uneven observed_zero_probability plain_sampler polish_mse
    prefix_tree psnr rank_distribution residual_scale residual_zero_probability rounding_snr
    sample_quantile simulate_search smallest_width snr static_zero_probability structural_rank
    success_from_row_activity success_probability symbolic tolerance_coverage unlimited_success
    unlimited_success_bounds width_to_separate
"""
MODULES = {  # a name of each module that was one file earlier
    "acceptance": "mask_agreement",
    "activity": "forecast_from_row_activity",
    "averaged": "law_of_counts",
    "breakdown": "breakdown_snr",
    "budget": "sample_quantile",
    "coupon": "log_coverage",
    "dulmage_mendelsohn": "rank_tables",
    "errors": "check_width",
    "failure": "unlimited_success",
    "forecasting": "Forecast",
    "formulas": "fill_formulas",
    "hall": "matching_failure_bounds",
    "identifiability": "identifiable_width",
    "inverses": "largest_batch",
    "leverage": "chain_flops",
    "logmath": "log_binom_pmf",
    "measured": "forecast_from_layer",
    "mixtures": "false_acceptance",
    "noise": "snr",
    "patterns": "structural_rank",
    "prefix_tree": "prefix_tree",
    "rank": "exact_tables",
    "sample": "log_zero_given_rows",
    "samplers": "plain_sampler",
    "separation": "log_within_span",
    "simulate": "simulate_search",
    "symbolic": "evaluate",
    "threshold": "minimum_zero_count",
    "tolerance": "kappa_cdf",
}


def run(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_import_is_light():
    """Neither statistics, optimisers, symbols nor plots are loaded by ``import theory``."""
    run(
        "import sys, theory; heavy = {'scipy.stats', 'scipy.optimize', 'sympy', 'matplotlib'}; "
        "heavy &= set(sys.modules); "
        "assert not heavy, heavy; assert not any(name.startswith('spear_xp') for name in sys.modules)"
    )


def test_lazy_names():
    assert theory.symbolic.__name__ == "theory.symbolic"
    with pytest.raises(AttributeError, match="nothing_like_it"):
        theory.nothing_like_it  # noqa: B018
    for name in theory.__all__:
        assert getattr(theory, name) is not None
    assert len(theory.__all__) <= 12


@pytest.mark.parametrize("name", EARLIER.split())
def test_every_earlier_name_still_answers(name):
    assert getattr(theory, name) is not None
    assert name in dir(theory) or name in MOVED


@pytest.mark.parametrize(("module", "name"), MODULES.items())
def test_modules_that_moved_still_import(module, name):
    loaded = importlib.import_module(f"theory.{module}")
    assert getattr(loaded, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        loaded.nothing_like_it  # noqa: B018


@pytest.mark.parametrize("place", [theory, theory.acceptance])
def test_a_function_of_another_name_warns(place):
    with pytest.warns(DeprecationWarning, match="is now theory.log_certificate_acceptance"):
        earlier = place.log_false_acceptance
    assert earlier is theory.log_certificate_acceptance


def test_every_stand_in_is_tested_and_stands_for_a_room():
    assert set(MOVED) <= set(MODULES)
    for rooms in MOVED.values():
        for room in rooms:
            assert (ROOT / f"{room.replace('.', '/')}.py").is_file()


def test_a_module_that_moved_may_be_the_first_import():
    run(
        "from theory.logmath import log_binom_pmf, log_hit; import theory.prefix_tree, theory.errors; "
        "assert callable(theory.prefix_tree); assert theory.errors.ParameterError is theory.ParameterError; "
        "from theory import rank; assert rank.exact_tables is theory.exact_tables"
    )


def test_a_stand_in_loads_nothing_before_it_is_asked():
    run(
        "import sys, theory; modules = [m for m in list(sys.modules.values()) if hasattr(m, '__path__')]; "
        "import theory.symbolic; assert 'sympy' not in sys.modules; theory.symbolic.evaluate; "
        "assert 'sympy' in sys.modules"
    )


@pytest.mark.parametrize("folder", [p.parent for p in ROOT.rglob("__init__.py")], ids=lambda p: p.name)
def test_folders_hold_at_most_nine_files(folder):
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 9
