"""Strategies that propose directions, one file each, behind one small protocol (`base`)."""

from spear_xp.search.base import Proposals, Strategy
from spear_xp.search.sampling import Sampling

__all__ = ["Proposals", "Sampling", "Strategy"]
