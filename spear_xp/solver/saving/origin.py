"""Enters: a call of `invert`. Leaves: what is written down of it, so that others can repeat it."""

import importlib
import platform
from collections.abc import Mapping
from typing import Any

from spear_xp.numerics.backend import Array, Space, libraries
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["origin_of"]


def origin_of(space: Space, grad_w: Array, update: LayerUpdate, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `Trace` that say which call, with which versions, of a layer of which shape."""
    given = [f"{name}={_told(name, value)}" for name, value in options.items() if value is not None]
    if options["rng"] is None:
        given.append("rng=...")  # a Generator or SeedSequence, whose state is not known
    library = importlib.import_module("spear_xp")  # imports the solver in its turn
    return {
        "shape": tuple(int(size) for size in grad_w.shape),
        "layer": update.name,
        "features": update.features,
        "assumptions": update.assumptions,
        "call": f"spear_xp.invert(grad_w, grad_b, weight, bias, {', '.join(given)})",
        "versions": {
            "spear_xp": library.__version__,
            "Python": platform.python_version(),
            **libraries(space),
        },
    }


def _told(name: str, value: Any) -> str:
    """A value as Python, an array by its name alone, and so are the layers behind."""
    if name == "behind":
        return name
    if hasattr(value, "shape"):
        return name if value.shape else repr(value.item())
    return repr(value)
