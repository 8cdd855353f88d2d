"""Patterns of zeros: random ones, their structural rank, and the probability that it fails.

`sampling` draws patterns and rows, `matching` decides rank exactly, `dulmage_mendelsohn` tables its law,
`hall_bounds` bounds its failure, `rank_failure` takes the best of both.  What the module `theory.patterns`
had can be imported from here.
"""

from theory.patterns.matching import found_direction, kernel_support_size, structural_rank
from theory.patterns.sampling import draw_rows, draw_zeros

__all__ = ["draw_rows", "draw_zeros", "found_direction", "kernel_support_size", "structural_rank"]
