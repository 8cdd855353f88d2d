"""Enters: features that a layer gave back, and what stands in front of it. Leaves: the data behind them.

The steps between the data and the layer are undone one after the other. Entries of a feature behind a ReLU
that are not zero are exact linear equations of what entered; with as many independent ones as unknowns they
determine it.
"""

from dataclasses import dataclass

import numpy as np

from spear_xp.auditing.chaining.matching import Matches, match
from spear_xp.errors import ShapeError
from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.solver.result import Result
from spear_xp.updates.front import Affine, Dense, Front, Lookup, Relu, Standardise

__all__ = ["UP_TO_SCALE", "Chained", "chain", "none_chained"]

UP_TO_SCALE = "mean and scale of each sample"

BARS = 6.0  # chosen: error bars within which a true value lies; as everywhere in the library

# measured: rounding of a sum in the forward pass, in units of eps and the root of its sum of squares; with 1
# a true face contradicted by 6.1 error bars (lab.md, "Chaining")
SUMS = 2.0
ROUNDED = 1e-3  # chosen: mean, and variance above one, that a LayerNorm may leave of large inputs


@dataclass(frozen=True, slots=True, eq=False)
class Chained:
    """Data behind the features of a layer.

    Attributes
    ----------
    inputs : NumPy array, shape (q, n)
        What entered the model, for the samples that qualify; rows of a table where it begins with one.
    samples : NumPy array of int, shape (q,)
        Which samples of the result they are.
    certified : NumPy array of bool, shape (q,)
        Those whose features are certified; chaining certifies nothing by itself.
    error_bars : NumPy array, shape (q,)
        Standard deviation of the entries of each, as it follows from that of the features. NaN for rows of a
        table.
    residuals : NumPy array, shape (q,)
        How far the equations contradict each other, in error bars: near 1 or below where they agree.
    reasons : tuple of str
        For each sample of the result why it does not qualify; empty for those that do.
    matches : Matches or None
        Rows of the table that the model begins with, one for each sample that qualifies; several, one after
        the other, where a sample is a flattened sequence of them, and then all have to be claimed.
    up_to : str
        What stays open; empty where nothing does. Behind a LayerNorm it is the mean and the scale of each
        sample: inputs are what entered it with mean 0 and variance 1, and none counts as certified.
    """

    inputs: Host
    samples: Host
    certified: Host
    error_bars: Host
    residuals: Host
    reasons: tuple[str, ...]
    matches: Matches | None = None
    up_to: str = ""


class _Undetermined(Exception):  # noqa: N818  # its text is the reason why a sample does not qualify
    """What entered a step does not follow from what left it."""


def chain(result: Result, front: Front, *, keep_going: KeepGoing = forever) -> Chained:
    """Undo what a model computes in front of a layer.

    Parameters
    ----------
    result : Result
        What `invert` gave for the layer.
    front : tuple of Step
        From the data to the layer: `Dense`, `Relu`, `Affine`, `Standardise` and, first, `Lookup` of
        `spear_xp.updates.front`; `ModelLayer.front` has it for models of torch. What stands in front of the
        last `Standardise` does not count.
    keep_going : callable
        Asked before each sample.

    Returns
    -------
    Chained

    Raises
    ------
    ShapeError
        If a step does not have as many entries as the features.

    Notes
    -----
    A sample qualifies if the entries that are not zero determine what entered each layer, and what entered
    explains all entries within six error bars. That costs O(m n²) for each sample and layer, in one call of
    LAPACK that cannot be interrupted.

    Examples
    --------
    >>> import numpy as np
    >>> from spear_xp import invert
    >>> from spear_xp.updates import synthetic
    >>> data = synthetic.gaussian_inputs(5, 20, rng=0)
    >>> rng = np.random.default_rng(0)
    >>> weight, bias = rng.standard_normal((80, 20)) / 5, rng.standard_normal(80) / 5
    >>> features = np.maximum(data @ weight.T + bias, 0).astype("float32")
    >>> truth = synthetic.mlp_gradient(features, width=200, rng=0)
    >>> found = chain(invert(*truth.observed, rng=0), (Dense(weight, bias), Relu()))
    >>> bool(found.certified.all()), bool(np.abs(found.inputs[:, None] - data).max(axis=2).min() < 1e-5)
    (True, True)
    """
    # A factor that all samples have in common is no noise of entries: the chain is at the scale of grad_b.
    own = result.trace.own_bars
    values = to_host(result.inputs)
    bars = to_host(result.error_bars).astype(float)
    bars = bars if own is None else np.where(np.isfinite(bars), own, bars)
    eps = float(np.finfo(values.dtype).eps)
    norms = [k for k, step in enumerate(front) if isinstance(step, Standardise)]
    front = front[norms[-1] :] if norms else front
    table = front[0].table if front and isinstance(front[0], Lookup) else None
    steps = front if table is None else front[1:]
    found, reasons = [], []
    for k in range(len(values)):
        try:
            if not keep_going():
                raise _Undetermined("no time was left: raise time_limit")  # noqa: TRY301
            found.append((k, *_undone(values[k].astype(float), bars[k], steps, eps)))
            reasons.append("")
        except _Undetermined as why:
            reasons.append(str(why))
    samples = np.asarray([one[0] for one in found], dtype=int)
    inputs = np.asarray([one[1] for one in found]) if found else np.zeros((0, 0))
    errors = np.asarray([one[2] for one in found], dtype=float)
    residuals = np.asarray([one[3] for one in found], dtype=float)
    certified = to_host(result.certified)[samples].astype(bool)
    if norms:
        nothing = np.zeros(len(found), bool)
        return Chained(inputs, samples, nothing, errors, residuals, tuple(reasons), up_to=UP_TO_SCALE)
    if table is None or not found:
        return Chained(inputs, samples, certified, errors, residuals, tuple(reasons))
    rows = to_host(table)
    tokens = inputs.shape[1] // rows.shape[1] if inputs.shape[1] % rows.shape[1] == 0 else 1
    matches = match(inputs.reshape(len(found) * tokens, -1), rows, np.repeat(errors, tokens))
    return Chained(
        rows[matches.rows].reshape(inputs.shape),
        samples,
        certified & matches.claimed.reshape(-1, tokens).all(axis=1),
        np.full(len(found), np.nan),
        residuals,
        tuple(reasons),
        matches,
    )


def none_chained(result: Result, why: str) -> Chained:
    """No sample qualifies, all for one reason."""
    none = np.zeros(0)
    count = len(to_host(result.inputs))
    return Chained(np.zeros((0, 0)), none.astype(int), none.astype(bool), none, none, (why,) * count)


def _undone(values: Host, bar: float, steps: Front, eps: float) -> tuple[Host, float, float]:
    """What entered the first step, shape (n,), its error bar, and the largest residual on the way.

    The error is carried along as the product of a matrix with independent unit errors, or a vector where that
    matrix is diagonal. `side` is 0 where a value is known, and else 1 or -1 where it is a bound from above or
    from below.
    """
    if not np.isfinite(bar):
        raise _Undetermined("its features are tentative")
    error, side, worst = np.full(len(values), bar), np.zeros(len(values)), 0.0
    for step in reversed(steps):
        if isinstance(step, Dense):
            values, error, residual = _solved(step, values, error, side, eps)
            side, worst = np.zeros(len(values)), max(worst, residual)
        elif isinstance(step, Affine | Standardise):
            scale, shift = (_spread(one, len(values)) for one in (step.scale, step.shift))
            if not scale.all():
                raise _Undetermined("a channel in front of the layer is multiplied by zero")
            error = _with(error, eps * (np.abs(values) + np.abs(shift)))  # the model has rounded them
            error = (error.T / np.abs(scale)).T
            values, side = (values - shift) / scale, side * np.sign(scale)
            if isinstance(step, Standardise):
                _check_standardised(values, error, side)
        elif isinstance(step, Relu):
            limit = BARS * _sizes(error)
            if (values < -limit).any():
                raise _Undetermined("features are negative behind a ReLU")
            side = np.where(values > limit, 0.0, 1.0)
    if side.any():
        raise _Undetermined("the ReLU in front of the layer hides what is not positive")
    return values, float(np.sqrt((_sizes(error) ** 2).mean())), worst


def _check_standardised(values: Host, error: Host, side: Host) -> None:
    """Raise where rows that were standardised have another mean, or a larger variance, than these have.

    Their variance is a little below one, as a LayerNorm adds a small number to that of its inputs.
    """
    if side.any():
        raise _Undetermined("the ReLU in front of the layer hides what is not positive")
    n, errors = len(values), error if error.ndim == 2 else np.diag(error)
    weights = np.stack([np.ones(n), 2 * values]) / n  # of the mean, and of the variance
    bars = BARS * np.linalg.norm(weights @ errors, axis=1)
    if abs(values.mean()) > bars[0] + ROUNDED or (values**2).mean() - 1 > bars[1] + ROUNDED:
        raise _Undetermined(
            "features are not standardised: a LayerNorm with other parameters stands in front"
        )


def _solved(step: Dense, values: Host, error: Host, side: Host, eps: float) -> tuple[Host, Host, float]:
    """Least squares on the entries that are known; the others have to keep to their bounds."""
    weight = to_host(step.weight).astype(float)
    bias = np.zeros(len(weight)) if step.bias is None else to_host(step.bias).astype(float)
    if len(weight) != len(values):
        msg = f"a layer of {len(weight)} neurons stands in front of {len(values)} features: need as many"
        raise ShapeError(msg)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise _Undetermined("weights in front of the layer are not finite")
    known = side == 0
    rows, n = weight[known], weight.shape[1]
    if len(rows) < n:
        raise _Undetermined(f"{len(rows)} of {len(weight)} neurons in front are active, for {n} unknowns")
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    rank = int((singular > max(rows.shape) * eps * singular[0]).sum())
    if rank < n:
        raise _Undetermined(f"active neurons in front determine {rank} of {n} unknowns")
    inverse = (right.T / singular) @ left.T
    inputs = inverse @ (values[known] - bias[known])
    error = _with(error, SUMS * eps * np.sqrt((weight**2) @ (inputs**2) + bias**2))
    carried = inverse * error[known] if error.ndim == 1 else inverse @ error[known]
    difference = weight @ inputs + bias - values
    off = np.where(known, np.abs(difference), np.maximum(side * difference, 0.0))
    bars = np.hypot(_sizes(error), _sizes(weight @ carried))
    off = np.divide(off, bars, where=bars > 0, out=np.where(off > 0, np.inf, 0.0))
    if off.max() > BARS:
        row = int(off.argmax())
        raise _Undetermined(f"neuron {row} in front contradicts the others by {off.max():.3g} error bars")
    return inputs, carried, float(np.sqrt((off**2).mean()))


def _spread(numbers: Host, entries: int) -> Host:
    """One number for each entry."""
    given = to_host(numbers).astype(float)
    channels = len(given) if given.ndim == 2 else 1
    if entries % channels or (given.ndim == 1 and given.size != entries):
        msg = f"{given.size} numbers of an Affine stand in front of {entries} features: need a divisor"
        raise ShapeError(msg)
    return np.broadcast_to(given, (channels, entries // channels)).reshape(-1)


def _with(error: Host, more: Host) -> Host:
    """With one more independent error of each entry."""
    return np.hypot(error, more) if error.ndim == 1 else np.c_[error, np.diag(more)]


def _sizes(error: Host) -> Host:
    """Standard deviation of each entry."""
    return np.abs(error) if error.ndim == 1 else np.linalg.norm(error, axis=1)
