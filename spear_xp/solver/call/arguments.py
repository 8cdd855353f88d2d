"""Enters: arguments of `invert`. Leaves: the update that they say, checked; or an error that names one."""

import warnings
from collections.abc import Sequence
from typing import Any

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import Array
from spear_xp.overcomplete.lattice.rounding import groups_of
from spear_xp.reduction.protocol import Strategy
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["check_numbers", "kinds_of", "renamed", "update_of"]

UNITS = {"time_limit": "seconds", "work_limit": "multiply-adds", "data_range": "units of the inputs"}
COARSEST = 0.3  # chosen: relative error from which a sample is no longer the one that it stands for


def update_of(grad_w: Any, *arrays: Any, **known: Any) -> LayerUpdate:
    """The update, given whole or as arrays with what is known beside them."""
    if not isinstance(grad_w, LayerUpdate):
        return LayerUpdate(grad_w, *arrays, **known)
    others = dict(zip(("grad_b", "weight", "bias"), arrays, strict=True)) | known
    for name, value in others.items():
        if value is not None:
            msg = f"{name} is given beside a LayerUpdate: need the update alone, or the arrays one by one"
            raise ArgumentRangeError(msg)
    return grad_w


def check_numbers(*, accuracy: float, rounds: int, **limits: float | None) -> None:
    """`ArgumentRangeError` where one is out of its range; limits may be None."""
    if not 0 < accuracy <= COARSEST:
        msg = f"accuracy={accuracy!r}: need a relative error in (0, {COARSEST}]"
        raise ArgumentRangeError(msg)
    if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
        msg = f"rounds={rounds!r}: need an integer >= 1"
        raise ArgumentRangeError(msg)
    for name, value in limits.items():
        if value is not None and not value > 0:
            msg = f"{name}={value!r}: need a positive number of {UNITS[name]}"
            raise ArgumentRangeError(msg)


def kinds_of(kinds: Sequence[str] | None, update: LayerUpdate, grad_w: Array) -> list[str] | None:
    """Kinds of features, given or of an update; `ShapeError` or `ArgumentRangeError` where they are none."""
    if kinds is not None and update.feature_kinds is not None:
        msg = "feature_kinds is given beside a LayerUpdate that has some: need one of them"
        raise ArgumentRangeError(msg)
    kinds = update.feature_kinds if kinds is None else kinds
    if kinds is None:
        return None
    features = int(grad_w.shape[-1]) if grad_w.ndim else 0
    if isinstance(kinds, str):
        msg = f"feature_kinds={kinds!r}: need a sequence with one word for each of {features} features"
        raise ArgumentRangeError(msg)
    groups_of(kinds, features)
    return list(kinds)


def renamed(
    search: str | Strategy | Sequence[str | Strategy], false_rejection: float | None
) -> str | Strategy | Sequence[str | Strategy]:
    """The search with an argument of version 0.1, which other strategies than the published one ignored."""
    if false_rejection is None:
        return search
    warnings.warn(
        "invert(false_rejection=...) is now search=spear_xp.strategies.Sampling(false_rejection=...)",
        DeprecationWarning,
        stacklevel=3,
    )
    return Sampling(false_rejection=false_rejection) if search == "sampling" else search
