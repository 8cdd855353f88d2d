"""Enters: the gradient of a layer and its weights. Leaves: the batch, each sample certified or not.

The public call: checks, reduces the gradient to its row space, searches, hands back the result.
"""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor as Workers
from pathlib import Path
from typing import Any

from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.diagnosis.arrays import of_arrays
from spear_xp.diagnosis.causes import words
from spear_xp.errors import ArgumentRangeError, RankError
from spear_xp.numerics.backend import Array, enter
from spear_xp.numerics.random import repeatable, seed_of
from spear_xp.numerics.work import OutOfTime
from spear_xp.reduction.decay import Decay, without_decay
from spear_xp.reduction.factorization import Factorization
from spear_xp.reduction.gradient import Gradient, checked
from spear_xp.reduction.problem import ACCURACY, Problem, reduce
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.outcome import result_of, status_of, unread
from spear_xp.solver.published import solve_published
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.executor import executor_of
from spear_xp.solver.saving.checkpoint import Checkpoint, identity_of, seed_in
from spear_xp.solver.saving.origin import origin_of
from spear_xp.solver.solver import Observer, Search, solve
from spear_xp.strategies.portfolio import strategies_of
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["invert"]

UNITS = {"time_limit": "seconds", "work_limit": "multiply-adds", "data_range": "units of the inputs"}
COARSEST = 0.3  # chosen: relative error from which a sample is no longer the one that it stands for


def invert(
    grad_w: Array | LayerUpdate,
    grad_b: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    noise: Array | float | None = None,
    weight_after: Array | None = None,
    bias_after: Array | None = None,
    accuracy: float = ACCURACY,
    batch_size: int | None = None,
    search: str | Strategy | Sequence[str | Strategy] = "auto",
    time_limit: float = 60.0,
    work_limit: float | None = None,
    rng: Any = None,
    on_progress: Callable[[Progress], None] | None = None,
    executor: Workers | None = None,
    rounds: int = 1,
    data_range: float | None = None,
    checkpoint: str | Path | None = None,
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
    weight_after, bias_after : array, shape (m, n) and (m,), optional
        W and β after all steps of an update of several local steps. They say which masks may have changed on
        the way, which the certificate then allows for.
    accuracy : float
        Relative error that a certified sample may have, in (0, .3]: more is certified of a noisy update.
    batch_size : int, optional
        Number of samples; found from the rank where not given. It counts where the singular values show no
        clear gap; a clear gap beats it. Nothing is certified below the numerical rank.
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
    executor : concurrent.futures.Executor, optional
        Workers for the turns of the strategies: threads, processes, a cluster. The result does not depend on
        their number. A chunk whose worker dies runs again here. The published attack uses no workers.
    rounds : int
        Turns that are handed out at once and see the same state of the search: more than one is needed for
        workers to run side by side, and gives another result than one does.
    data_range : float, optional
        Peak of the predicted PSNR, in the units of the inputs; the range of the certified inputs where not
        given.
    checkpoint : str or Path, optional
        File to keep the state of the search in, written every few seconds. If it is there, the search goes on
        from it, to the same bytes as if it had never stopped, under a `work_limit` or where the search ends
        by itself; the limits count what was spent before. Without `rng`, that of the file is used. A file of
        another gradient, seed, search, device or version is refused. It holds recovered data, and what it
        calls proven is believed: go on from your own files only.
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
        update = grad_w
        _check_alone(
            grad_b=grad_b,
            weight=weight,
            bias=bias,
            noise=noise,
            weight_after=weight_after,
            bias_after=bias_after,
        )
    else:
        update = LayerUpdate(grad_w, grad_b, weight, bias, weight_after, bias_after, noise)
    _check_accuracy(accuracy)
    _check_rounds(rounds)
    runs = executor_of(executor)
    _check_limits(time_limit=time_limit, work_limit=work_limit, data_range=data_range)
    clock = Clock(time_limit, work_limit)
    strategies = strategies_of(_renamed(search, false_rejection))
    kept = None if checkpoint is None else Path(checkpoint)
    rng, given = repeatable(seed_in(kept) if rng is None else rng)
    seed = seed_of(rng)
    space, arrays, leave = enter(**update.arrays)
    options = {"noise": update.noise, "batch_size": batch_size, "search": search, "time_limit": time_limit}
    more = {"work_limit": work_limit, "accuracy": accuracy, "data_range": data_range, "rounds": rounds}
    origin = origin_of(space, arrays["grad_w"], update.assumptions, options | more | {"rng": given})
    about: dict[str, Any] = {"seed": given, "dtype": arrays["grad_w"].dtype, "leave": leave, "origin": origin}
    about["data_range"] = data_range
    problem = state = read = None
    try:
        with clock.stage("factorize"):
            read = checked(space, arrays, clock.before_limit)
            gradient, factorization, decay = _factored(read, batch_size, update.noise, clock)
            problem = reduce(gradient, factorization, accuracy=accuracy, keep_going=clock.before_limit)
        chosen = strategies(problem)
        state = _begun(problem, chosen, factorization, decay)
        with clock.stage("diagnosis"):
            state.diagnosis = of_arrays(read, factorization, decay)
        state.obstacle = next((one for one in state.diagnosis if one.hopeless), None)
        observer = _observer(problem, clock, on_progress)
        identity = None if kept is None else identity_of(problem, chosen, seed, rounds, origin["versions"])
        run: dict[str, Any] = {
            "seed": seed,
            "observer": observer,
            "checkpoint": Checkpoint(kept, identity, given),
        }
        if state.obstacle is not None:
            pass  # no search can succeed
        elif len(chosen) == 1 and isinstance(chosen[0], Sampling):
            solve_published(problem, chosen[0], state, clock, **run)
        else:
            solve(problem, state, clock, executor=runs, rounds=rounds, **run)
        status = status_of(state, problem, clock)
        observer(state, chosen[0].name, "done")
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    except OutOfTime:  # only before the search, which catches it
        status = Status.TIME_LIMIT
    if problem is None or state is None:
        shown = () if read is None else of_arrays(read)
        return unread(space, int(arrays["grad_w"].shape[-1]), status, clock, diagnosis=shown, **about)
    return result_of(problem, state, status, clock, **about)


def _factored(
    gradient: Gradient, batch_size: int | None, noise: Array | float | None, clock: Clock
) -> tuple[Gradient, Factorization, Decay]:
    """Without its weight decay, factored; where that fails the message says what the arrays show."""
    try:
        return without_decay(gradient, batch_size, noise=noise, keep_going=clock.before_limit)
    except RankError as error:
        raise RankError(f"{error}{words(of_arrays(gradient))}") from None


def _begun(
    problem: Problem, strategies: Sequence[Strategy], factorization: Factorization, decay: Decay
) -> Search:
    state = Search.begin(problem, strategies, _threshold(problem, strategies))
    state.expected, state.weight_decay = factorization.expected, decay.of_weight
    state.spectrum = factorization.spectrum
    return state


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


def _check_accuracy(accuracy: float) -> None:
    if not 0 < accuracy <= COARSEST:
        msg = f"accuracy={accuracy!r}: need a relative error in (0, {COARSEST}]"
        raise ArgumentRangeError(msg)


def _check_rounds(rounds: int) -> None:
    if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
        msg = f"rounds={rounds!r}: need an integer >= 1"
        raise ArgumentRangeError(msg)


def _check_limits(**limits: float | None) -> None:
    for name, value in limits.items():
        if value is not None and not value > 0:
            msg = f"{name}={value!r}: need a positive number of {UNITS[name]}"
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
