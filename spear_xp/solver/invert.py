"""Enters: the gradient of a layer and its weights. Leaves: the batch, each sample certified or not.

The public call: checks, reduces the gradient to its row space, searches, hands back the result.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.errors import ArgumentRangeError, RankError
from spear_xp.numerics.backend import Array, enter
from spear_xp.numerics.random import repeatable, seed_of
from spear_xp.numerics.work import OutOfTime
from spear_xp.overcomplete.table import table_of
from spear_xp.reduction.gradient import checked
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.outcome import result_of, status_of, unread
from spear_xp.solver.published import solve_published
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.executor import Executor
from spear_xp.solver.solver import Observer, Search, solve
from spear_xp.solver.tables.outcome import overcomplete_result
from spear_xp.solver.tables.search import full_rank_of, low_rank_of, search_table
from spear_xp.strategies.portfolio import strategies_of
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["invert"]


def invert(
    grad_w: Array | LayerUpdate,
    grad_b: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    noise: Array | float | None = None,
    batch_size: int | None = None,
    search: str | Strategy | Sequence[str | Strategy] = "auto",
    time_limit: float = 60.0,
    work_limit: float | None = None,
    rng: Any = None,
    on_progress: Callable[[Progress], None] | None = None,
    executor: Executor | None = None,
    false_rejection: float | None = None,
) -> Result:
    """Recover the batch behind the gradient of a fully connected ReLU layer.

    Parameters
    ----------
    grad_w : array, shape (m, n), real floating-point, or LayerUpdate
        dL/dW of the layer ReLU(W x + β), one neuron a row; NumPy, CuPy or torch. A `LayerUpdate` stands for
        all four arrays and for what is known beside them.
    grad_b : array, shape (m,)
        dL/dβ.
    weight : array, shape (m, n)
        W at the step that produced the gradient.
    bias : array, shape (m,)
        β at that step.
    noise : float, or array of shape (m, 1) or (m, n), optional
        Standard deviation of the error of an entry of [grad_w | grad_b] in the units of grad_w, where it is
        known: of all entries, of those of a row, or of each entry of grad_w. It takes the place of an
        estimate.
    batch_size : int, optional
        Number of samples; found from the rank where not given. It counts where the singular values show no
        clear gap; a clear gap beats it. Nothing is certified below the numerical rank. Where there are as
        many samples as dimensions, n + 1, or more, it completes what the gradient leaves open.
    search : str, Strategy, or a sequence of them
        "auto" (strategies that use the weights, in turns by their progress), "sampling" (the published
        attack), "information_set" (the same search made hundreds of times faster), "descent", "peeling",
        a strategy of your own (`spear_xp.reduction.Strategy`), or several of these, which then take turns.
    time_limit : float
        Seconds, positive. Running out of time is no error. A run exceeds the limit by at most a tenth or
        .25 s, whichever is more, unless a single call of LAPACK takes longer.
    work_limit : float, optional
        Multiply-adds as `spear_xp.numerics.work` counts them, positive. It ends a search at the same place on
        every machine, however busy that is.
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7); all of it is drawn on the host. A search that ends by itself, before
        nine tenths of its time limit, gives the same bytes for the same seed, array library and BLAS with as
        many threads.
    on_progress : callable, optional
        Called with a `Progress` after every round of chunks, and at the end.
    executor : Executor, optional
        Runs the turns of the strategies; one after the other where not given. The published attack has none.
    false_rejection : float, optional
        Old place of the argument of that name of `spear_xp.strategies.Sampling`.

    Returns
    -------
    Result
        Inputs with error bars, which of them are certified, and a status that says what to try next.

    Raises
    ------
    SpearError
        One of its subclasses on bad input; the message names argument, value and legal range.

    Notes
    -----
    The published search needs about 2^(b-1) H_b subsets; `spear_xp.estimate` says how long that is.
    With more samples than features the gradient has full rank; "auto" then peels samples off it one by one,
    and `batch_size` of the result is None unless nothing is left to explain.
    KeyboardInterrupt ends the search, and what is certified until then is returned.

    References
    ----------
    .. [1] D. I. Dimitrov, M. Baader, M. N. Müller, M. Vechev, "SPEAR: Exact Gradient Inversion of
       Batches in Federated Learning", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from spear_xp import invert
    >>> from spear_xp.updates import synthetic
    >>> truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(5, 40, rng=0), width=80, rng=0)
    >>> result = invert(*truth.observed, rng=0)
    >>> result.status.name, result.batch_size, result.success
    ('EXACT', 5, True)
    """
    if isinstance(grad_w, LayerUpdate):
        _check_alone(grad_b=grad_b, weight=weight, bias=bias, noise=noise)
        (grad_w, grad_b, weight, bias), noise = grad_w, grad_w.noise
    _check_limits(time_limit=time_limit, work_limit=work_limit)
    clock = Clock(time_limit, work_limit)
    strategies = strategies_of(_renamed(search, false_rejection))
    rng, given = repeatable(rng)
    seed = seed_of(rng)
    space, arrays, leave = enter(grad_w=grad_w, grad_b=grad_b, weight=weight, bias=bias)
    about: dict[str, Any] = {"seed": given, "dtype": arrays["grad_w"].dtype, "leave": leave}
    problem = state = table = None
    try:
        with clock.stage("factorize"):
            gradient = checked(space, arrays, clock.before_limit)
            low_rank = low_rank_of(gradient, batch_size, noise, clock)
            if search == "auto" and noise is None:
                factorization = None if isinstance(low_rank, RankError) else low_rank[1]
                table = table_of(gradient, factorization, clock.before_limit)
        if table is not None:
            search_table(table, clock, on_progress, batch_size)
            if table.settles(batch_size):
                return overcomplete_result(table, clock, expected=batch_size, **about)
        with clock.stage("factorize"):
            full = table is not None and table.fills(batch_size)
            low_rank = full_rank_of(gradient, clock) if full else low_rank
            if isinstance(low_rank, RankError):
                if table is not None:
                    return overcomplete_result(table, clock, expected=batch_size, **about)
                raise low_rank
            gradient, factorization, decay = low_rank
            problem = reduce(gradient, factorization, keep_going=clock.before_limit)
        chosen = strategies(problem)
        state = Search.begin(problem, chosen, _threshold(problem, chosen))
        state.expected, state.weight_decay = factorization.expected, decay.of_weight
        observer = _observer(problem, clock, on_progress)
        if len(chosen) == 1 and isinstance(chosen[0], Sampling):
            solve_published(problem, chosen[0], state, clock, seed=seed, observer=observer)
        else:
            solve(problem, state, clock, seed=seed, executor=executor, observer=observer)
        status = status_of(state, problem, clock)
        observer(state, chosen[0].name, "done")
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    except OutOfTime:  # only before the search, which catches it
        status = Status.TIME_LIMIT
    if table is not None and (state is None or state.best.certified < table.proofs.certified.sum()):
        stopped = status if problem is None else None
        return overcomplete_result(table, clock, stopped, expected=batch_size, **about)
    if problem is None or state is None:
        return unread(space, int(arrays["grad_w"].shape[-1]), status, clock, **about)
    return result_of(problem, state, status, clock, **about)


def _threshold(problem: Problem, strategies: Sequence[Strategy]) -> int | None:
    """That of the published attack; the kernels of other strategies are confirmed by spare rows."""
    if len(strategies) == 1 and isinstance(strategies[0], Sampling):
        return sparsity_threshold(problem.width, problem.rank, strategies[0].false_rejection)
    return None


def _observer(problem: Problem, clock: Clock, on_progress: Callable[[Progress], None] | None) -> Observer:
    def observe(search: Search, strategy: str, stage: Any = "search") -> None:
        if on_progress is None:
            return
        seconds = clock.elapsed
        on_progress(
            Progress(
                stage=stage,
                strategy=strategy,
                certified=search.best.certified,
                batch_size=problem.rank,
                candidates=len(search.pool),
                samples_drawn=search.drawn,
                rate=search.drawn / max(seconds, 1e-9),
                seconds=seconds,
            )
        )

    return observe


def _check_alone(**others: Any) -> None:
    for name, value in others.items():
        if value is not None:
            msg = f"{name} is given beside a LayerUpdate: need the update alone, or the arrays one by one"
            raise ArgumentRangeError(msg)


def _check_limits(**limits: float | None) -> None:
    for name, value in limits.items():
        if value is not None and not value > 0:
            unit = "seconds" if name == "time_limit" else "multiply-adds"
            msg = f"{name}={value!r}: need a positive number of {unit}"
            raise ArgumentRangeError(msg)


def _renamed(
    search: str | Strategy | Sequence[str | Strategy], false_rejection: float | None
) -> str | Strategy | Sequence[str | Strategy]:
    """The search with an argument of version 0.1, which other strategies than the published one ignored."""
    if false_rejection is None:
        return search
    warnings.warn(
        "invert(false_rejection=...) is now search=spear_xp.strategies.Sampling(false_rejection=...)",
        DeprecationWarning,
        stacklevel=3,
    )
    return Sampling(false_rejection=false_rejection) if search == "sampling" else search
