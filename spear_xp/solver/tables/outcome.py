"""Enters: a search by peeling that has ended. Leaves: the `Result`, certified samples first."""

from collections.abc import Callable
from typing import Any

from spear_xp.diagnosis.causes import Cause
from spear_xp.numerics.backend import Array, to_host
from spear_xp.overcomplete.table import Table
from spear_xp.solver.outcome import predicted_psnr, range_of
from spear_xp.solver.result import Result, Status, Trace
from spear_xp.solver.runtime.clock import Clock

__all__ = ["overcomplete_result"]

PEELED = "peeling with spans"
MORE = "the batch has at least {} samples, more than dimensions: the gradient does not tell how many"
NO_MORE = "no row that could show another sample is left: batch_size={}, if it is known, completes the batch"
NO_SHARED_ROWS = (
    "the gradient has no low rank, and no two rows agree on a sample: there are more samples than features "
    "and no quiet rows, or as many as dimensions (then batch_size={} helps), or several batches, or noise"
)


def overcomplete_result(
    table: Table,
    clock: Clock,
    status: Status | None = None,
    *,
    expected: int | None,
    seed: int | None,
    dtype: Any,
    leave: Callable[[Array], Array],
    origin: dict[str, Any],
    data_range: float | None = None,
    diagnosis: tuple[Cause, ...] = (),
) -> Result:
    """The result of peeling, where the batch has more samples than the gradient has dimensions.

    Their number is known only where nothing is left to explain: then, and where the caller gives one that is
    not too small, it is the batch size.
    """
    known, proofs, problem = table.known, table.proofs, table.problem
    xp, asarray = problem.space.xp, problem.space.asarray
    order = to_host(sorted(range(known.count), key=lambda k: (bool(proofs.reasons[k]), k))).astype(int)
    place = problem.space.indices(order)
    certified = proofs.certified[order] if known.count else proofs.certified
    inputs = xp.astype(problem.inputs(xp.take(known.points, place, axis=0)), dtype)
    rounding = float(xp.finfo(dtype).eps) * xp.max(xp.abs(inputs), axis=1) if known.count else 0.0
    status = status or _status_of_peeling(table, clock, expected)
    complete = status in {Status.EXACT, Status.CERTIFIED}
    sure = int(certified.sum())
    more = (
        bool(proofs.unexplained) or sure < known.count
    )  # mixtures among the others may stand for each other
    least = max(problem.dimension, sure + more)
    size = known.count if complete else expected if expected is not None and expected >= least else None
    found = MORE.format(least) if more else NO_MORE.format(known.count)
    why = found if known.count else NO_SHARED_ROWS.format(problem.dimension)
    bars = asarray(proofs.error_bars[order] if known.count else proofs.error_bars) + rounding
    peak = data_range or range_of(problem.space, inputs, certified)
    return Result(
        inputs=leave(inputs),
        certified=leave(asarray(certified, dtype=xp.bool)),
        direction_certified=leave(asarray(certified, dtype=xp.bool)),
        error_bars=leave(bars),
        status=status,
        batch_size=size,
        reasons=tuple(proofs.reasons[int(k)] for k in order),
        missing=() if complete else (why,) * (1 if size is None else size - known.count),
        evidence=None,
        seed=seed,
        trace=Trace(
            directions=leave(
                xp.zeros((problem.dimension, 0), dtype=problem.space.dtype, device=problem.space.device)
            ),
            sources=(PEELED,) * known.count,
            samples_drawn=table.peeling.comparisons,
            candidates=known.count,
            noise_level=problem.unit_roundoff,
            expected=expected,
            numerical_rank=problem.dimension,
            seconds={**clock.seconds, "total": clock.elapsed},
            work=clock.work,
            residuals=to_host(problem.noise[:0]),
            singular_values=to_host(problem.noise[:0]),
            **origin,
        ),
        psnr=predicted_psnr(to_host(bars), peak),
        diagnosis=diagnosis,
    )


def _status_of_peeling(table: Table, clock: Clock, expected: int | None) -> Status:
    known, proofs = table.known, table.proofs
    if table.exact or (proofs.complete and expected == known.count):
        return Status.EXACT if proofs.exact else Status.CERTIFIED
    if proofs.certified.any():
        return Status.PARTIAL
    if known.count:
        return Status.UNCERTIFIED
    return Status.HOPELESS if clock.before_limit() else Status.TIME_LIMIT
