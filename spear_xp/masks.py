"""Enters: zero patterns of candidate directions. Leaves: which of them some input could have caused.

A mask is the sign pattern of W x + β, so a hyperplane in the coordinates of the row space separates its
active rows from its inactive ones. Few other patterns of m rows have one in b << m dimensions: those of
mixtures of samples do not, however many zeros these have.
"""

import math
from dataclasses import dataclass

from spear_xp._arrays import Array, Host, Namespace, to_host
from spear_xp.problem import Problem

__all__ = ["EXACT_FLIPS", "MaskTest", "logistic", "tolerated"]

TEMPERATURES = tuple(0.72**i for i in range(13))  # of the logistic fit, in units of a pre-activation
RIDGE = 1e-3
LARGEST_STEP = 0.5
FEW, MANY = (
    40,
    160,
)  # steps towards the best hyperplane, of all patterns and of those that are not separated yet
EXACT_FLIPS = 2  # rows on which a mask and the zero pattern of its direction may differ
WRONG = 0.02  # share of rows on which the best hyperplane may err: noise, several local steps
STRICT = 0.004  # the same where most candidates have none
COMMON = 3.0  # times the typical misfit that passes


@dataclass(frozen=True, slots=True, eq=False)
class MaskTest:
    """The test of one problem.

    Attributes
    ----------
    problem : Problem
    basis : array, shape (m_live, b)
        Orthonormal basis of the pre-activations that any input in the row space can have.
    """

    problem: Problem
    basis: Array

    @classmethod
    def of(cls, problem: Problem) -> "MaskTest":
        """The test for the layer of a problem."""
        return cls(problem, problem.space.xp.linalg.qr(problem.layer).Q)

    def misfits(self, zero: Array) -> Host:
        """Share of rows on which a good hyperplane errs, for zero patterns of shape (m_live, k); shape (k,).

        Few steps separate most masks; where many leave some rows wrong, but no more than a mask may have,
        Newton steps decide.
        """
        xp, space = self.problem.space.xp, self.problem.space
        one = xp.ones(zero.shape, dtype=space.dtype, device=space.device)
        label = xp.where(zero, -one, one)
        quick, basis = xp.astype(label, xp.float32), xp.astype(self.basis, xp.float32)
        wrong = to_host(_errors(xp, basis, quick, FEW)).copy()
        open_ = wrong.nonzero()[0]
        if len(open_):
            wrong[open_] = to_host(_errors(xp, basis, xp.take(quick, space.indices(open_), axis=1), MANY))
        open_ = ((wrong > 0) & (wrong < WRONG)).nonzero()[0]
        if len(open_):
            label = xp.take(label, space.indices(open_), axis=1)
            features = self.basis * self.problem.width**0.5
            wrong[open_] = to_host(logistic(xp, xp.zeros_like(label), features, label)[1])
        return wrong


def _errors(xp: Namespace, basis: Array, label: Array, steps: int) -> Array:
    """Share of signs, shape (m, k), that hyperplanes of least squared hinge loss leave wrong, shape (k,).

    Accelerated gradient steps (Nesterov 1983); the basis is orthonormal, so its own gradient is the step.
    """
    current = ahead = basis.T @ label
    momentum = 1.0
    for _ in range(steps):
        before, current = current, ahead + basis.T @ (label * xp.clip(1 - label * (basis @ ahead), 0.0, None))
        last, momentum = momentum, 0.5 + (0.25 + momentum * momentum) ** 0.5
        ahead = current + ((last - 1) / momentum) * (current - before)
    return xp.mean(xp.astype(label * (basis @ current) <= 0, label.dtype), axis=0)


def tolerated(misfits: Host, width: int) -> float:
    """Misfit up to which zero patterns count as masks, from those that were found; infinite if none is one.

    Few errors of one are a reason for doubt where the others have none; where noise or several local
    steps flip rows of all masks they are not.

    Parameters
    ----------
    misfits : NumPy array, shape (k,)
        Of all candidates.
    width : int
        Number of rows.
    """
    masks = misfits[misfits < WRONG]
    if not len(masks):
        return math.inf
    typical = float(sorted(masks)[len(masks) // 2])
    return min(WRONG, max(STRICT, 1.5 / width, COMMON * typical))


def logistic(xp: Namespace, offset: Array, features: Array, label: Array) -> tuple[Array, Array]:
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

    Returns
    -------
    coefficients : array, shape (d, k)
        y for which `offset + features @ y` has the signs.
    wrong : array, shape (k,)
        Share of the signs that it has not.
    """
    d = features.shape[1]
    y = xp.zeros((d, offset.shape[1]), dtype=offset.dtype, device=offset.device)
    ridge = RIDGE * features.shape[0] * xp.eye(d, dtype=offset.dtype, device=offset.device)
    for temperature in TEMPERATURES:
        margin = label * (offset + features @ y) / temperature
        miss = 1 / (1 + xp.exp(xp.clip(margin, -30, 30)))
        slope = features.T @ (label * miss) / temperature
        weight = miss * (1 - miss) / temperature**2
        curvature = (features.T[None, :, :] * weight.T[:, None, :]) @ features + ridge
        step = xp.linalg.solve(curvature, slope.T[:, :, None])[:, :, 0].T
        length = xp.sqrt(xp.sum(step * step, axis=0))
        y = y + step * xp.clip(LARGEST_STEP / (length + RIDGE), None, 1)
    wrong = label * (offset + features @ y) <= 0
    return y, xp.mean(xp.astype(wrong, offset.dtype), axis=0)
