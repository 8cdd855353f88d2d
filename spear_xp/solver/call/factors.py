"""Enters: a checked gradient. Leaves: its factors, or the table that it is where it has no low rank."""

from collections.abc import Sequence

from spear_xp.diagnosis.arrays import of_arrays
from spear_xp.diagnosis.causes import words
from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array
from spear_xp.overcomplete.behind.chain import Chain
from spear_xp.overcomplete.table import Table, table_of
from spear_xp.reduction.decay import Decay, without_decay
from spear_xp.reduction.factorization import Factorization, factorize_saturated
from spear_xp.reduction.gradient import Gradient
from spear_xp.solver.runtime.clock import Clock

__all__ = ["LowRank", "low_rank", "settled", "table_in"]

LowRank = tuple[Gradient, Factorization, Decay]


def low_rank(
    gradient: Gradient, batch_size: int | None, noise: Array | float | None, clock: Clock
) -> LowRank | RankError:
    """The gradient in its factors, or why it has no low rank."""
    try:
        with clock.stage("factorize"):
            return without_decay(gradient, batch_size, noise=noise, keep_going=clock.before_limit)
    except RankError as error:
        return error


def table_in(
    gradient: Gradient,
    factors: LowRank | RankError,
    clock: Clock,
    kinds: Sequence[str] | None = None,
    behind: Chain | None = None,
) -> Table | None:
    """The gradient as a table, where it may hold more samples than dimensions."""
    with clock.stage("factorize"):
        factorization = None if isinstance(factors, RankError) else factors[1]
        if factorization is None and any(one.hopeless for one in of_arrays(gradient)):
            return None
        return table_of(gradient, factorization, clock.before_limit, kinds, behind)


def settled(
    gradient: Gradient,
    factors: LowRank | RankError,
    table: Table | None,
    batch_size: int | None,
    clock: Clock,
) -> LowRank | Table:
    """Factors for a search; the table where peeling has settled it, or is all that can be done.

    Raises
    ------
    RankError
        If there is neither a low rank nor a table; it says what the arrays show.
    """
    if table is not None and table.fills(batch_size):
        factors = _full_rank(gradient, clock)
    if table is not None and (table.settles(batch_size) or isinstance(factors, RankError)):
        return table
    if isinstance(factors, RankError):
        raise RankError(f"{factors}{words(of_arrays(gradient))}") from None
    return factors


def _full_rank(gradient: Gradient, clock: Clock) -> LowRank | RankError:
    """The gradient of as many samples as dimensions in its factors, or why it has fewer."""
    try:
        with clock.stage("factorize"):
            return gradient, factorize_saturated(gradient, keep_going=clock.before_limit), Decay()
    except RankError as error:
        return error
