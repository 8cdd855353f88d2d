"""A random sparse column beside a random subspace enters; whether the l1 norm is least there leaves.

u is least if no h of the subspace lowers Σ_active w s_i h_i + Σ_zero w |h_i|: a linear program. By duality it
is the question whether some v with |v_i| <= w_i on the zero rows makes G_zeroᵀ v = -G_activeᵀ (w s).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, minimize

from theory.limits.descent_cone import statistical_dimension

Floats = NDArray[np.float64]


def is_least(zero: NDArray[np.bool_], weights: Floats, others: int, rng: np.random.Generator) -> bool:
    """Whether a column with these zero rows is a local minimum beside so many random ones."""
    rows = rng.standard_normal((len(zero), others)) * weights[:, None]
    target = rng.choice([-1.0, 1.0], size=len(zero))[~zero] @ rows[~zero]
    held = rows[zero & (weights > 0)]  # rows without weight hold nothing back
    if len(held) < others:
        return False
    done = linprog(np.zeros(len(held)), A_eq=held.T, b_eq=target, bounds=(-1, 1), method="highs")
    return bool(done.status == 0)


def measured_limit(
    p: float, active: Floats, zeros: Floats, width: int, trials: int, rng: np.random.Generator
) -> float:
    """Share b/m at which half of the columns are minima, from a logistic fit around the prediction."""
    predicted = 1 - statistical_dimension(active, zeros, p)
    spread = 1 / math.sqrt(width)
    shares, hits = predicted + spread * (2 * rng.random(trials) - 1), np.zeros(trials)
    for k, share in enumerate(shares):
        zero = np.arange(width) < round(p * width)
        weights = np.where(zero, rng.choice(zeros, width), rng.choice(active, width))
        hits[k] = is_least(zero, weights, max(1, round(share * width)), rng)

    def loss(at: Floats) -> float:
        t = (shares - predicted) / spread
        return float(np.logaddexp(0, np.where(hits > 0, -1, 1) * np.exp(at[1]) * (at[0] - t)).mean())

    fit = minimize(loss, [0.0, 1.5], method="Nelder-Mead")
    return float(predicted + spread * fit.x[0])
