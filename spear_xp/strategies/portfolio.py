"""Enters: what the caller names as the search. Leaves: its strategies for a `Problem`, in order."""

from collections.abc import Callable, Sequence
from typing import Any

from spear_xp.errors import ArgumentRangeError
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.information_sets import GuidedSets, InformationSet
from spear_xp.strategies.mask_regression import MaskRegression
from spear_xp.strategies.peeling import Peeling
from spear_xp.strategies.sampling import Sampling
from spear_xp.strategies.splitting import Splitting

__all__ = ["STRATEGIES", "portfolio", "strategies_of"]

FEW_ROWS = 6  # chosen: times the batch size: narrower layers need guided information sets; others do without
MANY_ROWS = 25  # chosen: times the batch size: of wider layers a part of the rows is enough

Search = str | Strategy | Sequence[str | Strategy]


def portfolio(problem: Problem) -> list[Strategy]:
    """Strategies of the default search, all that use the layer."""
    few: list[Strategy] = [GuidedSets()] if problem.width < FEW_ROWS * problem.rank else []
    many: list[Strategy] = []
    if problem.width > MANY_ROWS * problem.rank:  # columns with few zeros have these on the least active rows
        many = [Descent(starts=64, share=0.1, arm=2), GuidedSets(share=0.2, arm=1)]
    descents = [Descent(), Descent(starts=64, share=0.5, arm=1)]
    return [Peeling(), *descents, *few, *many, Splitting(), MaskRegression()]


STRATEGIES: dict[str, Callable[[Problem], list[Strategy]]] = {
    "auto": portfolio,
    "sampling": lambda _: [Sampling()],
    "information_set": lambda _: [InformationSet()],
    "descent": lambda _: [Descent()],
    "peeling": lambda _: [Peeling()],
}


def strategies_of(search: Search) -> Callable[[Problem], list[Strategy]]:
    """What makes the strategies of a problem, for a name, a strategy, or a sequence of these.

    Raises
    ------
    ArgumentRangeError
        If something is neither, or nothing is given.
    """
    parts: list[Any] = list(search) if isinstance(search, list | tuple) else [search]
    for part in parts:
        named = isinstance(part, str) and part in STRATEGIES
        if not named and not all(
            hasattr(part, trait) for trait in ("propose", "name", "uses_layer", "whole_masks")
        ):
            msg = f"search={part!r}: need one of {', '.join(map(repr, STRATEGIES))}, or a strategy"
            raise ArgumentRangeError(msg)
    if not parts:
        msg = "search is empty: need at least one strategy"
        raise ArgumentRangeError(msg)

    def strategies(problem: Problem) -> list[Strategy]:
        made: list[Strategy] = []
        for part in parts:
            made += STRATEGIES[part](problem) if isinstance(part, str) else [part]
        return made

    return strategies
