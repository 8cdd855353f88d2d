"""Enters: a result, and what is known beside it. Leaves: an HTML file of one page, which needs no network."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spear_xp.auditing.verdict import Audit
from spear_xp.errors import NonFiniteError, ShapeError
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.reporting.html.view import view_of
from spear_xp.reporting.records import names_of
from spear_xp.solver.result import Result
from spear_xp.solver.saving.archive import write_atomically

__all__ = ["report"]


def report(
    result: Result,
    path: str | Path,
    *,
    original: Array = None,
    shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | Any = None,
    scaler: Any = None,
    units: Sequence[str] | None = None,
    samples: bool = True,
    audit: Audit | None = None,
    title: str = "What an update reveals",
) -> None:
    """Write a page about a result.

    Parameters
    ----------
    result : Result
        From `spear_xp.invert` or `spear_xp.load_result`.
    path : str or Path
        HTML file to write, readable by its owner alone. It holds all pictures and needs no network.
    original : array, shape (b, n), optional
        The true batch, in any order: the page shows it beside what was recovered, and measures the errors.
    shape : sequence of int, optional
        Height and width of images, with 1 or 3 channels before or after them. Square images are recognised;
        samples of any other kind appear as a table.
    feature_names : sequence of str, length n, optional
        Names of the features, or the DataFrame that has them as columns: samples then appear as a table.
    scaler : object, optional
        What scaled the features one by one, with a method `inverse_transform`: the table then has the values,
        error bars and originals in the units of the data. Names that it was fitted with are used.
    units : sequence of str, length n, optional
        Unit of each feature, beside its name; an empty string where it has none.
    samples : bool
        Whether the page shows recovered samples and originals.
    audit : Audit, optional
        What the other layers of the same update reveal: the page then has a table of all layers.
    title : str
        Heading of the page.

    Raises
    ------
    ShapeError
        If `original`, `shape`, `feature_names`, `scaler` or `units` do not fit the samples.
    NonFiniteError
        If `original` holds NaN or infinity.
    ModuleNotFoundError
        Without jinja2 and matplotlib: ``pip install jinja2 matplotlib``.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    truth = None if original is None else _checked(to_host(original), result)
    names = names_of(feature_names, scaler, result.trace.shape[1])
    if units is not None:
        named = names or [f"feature {j}" for j in range(result.trace.shape[1])]
        names = tuple(map(_with_unit, named, _fitting(units, len(named))))
    view = view_of(
        result,
        original=truth,
        shape=None if shape is None else tuple(int(side) for side in shape),
        feature_names=names,
        scaler=scaler,
        samples=samples and result.inputs.shape[1] > 0,
        audit=audit,
    )
    templates = Environment(
        loader=PackageLoader("spear_xp.reporting.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("report.html").render(title=title, **view)
    write_atomically(Path(path), page.encode())


def _checked(original: Host, result: Result) -> Host:
    features = result.trace.shape[1]
    if original.ndim != 2 or original.shape[1] != features or not len(original):
        msg = f"original has shape {original.shape}: need (b, {features}) with b >= 1"
        raise ShapeError(msg)
    original = original.astype(float)
    if not abs(original).max(initial=0.0) < math.inf:
        msg = "original holds NaN or infinity: need finite numbers"
        raise NonFiniteError(msg)
    return original


def _fitting(units: Sequence[str], count: int) -> Sequence[str]:
    if len(units) != count:
        msg = f"units has {len(units)} entries: need {count}"
        raise ShapeError(msg)
    return units


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name
