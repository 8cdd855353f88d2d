"""How far a certified sample may be from the truth."""

import numpy as np

from spear_xp import Result
from tests.helpers.networks import Floats

RELATIVE = 1e-2  # largest relative error of a certified sample
BARS = 12.0  # and the same in its own error bars
# Twins at a relative distance t differ from one sample between them by about t² in the gradient. Where
# that drowns in noise nothing can tell, and the sample between them may be certified.
TWINS = 10.0  # in units of the square root of the noise


def false_certificates(result: Result, inputs: Floats) -> list[str]:
    """One line for each certified sample that is none of the true ones, nor between indistinguishable two."""
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
        between = min(distance_to_segment(sample, true, twin) for twin in twins_of(inputs, nearest, result))
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


def distance_to_segment(point: Floats, start: Floats, end: Floats) -> float:
    along = end - start
    share = along @ (point - start) / max(float(along @ along), 1e-300)
    return float(np.linalg.norm(point - start - np.clip(share, 0, 1) * along))
