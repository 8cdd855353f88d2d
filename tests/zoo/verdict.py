"""How far a certified sample may be from the truth."""

import numpy as np
from scipy.optimize import nnls

from spear_xp import Result
from tests.helpers.networks import Floats

RELATIVE = 1e-2  # largest relative error of a certified sample
BARS = 12.0  # and the same in its own error bars
# Twins at a relative distance t differ from one sample between them by about t² in the gradient. Where
# that drowns in noise nothing can tell, and the sample between them may be certified.
TWINS = 10.0  # in units of the square root of the noise
SUM = 1e3  # weight of the rule that shares of corners add up to one


def false_certificates(result: Result, inputs: Floats) -> list[str]:
    """One line for each certified sample that is no true one, nor between indistinguishable ones."""
    found = []
    inputs = np.asarray(inputs, dtype=float)
    floor = float(np.finfo(result.inputs.dtype).eps)
    for k in np.nonzero(np.asarray(result.certified))[0]:
        sample, bar = np.asarray(result.inputs[k], dtype=float), float(result.error_bars[k])
        if not len(inputs):
            found.append(f"sample {k} certified where there is no batch")
            continue
        nearest = int(np.linalg.norm(inputs - sample, axis=1).argmin())
        true = inputs[nearest]
        size, error = float(np.linalg.norm(true)), float(np.linalg.norm(sample - true))
        between = distance_to_hull(sample, true, twins_of(inputs, nearest, result))
        rms = between / len(true) ** 0.5
        allowed = BARS * bar + floor * float(np.abs(true).max())
        if not (error < RELATIVE * size and rms < allowed):
            found.append(
                f"sample {k}: relative error {error / size:.1e}, rms error {rms:.1e}, error bar {bar:.1e}"
            )
    return found


def twins_of(inputs: Floats, k: int, result: Result) -> Floats:
    """Sample k and those too close to it to be told apart."""
    limit = TWINS * result.trace.noise_level**0.5 * np.linalg.norm(inputs[k])
    return inputs[np.linalg.norm(inputs - inputs[k], axis=1) <= limit]


def distance_to_hull(point: Floats, near: Floats, corners: Floats) -> float:
    """Distance of a point from what lies between some corners, shape (k, n), of which `near` is one."""
    spread = max(float(np.linalg.norm(corners - near, axis=1).max()), 1e-300)
    edges = np.vstack([(corners - near).T / spread, np.full((1, len(corners)), SUM)])
    return float(nnls(edges, np.append((point - near) / spread, SUM))[1]) * spread
