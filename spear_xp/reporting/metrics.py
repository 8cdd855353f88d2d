"""Enters: true and recovered inputs. Leaves: errors after the best assignment, never by order of rows."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from spear_xp.errors import ArgumentRangeError, ShapeError
from spear_xp.numerics.backend import Array, Host, to_host

__all__ = ["Comparison", "compare"]

TINY = 1e-40  # cosmetic: squared error over the squared peak, from which a match counts as perfect


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Recovered inputs against the truth, sample by sample.

    Attributes
    ----------
    truth, recovered : NumPy array of int, shape (k,)
        Matched rows: `inputs[truth[i]]` belongs to `recovered_inputs[recovered[i]]`.
    mse : NumPy array, shape (k,)
        Mean squared error of each pair, in squared units of the inputs.
    psnr : NumPy array, shape (k,)
        Peak signal-to-noise ratio of each pair in dB; infinite where the error is zero.
    exact_share : float
        Share of the true samples matched above `exact_psnr`.
    """

    truth: Host
    recovered: Host
    mse: Host
    psnr: Host
    exact_share: float


def compare(
    inputs: Array, recovered: Array, *, data_range: float | None = None, exact_psnr: float = 90.0
) -> Comparison:
    """Match recovered inputs with the true ones and measure the errors.

    Parameters
    ----------
    inputs : array, shape (b, n)
        The true batch.
    recovered : array, shape (k, n)
        Recovered samples in any order. Columns that are NaN, inputs that are not determined, do not count.
    data_range : float, optional
        Peak of the PSNR in units of the inputs; the range of `inputs` where not given.
    exact_psnr : float
        PSNR in dB above which a sample counts as exact.

    Returns
    -------
    Comparison
        Of min(b, k) pairs, in the order of `inputs`, from the assignment of largest total PSNR: a sample that
        is far off does not cost another one its exact match.

    Raises
    ------
    ShapeError, ArgumentRangeError
        If the arrays do not fit together or `data_range` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> compare(x, x[::-1]).exact_share
    1.0
    """
    true, found = to_host(inputs).astype(float), to_host(recovered).astype(float)
    if true.ndim != 2 or found.ndim != 2 or true.shape[1] != found.shape[1]:
        msg = f"inputs has shape {true.shape} and recovered {found.shape}: need (b, n) and (k, n)"
        raise ShapeError(msg)
    peak = float(true.max() - true.min()) if data_range is None else data_range
    if not peak > 0:
        msg = f"data_range={peak}: need a positive number"
        raise ArgumentRangeError(msg)
    told = ~np.isnan(found).all(axis=0) if len(found) else np.ones(true.shape[1], dtype=bool)
    squared = cdist(true[:, told], found[:, told], "sqeuclidean") / max(1, told.sum())
    rows, columns = linear_sum_assignment(np.log(np.maximum(squared, TINY * peak**2)))
    mse = squared[rows, columns]
    psnr = to_host([10 * math.log10(peak**2 / e) if e > 0 else math.inf for e in mse]).astype(float)
    return Comparison(rows, columns, mse, psnr, float((psnr > exact_psnr).sum()) / len(true))
