"""Directions that may be columns of D: refitted, tested, kept, chosen among."""

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import filter_directions, refit
from spear_xp.candidates.selection import greedy_selection, matching_score

__all__ = ["Candidate", "Pool", "filter_directions", "greedy_selection", "matching_score", "refit"]
