"""Enters: the gradient of a layer and its weights. Leaves: the batch, each sample proven or not.

The public call: checks, reduces the gradient to its row space, runs the loop, hands back the result.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

from spear_xp.candidates.refit import SPARE
from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import Array, enter
from spear_xp.numerics.random import seed_of
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import checked
from spear_xp.reduction.problem import reduce
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.solver import Solver
from spear_xp.strategies.portfolio import STRATEGIES

__all__ = ["invert"]


def invert(
    grad_w: Array,
    grad_b: Array,
    weight: Array,
    bias: Array,
    *,
    batch_size: int | None = None,
    search: Literal["auto", "sampling", "information_set", "descent", "peeling"] = "auto",
    time_limit: float = 60.0,
    false_rejection: float = 1e-9,
    rng: Any = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Recover the batch behind the gradient of a fully connected ReLU layer.

    Parameters
    ----------
    grad_w : array, shape (m, n), real floating-point
        dL/dW of the layer ReLU(W x + β), one neuron a row; NumPy, CuPy or torch.
    grad_b : array, shape (m,)
        dL/dβ.
    weight : array, shape (m, n)
        W at the step that produced the gradient.
    bias : array, shape (m,)
        β at that step.
    batch_size : int, optional
        Number of samples, from 1 to the numerical rank; found from the rank where not given. Nothing is
        certified below the numerical rank.
    search : {"auto", "sampling", "information_set", "descent", "peeling"}
        Strategy: "sampling" is the published attack, "information_set" the same search made hundreds of
        times faster, "auto" those that use the weights, in turns by their progress.
    time_limit : float
        Seconds for the search, positive. Running out of time is no error.
    false_rejection : float
        Probability in (0, 1) that a column of D, zero on each row with probability 1/2, shows fewer
        zeros than the sparsity threshold.
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7); all of it is drawn on the host.
    on_progress : callable, optional
        Called with a `Progress` after every chunk.

    Returns
    -------
    Result
        Inputs with error bars, which of them are proven, and a status that says what to try next.

    Raises
    ------
    SpearError
        One of its subclasses on bad input; the message names argument, value and legal range.

    Notes
    -----
    The published search needs about 2^(b-1) H_b subsets; `spear_xp.estimate` says how long that is.

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
    >>> result.status.name, result.batch_size, bool(result.certified.all())
    ('EXACT', 5, True)
    """
    started = time.perf_counter()
    _check_options(search, time_limit, false_rejection)
    seed = seed_of(rng)
    space, arrays, leave = enter(grad_w=grad_w, grad_b=grad_b, weight=weight, bias=bias)
    gradient = checked(space, arrays)
    problem = reduce(gradient, factorize(gradient, batch_size))
    # The other strategies need no threshold against chance: their kernels are confirmed by spare rows.
    threshold = (
        sparsity_threshold(problem.width, problem.rank, false_rejection)
        if search == "sampling"
        else problem.rank + SPARE
    )
    loop = Solver(problem, search, threshold, started, time_limit, on_progress)
    loop.spent("factorize", started)
    try:
        status = loop.run(seed)
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    return loop.result(status, gradient.grad_w.dtype, leave)


def _check_options(search: str, time_limit: float, false_rejection: float) -> None:
    if search not in STRATEGIES:
        msg = f"search={search!r}: need one of {', '.join(map(repr, STRATEGIES))}"
        raise ArgumentRangeError(msg)
    if not time_limit > 0:
        msg = f"time_limit={time_limit!r}: need a positive number of seconds"
        raise ArgumentRangeError(msg)
    if not 0 < false_rejection < 1:
        msg = f"false_rejection={false_rejection!r}: need a probability in (0, 1)"
        raise ArgumentRangeError(msg)
