"""Every strategy of the library keeps to the protocol."""

import inspect

import pytest

from spear_xp.candidates import Pool
from spear_xp.reduction import Problem, Strategy
from spear_xp.strategies import (
    Descent,
    GuidedSets,
    InformationSet,
    MaskRegression,
    Peeling,
    Sampling,
    Splitting,
)

STRATEGIES = [Descent(), GuidedSets(), InformationSet(), MaskRegression(), Peeling(), Sampling(), Splitting()]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
def test_a_strategy_has_traits_and_proposes_with_counted_work(strategy: Strategy, problem: Problem) -> None:
    assert isinstance(strategy.uses_layer, bool)
    assert isinstance(strategy.whole_masks, bool)
    names = ["problem", "known", "seed", "chunk", "keep_going"]
    assert list(inspect.signature(strategy.propose).parameters) == names
    proposals = strategy.propose(problem, Pool(problem).known, 0, 0)
    assert proposals.directions.shape[0] == problem.rank
    assert proposals.work >= 0
    assert (proposals.work > 0) or not proposals.directions.shape[1]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
def test_a_strategy_out_of_time_hands_back_what_it_has(strategy: Strategy, problem: Problem) -> None:
    proposals = strategy.propose(problem, Pool(problem).known, 0, 0, keep_going=lambda: False)
    assert proposals.directions.shape[0] == problem.rank
