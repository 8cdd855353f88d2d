"""From arrays to a Problem: checks, numerical rank, noise, and coordinates of the row space."""

from spear_xp.reduction.factorization import Factorization, factorize
from spear_xp.reduction.gradient import Gradient, validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.reduction.protocol import Known, Proposals, Strategy

__all__ = [
    "Factorization",
    "Gradient",
    "Known",
    "Problem",
    "Proposals",
    "Strategy",
    "factorize",
    "reduce",
    "validate",
]
