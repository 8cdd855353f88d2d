"""Enters: a gradient as a table, and the clock. Leaves: what peeling finds in a share of the limits."""

from collections.abc import Callable
from typing import Any

from spear_xp.overcomplete.peeling import Peeling
from spear_xp.overcomplete.proofs import ACCURACY
from spear_xp.overcomplete.regime import Regime
from spear_xp.overcomplete.table import Table
from spear_xp.solver.result import Progress
from spear_xp.solver.runtime.clock import Clock

__all__ = ["search_table"]

# chosen: of both limits, for peeling: the rest certifies, or searches for fewer samples than dimensions
SHARES = {Regime.SATURATED: 0.85, Regime.COARSE: 0.5, Regime.STRUCTURED: 0.5}


def search_table(
    table: Table,
    clock: Clock,
    on_progress: Callable[[Progress], None] | None,
    batch_size: int | None = None,
    accuracy: float = ACCURACY,
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
        limit, flats = clock.within(SHARES[table.regime]), not table.fills(batch_size)
        table.search(limit, clock.count, observe, flats=flats)
    with clock.stage("certify"):
        table.prove(clock.before_limit, accuracy)
    if table.settles(batch_size):
        observe(table.peeling, "done")
