"""Ways to sample that are cheaper than the published one, and what a direction costs with each.

`cost` is the price of a draw and of the published sampler, `information_sets` and `prefix_tree` share one
elimination among many kernels, `leverage` draws from short rows.  What the module `theory.samplers` had can
be imported from here.
"""

from theory.samplers.cost import SamplerCost, elimination_flops, plain_sampler
from theory.samplers.information_sets import best_information_set, information_set

__all__ = [
    "SamplerCost",
    "best_information_set",
    "elimination_flops",
    "information_set",
    "plain_sampler",
]
