"""Enters: an array of a library, on a device. Leaves: that device ready, its kernels compiled."""

from spear_xp.numerics.backend import Array, enter, on_its_device
from spear_xp.solver.invert import invert
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient

__all__ = ["warm_up"]

# chosen: batch size and width of what is searched: two batches that come out at once, of few and of many
# samples, and one with few rows, on which most of the strategies take their turn
PLANTED, FEATURES = ((8, 140), (26, 300), (10, 30)), 60
WORK = 1e10  # chosen: multiply-adds of each search, half a second of a processor


@on_its_device
def warm_up(like: Array) -> None:
    """Search small planted gradients, so that later searches spend their time limit on searching.

    CuPy compiles each kernel when it is first used, a minute or more in all on a new machine, and libraries
    of a device take seconds to load. Compiled kernels stay in the folder of CUPY_CACHE_DIR; keep it, and
    later processes are ready sooner. On NumPy nothing is gained.

    Parameters
    ----------
    like : array, real floating-point
        Any array of the library, device and dtype that searches will have; its values play no part.

    Raises
    ------
    ArrayLibraryError, DtypeError
        As `invert` raises them.

    Examples
    --------
    >>> import numpy as np
    >>> from spear_xp import warm_up
    >>> warm_up(np.ones(1))
    """
    space, arrays, _ = enter(like=like)
    for batch, width in PLANTED:
        inputs = space.asarray(gaussian_inputs(batch, FEATURES, rng=0), dtype=arrays["like"].dtype)
        invert(*mlp_gradient(inputs, width=width, rng=0).observed, rng=0, work_limit=WORK)
