from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp.errors import ArgumentRangeError
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.information_sets import GuidedSets
from spear_xp.strategies.portfolio import STRATEGIES, portfolio, strategies_of
from tests.helpers.geometry import known_samples
from tests.helpers.settings import easy_layer, reduced


def of_width(width: int) -> Problem:
    return reduced(easy_layer(0, width))


def of_another_layer(problem: Problem) -> Problem:
    """The same gradient with weights that have nothing to do with it."""
    rng = np.random.default_rng(0)
    return replace(
        problem,
        layer=rng.standard_normal(problem.layer.shape),
        dead_layer=rng.standard_normal(problem.dead_layer.shape),
        activity=rng.standard_normal(problem.width),
    )


@pytest.mark.parametrize("search", STRATEGIES)
def test_weights_have_a_say_in_all_searches_but_those_that_do_without(search: str) -> None:
    layer = easy_layer(0, 60)
    problem = reduced(layer)
    known, other = known_samples(problem, layer.inputs), of_another_layer(problem)

    def same(strategy: Strategy) -> bool:
        one, another = (strategy.propose(p, known, 0, 0).directions for p in (problem, other))
        return bool(one.shape == another.shape and (one == another).all())

    team = [one for one in STRATEGIES[search](problem) if one.name not in {"splitting", "mask_regression"}]
    assert [same(one) for one in team] == [not one.uses_layer for one in team]


@pytest.mark.parametrize(
    ("width", "narrow", "wide"), [(28, True, False), (80, False, False), (200, False, True)]
)
def test_narrow_and_wide_layers_get_strategies_of_their_own(width: int, narrow: bool, wide: bool) -> None:
    team = portfolio(of_width(width))
    assert (GuidedSets() in team) == narrow
    shares = [one.share for one in team if isinstance(one, Descent | GuidedSets)]
    assert (min(shares) < 0.5) == wide


def test_every_search_has_strategies_of_its_own_each_once() -> None:
    problem = of_width(80)
    for search, team in STRATEGIES.items():
        found = team(problem)
        assert len(set(found)) == len(found) > 0
        if search != "auto":
            assert [one.name for one in found] == [search]


def test_a_search_is_a_name_a_strategy_or_several_of_these() -> None:
    problem, own = of_width(80), Descent(starts=4, arm=7)
    assert strategies_of("peeling")(problem) == STRATEGIES["peeling"](problem)
    assert strategies_of(own)(problem) == [own]
    assert strategies_of(("peeling", own))(problem) == [*STRATEGIES["peeling"](problem), own]


@pytest.mark.parametrize("search", ["guess", 3, ["peeling", None], []])
def test_what_is_no_search_is_named(search: Any) -> None:
    with pytest.raises(ArgumentRangeError, match="search"):
        strategies_of(search)
