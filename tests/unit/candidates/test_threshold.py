import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from spear_xp.candidates.threshold import sparsity_threshold


def test_the_threshold_leaves_rows_to_confirm_a_kernel() -> None:
    assert sparsity_threshold(30, 25) >= 27
    assert 50 < sparsity_threshold(200, 10) < 80
    assert sparsity_threshold(200, 10, 1e-3) > sparsity_threshold(200, 10, 1e-12)


@given(st.integers(2, 2000), st.floats(1e-12, 0.1), st.floats(0.1, 0.9))
def test_a_true_direction_is_turned_away_as_rarely_as_asked_for(
    width: int, rejection: float, share: float
) -> None:
    """The largest number of zeros that a binomial count stays below that rarely."""
    threshold = sparsity_threshold(width, 0, rejection, share)
    if threshold > 2:  # else it is the rows that confirm a kernel
        assert binom.cdf(threshold - 1, width, share) <= rejection * (1 + 1e-6)
    assert binom.cdf(threshold, width, share) > rejection * (1 - 1e-6)


@given(st.integers(2, 500), st.integers(1, 60))
def test_two_rows_beyond_the_batch_size_are_asked_for_in_any_case(width: int, rank: int) -> None:
    alone = sparsity_threshold(width, 0)
    assert sparsity_threshold(width, rank) == max(alone, rank + 2)


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_sparser_batches_need_more_zeros(share: float) -> None:
    assert (sparsity_threshold(400, 10, zero_share=share) > sparsity_threshold(400, 10)) == (share > 0.5)
