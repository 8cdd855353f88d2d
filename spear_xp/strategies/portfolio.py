"""Enters: the name of a search and a `Problem`. Leaves: its strategies, in their first order."""

from collections.abc import Callable

from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.information_sets import GuidedSets, InformationSet
from spear_xp.strategies.mask_regression import MaskRegression
from spear_xp.strategies.peeling import Peeling
from spear_xp.strategies.sampling import Sampling
from spear_xp.strategies.splitting import Splitting

__all__ = ["STRATEGIES", "WITHOUT_LAYER", "portfolio"]

WITHOUT_LAYER = ("sampling", "information_set")  # the weights have no say in which candidates stay
FEW_ROWS = 6  # times the batch size: narrower layers need guided information sets
MANY_ROWS = 25  # times the batch size: of wider layers a part of the rows is enough


def portfolio(problem: Problem) -> list[Strategy]:
    """Strategies of the default search, all that use the layer."""
    few: list[Strategy] = [GuidedSets()] if problem.width < FEW_ROWS * problem.rank else []
    many: list[Strategy] = []
    if problem.width > MANY_ROWS * problem.rank:  # columns with few zeros have these on the least active rows
        many = [Descent(starts=64, share=0.1, arm=2), GuidedSets(share=0.2, arm=1)]
    return [
        Peeling(),
        Descent(),
        Descent(starts=64, share=0.5, arm=1),
        *few,
        *many,
        Splitting(),
        MaskRegression(),
    ]


STRATEGIES: dict[str, Callable[[Problem], list[Strategy]]] = {
    "auto": portfolio,
    "sampling": lambda _: [Sampling()],
    "information_set": lambda _: [InformationSet()],
    "descent": lambda _: [Descent()],
    "peeling": lambda _: [Peeling()],
}
