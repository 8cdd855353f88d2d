"""Enters: sign patterns. Leaves: the linear classifiers that fit them best, all patterns at once."""

from spear_xp.numerics.backend import Array, Namespace, on_device, space_of
from spear_xp.numerics.cuda.hinge import accelerate, shortfall
from spear_xp.numerics.linalg import weighted_gram
from spear_xp.numerics.parts.blocks import blocks, sides
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.work import (
    DOUBLE,
    KeepGoing,
    calls,
    elementwise,
    forever,
    product,
    small_solves,
    weighted_grams,
)

__all__ = ["hyperplanes", "logistic", "regression_work", "separation_work"]

# chosen: of the logistic fit, in units of a pre-activation: thirteen steps from 1 to .02
TEMPERATURES = tuple(0.72**i for i in range(13))
# chosen: share of the identity in the curvature, without which separable patterns have no solution
RIDGE = 1e-3
LARGEST_STEP = 0.5  # chosen: longest Newton step, in units of a pre-activation; longer ones overshoot


def hyperplanes(xp: Namespace, basis: Array, label: Array, counts: Array, steps: int) -> Array:
    """Hyperplanes of least squared hinge loss over the rows that count, by accelerated gradient steps.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    basis : array, shape (m, b)
        Orthonormal columns.
    label, counts : array, shape (m, k)
        Signs, and 1 or 0 for those that count or not.
    steps : int
        Their number.

    Returns
    -------
    array, shape (m, k)
        Margins of the rows: of the sign of the label where the hyperplane is right.
    """

    def fitted(part: slice) -> Array:
        return _margins(xp, basis, label[:, part], counts[:, part], steps)

    return xp.concat(each(fitted, sides(label.shape[1], label.shape[0], device=on_device(xp))), axis=1)


def _margins(xp: Namespace, basis: Array, label: Array, counts: Array, steps: int) -> Array:
    current = ahead = basis.T @ (counts * label)
    momentum = 1.0
    # What a margin is short of 1, with the sign of the label: between 0 and infinity on that side.
    far = xp.where(counts > 0, xp.full_like(label, xp.inf), xp.zeros_like(label))
    least = xp.where(label < 0, -far, xp.zeros_like(far))
    most = xp.where(label > 0, far, xp.zeros_like(far))
    space = space_of(basis)
    short, step = space.fused("shortfall") or shortfall, space.fused("accelerate") or accelerate
    for _ in range(steps):
        last, momentum = momentum, 0.5 + (0.25 + momentum * momentum) ** 0.5
        pull = basis.T @ short(xp, label, basis @ ahead, least, most)
        current, ahead = step(xp, ahead, pull, current, (last - 1) / momentum)
    return basis @ current


def logistic(
    xp: Namespace, offset: Array, features: Array, label: Array, keep_going: KeepGoing = forever
) -> tuple[Array, Array]:
    """Logistic regression of several sign patterns at once, by Newton steps at falling temperature.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    offset : array, shape (m, k)
        Known part of the pre-activations, of size one.
    features : array, shape (m, d)
        Columns of mean square one, orthogonal.
    label : array, shape (m, k)
        Signs, -1 or 1.
    keep_going : callable
        Asked before each part of the patterns; the others get zero coefficients when it says no.

    Returns
    -------
    coefficients : array, shape (d, k)
        y for which `offset + features @ y` has the signs.
    wrong : array, shape (k,)
        Share of the signs that it has not.
    """

    def fitted(part: slice) -> Array:
        return _newton(xp, offset[:, part], features, label[:, part], keep_going)

    parts = each(fitted, blocks(offset.shape[1], features.shape[0] * features.shape[1], device=on_device(xp)))
    y = xp.concat([features.T[:, :0], *parts], axis=1)
    wrong = label * (offset + features @ y) <= 0
    return y, xp.mean(xp.astype(wrong, offset.dtype), axis=0)


def regression_work(m: int, d: int, count: int) -> float:
    """Multiply-adds of `logistic` for so many patterns of m signs in d coefficients."""
    newton = weighted_grams(m, d, count) + small_solves(d, count) + elementwise(m * count, 8)
    return DOUBLE * len(TEMPERATURES) * newton


def separation_work(m: int, b: int, count: int, steps: int) -> float:
    """Multiply-adds of `hyperplanes` for so many patterns."""
    return steps * (2 * product(m, b, count, double=False) + elementwise(m * count, 4) + calls(10))


def _newton(xp: Namespace, offset: Array, features: Array, label: Array, keep_going: KeepGoing) -> Array:
    d = features.shape[1]
    y = xp.zeros((d, offset.shape[1]), dtype=offset.dtype, device=offset.device)
    ridge = RIDGE * features.shape[0] * xp.eye(d, dtype=offset.dtype, device=offset.device)
    for temperature in TEMPERATURES if keep_going() else ():
        margin = label * (offset + features @ y) / temperature
        miss = 1 / (1 + xp.exp(xp.minimum(xp.maximum(margin, -30.0), 30.0)))
        slope = features.T @ (label * miss) / temperature
        weight = miss * (1 - miss) / temperature**2
        curvature = weighted_gram(xp, features, xp.sqrt(weight).T) + ridge
        step = xp.linalg.solve(curvature, slope.T[:, :, None])[:, :, 0].T
        length = xp.linalg.vector_norm(step, axis=0)
        y = y + step * xp.minimum(LARGEST_STEP / (length + RIDGE), 1.0)
    return y
