"""Enters: the gradient of a layer and its weights. Leaves: the batch, each sample certified or not.

The public call: checks, reduces the gradient to its row space, searches, hands back the result.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor as Workers
from functools import partial
from pathlib import Path
from typing import Any

from spear_xp.diagnosis.arrays import of_arrays
from spear_xp.numerics.backend import Array, enter, on_its_device
from spear_xp.numerics.random import repeatable, seed_of
from spear_xp.numerics.work import OutOfTime
from spear_xp.overcomplete.behind.chain import chain_of
from spear_xp.overcomplete.table import Table
from spear_xp.reduction.completion.mask import known_alone
from spear_xp.reduction.gradient import checked
from spear_xp.reduction.problem import ACCURACY, reduce
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.call.arguments import check_numbers, kinds_of, renamed, update_of
from spear_xp.solver.call.behind import with_layers_behind
from spear_xp.solver.call.factors import settled, table_in
from spear_xp.solver.call.gauges import gauges
from spear_xp.solver.call.missing import read_factors, without_lost
from spear_xp.solver.call.start import begun, method_of, observer_of
from spear_xp.solver.outcome import result_of, status_of, unread
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.executor import executor_of
from spear_xp.solver.saving.checkpoint import Checkpoint, identity_of, seed_in
from spear_xp.solver.saving.origin import origin_of
from spear_xp.solver.tables.outcome import overcomplete_result
from spear_xp.solver.tables.search import search_table
from spear_xp.strategies.portfolio import strategies_of
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["invert"]


@on_its_device
def invert(
    grad_w: Array | LayerUpdate,
    grad_b: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    noise: Array | float | None = None,
    observed: Array | None = None,
    weight_after: Array | None = None,
    bias_after: Array | None = None,
    accuracy: float = ACCURACY,
    batch_size: int | None = None,
    feature_kinds: Sequence[str] | None = None,
    behind: Sequence[tuple[Array, Array]] | None = None,
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
    grad_b : array, shape (m,), optional
        dL/dβ. Where it was not sent, samples are certified up to their scale: see `Status.SCALE_OPEN`.
    weight : array, shape (m, n)
        W at the step that produced the gradient.
    bias : array, shape (m,), optional
        β at that step; None, as grad_b then is, where the layer has none.
    noise : float, or array of shape (m, 1) or (m, n), optional
        Standard deviation of the error of an entry of [grad_w | grad_b] in the units of grad_w, where it is
        known: of all entries, of those of a row, or of each entry of grad_w. It takes the place of an
        estimate.
    observed : array of bool, shape (m, n) or (m, n + 1), optional
        True where an entry of grad_w (and, in a last column more, of grad_b) is as the client computed it.
        The others are completed from these, whatever stands in their place, NaN too. Where it is not given,
        zeros of top-k and of random masks and entries clipped to one magnitude are found from the arrays.
        Where entries are missing, the noise is measured, whatever was given as `noise`.
    weight_after, bias_after : array, shape (m, n) and (m,), optional
        W and β after all steps of an update of several local steps. They say which masks may have changed on
        the way, which the certificate then allows for.
    accuracy : float
        Relative error that a certified sample may have, in (0, .3]: more is certified of a noisy update.
    batch_size : int, optional
        Number of samples; found from the rank where not given. It counts where the singular values show no
        clear gap; a clear gap beats it. Nothing is certified below the numerical rank. Where there are as
        many samples as dimensions, n + 1, or more, it completes what the gradient leaves open.
    feature_kinds : sequence of str, length n, optional
        "real", "integer" or "one-hot:GROUP" of each input, as the layer sees it: a group is 0 and a single 1
        there. With more samples than features, single rows then tell samples by their one-hot groups. It
        changes what is found, and not what a certificate asks for. A `LayerUpdate` may have its own.
    behind : sequence of (weight, bias), optional
        Fully connected layers behind this one, before the step, in their order: a ReLU stands in front of
        each, the loss is the mean cross-entropy behind a softmax, or behind a sigmoid of a single output, and
        `batch_size` is its number of samples. With more samples than features they say how much of each is in
        every row; known samples are taken out of the rows, and what is left tells others. With fewer they
        tell the scale of samples and their labels, and several samples in one.
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
        by itself; the limits count what was spent before. Without grad_b the short parts before and after the
        longest one run again. Without `rng`, that of the file is used. A file of another gradient, seed,
        search, device or version is refused. It holds recovered data, and what it calls proven is believed:
        go on from your own files only.
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
    known = {"noise": noise, "observed": observed, "weight_after": weight_after, "bias_after": bias_after}
    update = update_of(grad_w, grad_b, weight, bias, **known)
    limits = {"time_limit": time_limit, "work_limit": work_limit, "data_range": data_range}
    check_numbers(accuracy=accuracy, rounds=rounds, **limits)
    runs, clock = executor_of(executor), Clock(time_limit, work_limit)
    strategies = strategies_of(renamed(search, false_rejection))
    kept = None if checkpoint is None else Path(checkpoint)
    rng, given = repeatable(seed_in(kept) if rng is None else rng)
    seed = seed_of(rng)
    space, arrays, leave = enter(**update.arrays)
    options = {
        "noise": update.noise,
        "observed": update.observed,
        "batch_size": batch_size,
        "feature_kinds": kinds_of(feature_kinds, update, arrays["grad_w"]),
        "behind": behind,
        "search": search,
        **limits,
        "accuracy": accuracy,
        "rounds": rounds,
        "rng": given,
    }
    origin = origin_of(space, arrays["grad_w"], update, options)
    about = {
        "seed": given,
        "origin": origin,
        "data_range": data_range,
        "leave": leave,
        "dtype": arrays["grad_w"].dtype,
    }
    problem = state = read = table = chain = factors = None
    try:
        with clock.stage("factorize"):
            read = checked(space, known_alone(space, arrays, update.observed), clock.before_limit)
        chain = chain_of(behind, int(read.grad_w.shape[0]), batch_size)
        reading = read_factors(read, update, batch_size, clock)
        if reading.hopeless:
            return unread(space, read.columns - 1, Status.HOPELESS, clock, diagnosis=reading.causes, **about)
        if search == "auto" and update.noise is None and reading.whole and read.scaled:
            table = table_in(read, reading.factors, clock, options["feature_kinds"], chain)
        if table is not None:
            search_table(table, clock, on_progress, batch_size, accuracy)
        factors = settled(read, reading.factors, table, batch_size, clock)
        if isinstance(factors, Table):
            return overcomplete_result(
                factors, clock, expected=batch_size, diagnosis=of_arrays(read), **about
            )
        with clock.stage("factorize"):
            problem = reduce(*factors[:2], accuracy=accuracy, keep_going=clock.before_limit)
        chosen = strategies(problem)
        state = begun(problem, chosen, reading, factors, clock)
        observer = observer_of(problem, clock, on_progress)
        identity = None if kept is None else identity_of(problem, chosen, seed, rounds, origin["versions"])
        run: dict[str, Any] = {"clock": clock, "seed": seed, "observer": observer}
        if state.obstacle is None:  # otherwise no search can succeed
            begin = partial(begun, strategies=chosen, reading=reading, factors=factors, clock=clock)
            method, stages = method_of(chosen, runs, rounds), gauges(problem, state, begin, clock)
            for problem, state, enough, longest in stages:
                file = Checkpoint(kept, identity, given) if longest else Checkpoint()
                method(problem, search=state, enough=enough, checkpoint=file, **run)
        status = status_of(state, problem, clock)
        observer(state, chosen[0].name, "done")
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    except OutOfTime:  # only before the search, which catches it
        status = Status.TIME_LIMIT
    if table is not None and (state is None or table.outdoes(state.best.certified)):
        stopped = status if problem is None else None
        return overcomplete_result(table, clock, stopped, expected=batch_size, **about)
    if problem is None or state is None:
        shown = () if read is None else of_arrays(read)
        return unread(space, int(arrays["grad_w"].shape[-1]), status, clock, diagnosis=shown, **about)
    return without_lost(
        with_layers_behind(
            result_of(problem, state, status, clock, **about), problem, factors, chain, clock, data_range
        ),
        reading,
        accuracy,
    )
