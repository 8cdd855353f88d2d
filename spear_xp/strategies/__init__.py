"""Strategies that propose directions, one file each, behind one small protocol (`reduction.protocol`)."""

from spear_xp.reduction.protocol import Known, Proposals, Strategy
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.information_sets import GuidedSets, InformationSet
from spear_xp.strategies.mask_regression import MaskRegression
from spear_xp.strategies.peeling import Peeling
from spear_xp.strategies.sampling import Sampling
from spear_xp.strategies.splitting import Splitting

__all__ = [
    "Descent",
    "GuidedSets",
    "InformationSet",
    "Known",
    "MaskRegression",
    "Peeling",
    "Proposals",
    "Sampling",
    "Splitting",
    "Strategy",
]
