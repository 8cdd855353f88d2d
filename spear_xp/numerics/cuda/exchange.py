"""Enters: W of many exchange chains and their common schedule. Leaves: pairs of columns that add up to zeros.

The twin is `_follow` in `strategies/exchange.py`, which says what a chain does.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spear_xp.numerics.backend import Array, Host, Namespace
from spear_xp.numerics.cuda.source import Compile, Unit, packed
from spear_xp.numerics.work import KeepGoing, forever

__all__ = ["Follow", "Rules", "Schedule", "fused_chains"]

LANES = 32  # derived: of a warp, which holds one column each
WARPS = 4  # chosen: chains of a block; the source says the same
MOST = 8  # chosen: reports of a chain: what it holds it reports again and again


class Schedule(NamedTuple):
    """What all chains do, whose rows are in random order.

    Attributes
    ----------
    swaps : NumPy int array, shape (steps, 2)
        Spare row, and the place in the information set that it takes, before each step but the first.
    pairs : NumPy int array, shape (steps, p, 2)
        Spare rows whose ratios are compared.
    """

    swaps: Host
    pairs: Host


class Rules(NamedTuple):
    """What counts."""

    pivot: float  # size from which an exchange is made
    equal: float  # relative gap of two numbers that are the same
    fewest: int  # zeros of a combination of columns
    singles: int  # steps between two looks for single columns


# follow(xp, table, members, schedule, rules, keep_going) -> rows of information sets (b or more, h), two of
# their columns, and the weight of the second
Follow = Callable[..., tuple[Array, Array, Array, Array]]


def fused_chains(compiled: Compile) -> Follow:
    """All steps of all chains as one launch, a warp a chain: up to 32 columns and as many spare rows."""

    def launched(
        xp: Namespace,
        table: Array,
        members: Array,
        schedule: Schedule,
        rules: Rules,
        keep_going: KeepGoing = forever,  # noqa: ARG001  # a launch is over before anybody could ask
    ) -> tuple[Array, Array, Array, Array]:
        spare, b, chains = table.shape
        where, real = table.device, np.float64 if table.dtype == xp.float64 else np.float32
        hits = xp.zeros((MOST * chains, 3 + b), dtype=xp.int32, device=where)
        weights = xp.zeros(MOST * chains, dtype=table.dtype, device=where)
        count = xp.zeros(1, dtype=xp.uint32, device=where)
        columns = packed(xp, table, table.dtype, where)
        numbers, swaps, pairs = (packed(xp, part, xp.int32, where) for part in (members, *schedule))
        steps, per_step, _ = schedule.pairs.shape
        limits = np.int32(steps), np.int32(chains), real(rules.pivot), real(rules.equal)
        compiled(unit(b, spare, per_step, rules, double=table.dtype == xp.float64))(
            (-(-chains // WARPS),),
            (LANES * WARPS,),
            (columns, numbers, swaps, pairs, *limits, hits, weights, count),
        )
        hits, weights = hits[: int(count[0]), :], weights[: int(count[0])]
        order = xp.argsort(hits[:, 0])  # warps report in any order
        hits = xp.astype(xp.take(hits, order, axis=0), xp.int64)
        return hits[:, 3:].T, hits[:, 1], hits[:, 2], xp.take(weights, order)

    return launched


def unit(b: int, spare: int, pairs: int, rules: Rules, *, double: bool) -> Unit:
    """The kernel for chains of this shape."""
    sizes: dict[str, int | str] = {"B": b, "SPARE": spare, "PAIRS": pairs, "MOST": MOST}
    sizes |= {"FEWEST": rules.fewest, "SINGLES": rules.singles, "REAL": "double" if double else "float"}
    return Unit("exchange", "follow_chains", tuple(sizes.items()))
