"""Enters: records and parameters of Flower. Leaves: their arrays by name.

Flower sends an `ArrayRecord`, whose names are those of a state dict or numbers; before version 1.13
`Parameters`, a list of arrays. A list needs the names of the model's state dict in its order.
"""

from io import BytesIO
from typing import Any

import numpy as np

from spear_xp.errors import UpdateError
from spear_xp.numerics.backend import Array

__all__ = ["arrays_of", "is_record"]

FORMS = ("ArrayRecord", "ParametersRecord", "Parameters", "FitRes")


def is_record(source: Any) -> bool:
    """Whether something is a record, parameters or the answer of a client of Flower."""
    return type(source).__module__.partition(".")[0] == "flwr" and type(source).__name__ in FORMS


def arrays_of(source: Any) -> dict[str, Array]:
    """NumPy arrays by name, or by number.

    Raises
    ------
    UpdateError
        If an array is stored otherwise than as a NumPy array, or cannot be read. Nothing is unpickled.
    """
    source = getattr(source, "parameters", source)
    if hasattr(source, "tensors"):
        named = {str(k): (source.tensor_type, data) for k, data in enumerate(source.tensors)}
    else:
        named = {name: (one.stype, one.data) for name, one in source.items()}
    return {name: _array(name, *stored) for name, stored in named.items()}


def _array(name: str, form: str, data: bytes) -> Array:
    if form != "numpy.ndarray":
        msg = f"array {name!r} is stored as {form!r}: need 'numpy.ndarray'"
        raise UpdateError(msg)
    try:
        return np.load(BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        msg = f"array {name!r} cannot be read: {error}"
        raise UpdateError(msg) from error
