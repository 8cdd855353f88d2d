"""From features of a deeper layer back to data, and from states of tokens to rows of a table."""

from spear_xp.auditing.chaining.matching import Matches, match
from spear_xp.auditing.chaining.undoing import Chained, chain, none_chained

__all__ = ["Chained", "Matches", "chain", "match", "none_chained"]
