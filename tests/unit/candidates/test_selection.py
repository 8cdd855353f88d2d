import numpy as np
import pytest

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.refit import filter_directions
from spear_xp.candidates.selection import greedy_selection, matching_score, sparsest_independent
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


def candidate(problem: Problem, direction: Floats) -> Candidate:
    unit = direction / np.linalg.norm(direction)
    zero = np.asarray(problem.zeros_of(unit))
    return Candidate(unit, zero, int(zero.sum()), "made up")


@pytest.fixture
def directions(problem: Problem, layer: LayerGradient) -> Floats:
    found = true_recovery(problem, layer.inputs).directions
    return found / np.linalg.norm(found, axis=0)


@pytest.fixture
def true_ones(problem: Problem, directions: Floats) -> list[Candidate]:
    return filter_directions(problem, directions, threshold=10)


def test_the_true_directions_score_one(problem: Problem, true_ones: list[Candidate]) -> None:
    assert matching_score(problem, true_ones) > 0.995


def test_the_score_ignores_order_and_sign(problem: Problem, true_ones: list[Candidate]) -> None:
    turned = [Candidate(-c.direction, c.zero, c.zeros, c.source) for c in reversed(true_ones)]
    assert matching_score(problem, turned) == pytest.approx(matching_score(problem, true_ones))


def test_dependent_directions_score_zero(problem: Problem, true_ones: list[Candidate]) -> None:
    assert matching_score(problem, [*true_ones[:5], true_ones[0]]) == 0


def test_a_mixture_scores_less(problem: Problem, directions: Floats, true_ones: list[Candidate]) -> None:
    mixed = [*true_ones[:5], candidate(problem, directions[:, 0] + directions[:, 1])]
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]):
        assert matching_score(problem, [mixed[i] for i in order]) < matching_score(problem, true_ones)


def test_true_directions_win_over_mixtures(
    problem: Problem, directions: Floats, true_ones: list[Candidate]
) -> None:
    mixtures = [
        candidate(problem, directions[:, i] + sign * directions[:, j])
        for i in range(6)
        for j in range(i)
        for sign in (1, -1)
    ]
    chosen, score = greedy_selection(problem, [*mixtures, *true_ones])
    assert {id(c) for c in chosen} == {id(c) for c in true_ones}
    assert score == matching_score(problem, chosen)


def test_a_sparser_false_candidate_is_swapped_out(
    problem: Problem, directions: Floats, true_ones: list[Candidate]
) -> None:
    """A mixture that claims more zeros than all others is taken first and loses on the score."""
    mixture = directions[:, 0] + directions[:, 1]
    liar = Candidate(mixture / np.linalg.norm(mixture), true_ones[0].zero, 10**6, "liar")
    assert sparsest_independent(problem, [*true_ones, liar])[0] is liar
    chosen, _ = greedy_selection(problem, [*true_ones, liar])
    assert all(c is not liar for c in chosen)


def test_fewer_candidates_than_samples(problem: Problem, true_ones: list[Candidate]) -> None:
    chosen, score = greedy_selection(problem, true_ones[:4])
    assert (len(chosen), score) == (4, 0.0)
    assert greedy_selection(problem, []) == ([], 0.0)


def test_selection_stops_when_told(problem: Problem, directions: Floats, true_ones: list[Candidate]) -> None:
    mixture = directions[:, 0] + directions[:, 1]
    liar = Candidate(mixture / np.linalg.norm(mixture), true_ones[0].zero, 10**6, "liar")
    chosen, _ = greedy_selection(problem, [*true_ones, liar], keep_going=lambda: False)
    assert any(c is liar for c in chosen)


def test_zeros_that_may_be_active_do_not_make_a_candidate_sparse() -> None:
    """Two samples with nearly proportional columns of D: their difference drowns on many rows of both."""
    rng = np.random.default_rng(0)
    pattern = rng.random((300, 8)) < 0.5
    pattern[:, 1] = pattern[:, 0]
    pattern[:20, 1] = ~pattern[:20, 0]
    pattern[:, 2] &= ~pattern.all(axis=1)  # no row is dead
    inputs = np.c_[gaussian_inputs(8, 60, rng=0), np.ones(8)].astype(float)
    d = np.where(pattern, 0.0, rng.standard_normal((300, 8)))
    both = ~pattern[:, 0] & ~pattern[:, 1]
    d[both, 1] = d[both, 0] * (1 + 2e-6 * rng.standard_normal(int(both.sum())))
    gradient = (d @ inputs).astype("float32")
    weight = rng.standard_normal((300, 60)).astype("float32")
    problem = reduce(validate(gradient[:, :-1], gradient[:, -1], weight, np.zeros(300, "float32")))
    unit = true_recovery(problem, inputs[:, :-1]).directions
    first, second = (problem.rows @ unit[:, :2])[both].T
    columns = [*unit.T, unit[:, 0] - unit[:, 1] * np.median(first / second)]
    candidates = [candidate(problem, column) for column in columns]
    assert candidates[8].zeros > max(candidates[0].zeros, candidates[1].zeros)
    assert candidates[8] not in sparsest_independent(problem, candidates)
