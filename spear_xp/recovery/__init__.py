"""From a full set of directions to samples, and what makes a set more likely than another."""

from spear_xp.recovery.samples import SampleSet, recover, refine, to_inputs

__all__ = ["SampleSet", "recover", "refine", "to_inputs"]
