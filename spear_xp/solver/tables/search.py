"""Enters: a gradient, and the clock. Leaves: its factors, or what peeling finds in a share of the limits."""

from collections.abc import Callable
from typing import Any

from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array
from spear_xp.overcomplete.peeling import Peeling
from spear_xp.overcomplete.regime import Regime
from spear_xp.overcomplete.table import Table
from spear_xp.reduction.decay import Decay, without_decay
from spear_xp.reduction.factorization import Factorization, factorize_saturated
from spear_xp.reduction.gradient import Gradient
from spear_xp.solver.result import Progress
from spear_xp.solver.runtime.clock import Clock

__all__ = ["LowRank", "full_rank_of", "low_rank_of", "search_table"]

# chosen: of both limits, for peeling: the rest certifies, or searches for fewer samples than dimensions
SHARES = {Regime.SATURATED: 0.85, Regime.COARSE: 0.5, Regime.STRUCTURED: 0.5}

LowRank = tuple[Gradient, Factorization, Decay]


def search_table(
    table: Table, clock: Clock, on_progress: Callable[[Progress], None] | None, batch_size: int | None = None
) -> None:
    """Search for samples that rows share, and prove them; less long where the gradient has a low rank."""

    def observe(peeling: Peeling, stage: Any = "search") -> None:
        if on_progress is not None:
            found, seconds = peeling.known.count, clock.elapsed
            on_progress(
                Progress(
                    stage=stage,
                    strategy="peeling",
                    certified=int(table.proofs.certified.sum()),
                    batch_size=max(found, table.problem.dimension),
                    candidates=found,
                    samples_drawn=peeling.comparisons,
                    rate=peeling.comparisons / max(seconds, 1e-9),
                    seconds=seconds,
                )
            )

    with clock.stage("peel"):
        table.search(clock.within(SHARES[table.regime]), clock.count, observe)
    with clock.stage("certify"):
        table.prove(clock.before_limit)
    if table.settles(batch_size):
        observe(table.peeling, "done")


def low_rank_of(
    gradient: Gradient, batch_size: int | None, noise: Array | float | None, clock: Clock
) -> LowRank | RankError:
    """The gradient in its factors, or why it has no low rank."""
    try:
        return without_decay(gradient, batch_size, noise=noise, keep_going=clock.before_limit)
    except RankError as error:
        return error


def full_rank_of(gradient: Gradient, clock: Clock) -> LowRank | RankError:
    """The gradient of as many samples as dimensions in its factors, or why it has fewer."""
    try:
        return gradient, factorize_saturated(gradient, keep_going=clock.before_limit), Decay()
    except RankError as error:
        return error
