"""Enters: zero patterns of candidate directions. Leaves: which of them some input could have caused.

A mask is the sign pattern of W x + β, so a hyperplane in the coordinates of the row space separates its
active rows from its inactive ones. Few other patterns of m rows have one in b << m dimensions: those of
mixtures of samples do not, however many zeros these have.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array, Host, Namespace, to_host
from spear_xp.problem import Problem

__all__ = ["MaskTest", "logistic"]

TEMPERATURES = tuple(0.72**i for i in range(13))  # of the logistic fit, in units of a pre-activation
RIDGE = 1e-3
LARGEST_STEP = 0.5
FITTING = 0.9  # share of rows that a least-squares fit gets right, from which a pattern is let through
WRONG = 0.02  # share of rows on which the best hyperplane may err: noise, several local steps


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

    def passed(self, zero: Array) -> Host:
        """Which zero patterns, shape (m_live, k), can be masks; shape (k,)."""
        xp, space = self.problem.space.xp, self.problem.space
        one = xp.ones(zero.shape, dtype=space.dtype, device=space.device)
        label = xp.where(zero, -one, one)
        fitted = self.basis @ (self.basis.T @ (label - xp.mean(label, axis=0)))
        holds = to_host(xp.mean(xp.astype(fitted * label > 0, space.dtype), axis=0) > FITTING).copy()
        open_ = (~holds).nonzero()[0]
        if len(open_):
            label = xp.take(label, space.indices(open_), axis=1)
            features = self.basis * self.problem.width**0.5
            _, wrong = logistic(xp, xp.zeros_like(label), features, label)
            holds[open_] = to_host(wrong < WRONG)
        return holds


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
