"""Strategies that propose directions, one file each, behind one small protocol (`base`)."""

from spear_xp.search.base import Known, Proposals, Strategy
from spear_xp.search.descent import Descent
from spear_xp.search.information_set import InformationSet
from spear_xp.search.peeling import Peeling
from spear_xp.search.sampling import Sampling

__all__ = ["Descent", "InformationSet", "Known", "Peeling", "Proposals", "Sampling", "Strategy"]
