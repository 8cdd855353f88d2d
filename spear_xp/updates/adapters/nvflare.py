"""Enters: a DXO, Shareable or FLModel of NVFlare, or its dictionary. Leaves: arrays and their kind.

A DXO carries WEIGHTS (after training) or WEIGHT_DIFF (after minus before); an FLModel FULL or DIFF.
"""

from collections.abc import Mapping
from typing import Any, Literal

from spear_xp.errors import UpdateError
from spear_xp.numerics.backend import Array

__all__ = ["arrays_of", "is_model"]

KINDS: dict[str, Literal["weights", "difference"]] = {
    "WEIGHTS": "weights",
    "FULL": "weights",
    "WEIGHT_DIFF": "difference",
    "DIFF": "difference",
}
FIELDS = (
    ("data_kind", "data"),
    ("kind", "data"),
    ("params_type", "params"),
)  # objects and their dictionaries


def is_model(source: Any) -> bool:
    """Whether something is a DXO or FLModel, or a dictionary of their form."""
    return _fields(_inside(source)) is not None


def arrays_of(source: Any) -> tuple[dict[str, Array], Literal["weights", "difference"]]:
    """Arrays by name, and whether they are weights after training or a difference.

    Raises
    ------
    UpdateError
        If it carries something else, such as metrics, or was transformed on the way, for example encrypted.
    """
    source = _inside(source)
    kind_field, data_field = _fields(source) or FIELDS[0]
    kind, data = _get(source, kind_field), _get(source, data_field)
    kind = str(getattr(kind, "value", kind)).upper()
    meta = _get(source, "meta") or {}
    processed = meta.get("PROCESSED_ALGORITHM")
    if processed:
        msg = f"data was transformed by {processed!r}: need it as the client computed it"
        raise UpdateError(msg)
    if kind not in KINDS or not isinstance(data, Mapping):
        msg = f"{kind_field}={kind!r} with {type(data).__name__}: need {', '.join(KINDS)} and arrays by name"
        raise UpdateError(msg)
    return dict(data), KINDS[kind]


def _inside(source: Any) -> Any:
    """What a Shareable carries."""
    return source["DXO"] if isinstance(source, Mapping) and "DXO" in source else source


def _fields(source: Any) -> tuple[str, str] | None:
    if not isinstance(source, Mapping) and type(source).__module__.partition(".")[0] != "nvflare":
        return None
    return next((pair for pair in FIELDS if all(_get(source, one) is not None for one in pair)), None)


def _get(source: Any, field: str) -> Any:
    return source.get(field) if isinstance(source, Mapping) else getattr(source, field, None)
