"""Enters: what a certificate rested on. Leaves: bounds on the probability that a wrong sample passes it.

Model: given the batch, the rows of the layer are independent and so are their back-propagated values, which
do not depend on the signs of the pre-activations.  A wrong sample is at an angle of at least θ from every
sample of the batch, [x | 1] and [w | β] taken as vectors.

(a) Masks.  With Gaussian [w | β] its pre-activation has the sign of a given sample's with probability
    ρ = 1 - θ/π on each row.  A search that looks at the rows while it chooses can fit b - 1 rows with the
    direction and b - 1 with the sample: those are conceded, for every choice of them.
(b) Kernel.  A wrong direction mixes k >= 2 columns.  It vanishes where all of them do, on k - 1 rows of its
    choice, and by chance; a test that leaves out rows of leverage 1 needs one of the last.  The union runs
    over columns and rows.  Values are Gaussian about zero: D has no gap there.
(c) Halves.  Estimates of a wrong sample from half of the rows deviate from it in any direction alike.
(d) Row span.  A right direction with a wrong sample mixes in another sample j.  A row on which the one is
    active and the other is impossible exposes it unless the coefficient there is small.

A wrong sample has a wrong direction (b) or a right one (d), and must pass (a) either way: its probability is
at most min(a, b + d).  Nothing is multiplied: masks, kernel and rows are read off the same entries.  (c)
stays out, since the sample is fitted to both halves.  (a) and (b) count every set of rows, so the number of
candidates that a search has tried does not enter: the bounds hold however long it ran.

Not covered: samples nearer than θ; columns that are proportional where both are nonzero, as behind a scalar
output or two classes, or whose values are discrete; mixtures of very unequal parts; weights that are not
Gaussian or that an adversary chose; forged gradients; wrong samples that vouch for each other; noise that is
not as assumed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.binomial import log_binom_cdf, log_binom_sf, log_binomial_coefficient
from theory.numerics.checks import (
    FloatArray,
    check_integer,
    check_probability,
    check_real,
    check_scalar_integer,
    check_scalar_real,
)
from theory.numerics.logmath import as_output, log_gammainc

_RARE = 1e-15  # smaller probabilities are raised to it: 1 - p has no digit left for them
_CHANCE_TERMS = 32  # chance zeros told apart one by one; more of them are taken to suffice


def mask_agreement(angle: npt.ArrayLike) -> float | FloatArray:
    """Probability ``1 - θ/π`` that a Gaussian row gives two vectors pre-activations of the same sign.

    Parameters
    ----------
    angle : array_like
        Angle θ in (0, π) between two samples [x | 1].

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Sheppard (1899).  No mixture of two samples agrees better with the union of their masks: at angles α and β
    from them it does with probability 1 - (α + β)/2π.

    Examples
    --------
    >>> mask_agreement(math.pi / 2)
    0.5
    """
    value = check_real(
        "angle", angle, 0, math.pi, include_low=False, include_high=False, need="a number in (0, pi)"
    )
    return as_output(1.0 - value / math.pi)


def log_mask_acceptance(
    rows: npt.ArrayLike, agreement: npt.ArrayLike = 0.5, flips: npt.ArrayLike = 0, *, freedom: int = 0
) -> float | FloatArray:
    """Log of a bound on the probability that some wrong sample passes the mask test.

    Parameters
    ----------
    rows : array_like of int
        Unambiguous rows u >= 0.
    agreement : array_like
        Probability ρ in (0, 1) that a row agrees.
    flips : array_like of int
        Rows f >= 0 that need not agree.
    freedom : int
        Rows that a search can fit with the direction, and again with the sample: b - 1.  With 0 the sample
        was fixed before the rows were seen, and the result is exact.

    Returns
    -------
    float or ndarray
        Log of ``C(u, n) C(u - n, n) P(Bin(u - 2n, 1 - ρ) <= f)``, n the freedom, at most 0.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The argument of sample compression (Floyd and Warmuth, 1995): n rows determine the direction, their
    kernel, and n more a vertex of the cell of samples with one mask; the other rows are independent of both.
    The vertex stands for the sample, as if it were no nearer to the batch.

    Examples
    --------
    >>> [round(log_mask_acceptance(200, freedom=n) / math.log(2)) for n in (0, 11)]
    [-200, -62]
    """
    u = check_integer("rows", rows, 0)
    rho = check_probability(agreement, "agreement")
    f = check_integer("flips", flips, 0)
    n = check_scalar_integer("freedom", freedom, 0)
    free = np.maximum(u - 2 * n, 0)
    choices = np.where(u >= 2 * n, log_binomial_coefficient(u, n) + log_binomial_coefficient(u - n, n), 0.0)
    return as_output(np.minimum(choices + log_binom_cdf(f, free, 1.0 - rho), 0.0))


def log_kernel_acceptance(
    batch_size: int,
    width: int,
    zeros: npt.ArrayLike,
    tolerance: npt.ArrayLike,
    p: float = 0.5,
    joint: float | None = None,
    *,
    spare: npt.ArrayLike = 1,
) -> float | FloatArray:
    """Log of a bound on the probability that some mixture of columns of a batch passes the kernel test.

    Parameters
    ----------
    batch_size, width : int
        b >= 1 and m >= 1.
    zeros : array_like of int
        Zero rows z in [0, m] that the direction has shown.
    tolerance : array_like
        Width w >= 0 of the zero test, relative to the root mean square of the nonzero entries.
    p : float
        Probability of a zero entry, in [0, 1].
    joint : float, optional
        Probability in [0, 1] that two columns vanish together; by default p², independent columns.
    spare : array_like of int
        Chance zeros s >= 0 without which the kernel would not have been taken for unique.

    Returns
    -------
    float or ndarray
        Log of the sum over k >= 2 of ``C(b, k) C(m, k - 1) P(S >= s, S + C >= z - k + 1)``, at most 0.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    C ~ Bin(m - k + 1, q_k) rows have all k columns zero, q_k = joint r^(k - 2) with r = joint/p, at most 1.
    S vanish by chance, each with probability τ <= w sqrt(2/π): P(S >= i) <= C(m - k + 1, i) τ^i.  Counts of
    disjoint outcomes are negatively associated (Joag-Dev and Proschan, 1983), so that P(S >= i, C >= j) is at
    most the product.

    Examples
    --------
    >>> round(log_kernel_acceptance(12, 200, 95, 1e-5) / math.log(10), 1)
    -9.2
    """
    b = check_scalar_integer("batch_size", batch_size, 1)
    m = check_scalar_integer("width", width, 1)
    z = check_integer("zeros", zeros, 0, m)
    tau = np.minimum(check_real("tolerance", tolerance, 0, math.inf) * math.sqrt(2 / math.pi), 1.0)
    zero = check_scalar_real("p", p, 0, 1)
    pair = zero**2 if joint is None else check_scalar_real("joint", joint, 0, 1)
    z, tau, least = np.broadcast_arrays(z, np.maximum(tau, _RARE), check_integer("spare", spare, 0))
    if b == 1:
        return as_output(np.full(z.shape, -np.inf))  # nothing to mix
    k = np.arange(2, b + 1)[:, None]
    rows = np.maximum(m - k + 1, 0)
    chance = least[..., None, None] + np.arange(_CHANCE_TERMS)
    missing = z[..., None, None] - k + 1 - chance
    common = np.clip(pair * min(pair / max(zero, _RARE), 1.0) ** (k - 2), _RARE, 1 - _RARE)
    log_common = np.asarray(log_binom_sf(missing - 1, rows, common))
    log_common[..., -1] = 0.0
    log_chance = log_binomial_coefficient(rows, chance) + chance * np.log(tau)[..., None, None]
    log_sets = log_binomial_coefficient(b, k) + log_binomial_coefficient(m, k - 1)
    total = special.logsumexp(log_sets + np.minimum(log_chance, 0.0) + log_common, axis=(-2, -1))
    return as_output(np.minimum(total, 0.0))


def log_halves_acceptance(
    dimension: npt.ArrayLike, limit: npt.ArrayLike, deviation: npt.ArrayLike = 1.0
) -> float | FloatArray:
    """Log of the probability that an estimate of a wrong sample from half of the rows agrees with it.

    Parameters
    ----------
    dimension : array_like of int
        Dimension b >= 1 of the row space.
    limit, deviation : array_like
        Distance >= 0 that is allowed, and root mean square > 0 of the distance, relative to the sample.

    Returns
    -------
    float or ndarray
        Log of P(χ²_b <= b (limit/deviation)²): a Gaussian deviation without preferred direction.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Of one half only: the sample is near the mean of both, so that their deviations are opposite.

    Examples
    --------
    >>> round(log_halves_acceptance(2, 0.01) / math.log(10), 4)  # 1 - exp(-1e-4)
    -4.0
    """
    a = check_integer("dimension", dimension, 1) / 2
    above = check_real("limit", limit, 0, math.inf, include_high=False)
    scale = check_real("deviation", deviation, 0, math.inf, include_low=False, include_high=False)
    a, x = np.broadcast_arrays(a, a * (above / scale) ** 2)
    return as_output(log_gammainc(a, x))


def log_certificate_acceptance(
    log_masks: npt.ArrayLike, log_kernel: npt.ArrayLike, log_separation: npt.ArrayLike
) -> float | FloatArray:
    """Log of a bound on the probability that a wrong sample passes the certificate: ``min(a, b + d)``.

    Parameters
    ----------
    log_masks, log_kernel, log_separation : array_like
        Logs of the bounds (a) for masks, (b) for the kernel and (d) for the row span, <= 0.

    Returns
    -------
    float or ndarray
        At most 0.

    Notes
    -----
    A batch of one has nothing to mix, b + d = 0: there masks alone speak.

    Examples
    --------
    >>> log_certificate_acceptance(-3.0, -9.0, -90.0)
    -9.0
    >>> log_certificate_acceptance(-3.0, -math.inf, -math.inf)
    -3.0
    """
    masks, mixed = np.asarray(log_masks, np.float64), np.logaddexp(log_kernel, log_separation)
    return as_output(np.where(mixed == -np.inf, masks, np.minimum(np.minimum(masks, mixed), 0.0)))
