"""Kernels in CUDA C++ where arrays take too many launches, each with a twin that any array library runs."""

from collections.abc import Callable
from typing import Any

from spear_xp.numerics.cuda.activity import fused_conflicts, fused_look, fused_weights
from spear_xp.numerics.cuda.descent import fused_advance, fused_pull, fused_signs
from spear_xp.numerics.cuda.exchange import fused_chains
from spear_xp.numerics.cuda.hinge import fused_accelerate, fused_shortfall
from spear_xp.numerics.cuda.sampler import fused_sampler
from spear_xp.numerics.cuda.source import Compile

__all__ = ["FUSED"]

# What `Space.fused` hands out by name, made of a compiler.
FUSED: dict[str, Callable[[Compile], Callable[..., Any]]] = {
    "accelerate": fused_accelerate,
    "advance": fused_advance,
    "conflicts": fused_conflicts,
    "exchange": fused_chains,
    "look": fused_look,
    "pull": fused_pull,
    "sampler": fused_sampler,
    "shortfall": fused_shortfall,
    "signs": fused_signs,
    "weights": fused_weights,
}
