"""Enters: a result, names of its features and their scaling. Leaves: records in the units of the data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spear_xp.errors import ShapeError
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.overcomplete.lattice.rounding import chance_of, on_lattice
from spear_xp.solver.result import Result

__all__ = ["Records", "dataframe", "in_units", "names_of", "records_of"]

LARGE = 1e30  # cosmetic: keeps products with zero finite


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Samples of a table.

    Attributes
    ----------
    names : tuple of str, length n
    values, error_bars : NumPy array, shape (k, n)
        In the units of the data, if a scaler was given; infinite bars for tentative samples.
    certified : NumPy array of bool, shape (k,)
    """

    names: tuple[str, ...]
    values: Host
    error_bars: Host
    certified: Host


def names_of(feature_names: Any, scaler: Any, count: int) -> tuple[str, ...] | None:
    """Names of so many features: a sequence, the columns of a DataFrame, or those a scaler was fitted with.

    Raises
    ------
    ShapeError
        If there is another number of them.
    """
    source = "feature_names"
    if feature_names is None:
        feature_names, source = getattr(scaler, "feature_names_in_", None), "the scaler"
    if feature_names is None:
        return None
    names = tuple(str(name) for name in getattr(feature_names, "columns", feature_names))
    if len(names) != count:
        msg = f"{source} has {len(names)} entries: need {count}"
        raise ShapeError(msg)
    return names


def in_units(values: Array, scaler: Any) -> Host:
    """Scaled samples, shape (k, n), in the units that they had before a scaler changed them.

    Parameters
    ----------
    values : array, shape (k, n)
    scaler : object or None
        Anything with a method `inverse_transform`, such as a `StandardScaler` or `MinMaxScaler`.

    Raises
    ------
    ShapeError
        If what comes back has another shape.
    """
    host = to_host(values).astype(float)
    if scaler is None or not len(host):
        return host
    found = to_host(scaler.inverse_transform(host)).astype(float)
    if found.shape != host.shape:
        msg = f"scaler.inverse_transform gives shape {found.shape}: need {host.shape}"
        raise ShapeError(msg)
    return found


def records_of(result: Result, feature_names: Any = None, scaler: Any = None) -> Records:
    """Samples of a result with names and in units.

    Parameters
    ----------
    result : Result
    feature_names : sequence of str, length n, or DataFrame, optional
        The names that the scaler was fitted with, if it knows any, or numbers, where not given.
    scaler : object, optional
        With a method `inverse_transform` that works feature by feature. Error bars go through it as well.

    Raises
    ------
    ShapeError
        If names or scaler do not fit the samples.
    """
    scaled, bars = to_host(result.inputs).astype(float), to_host(result.error_bars).astype(float)
    names = names_of(feature_names, scaler, scaled.shape[1])
    values = in_units(scaled, scaler)
    finite = bars < math.inf
    steps = bars.clip(max=1.0) * ~finite + bars.clip(max=LARGE) * finite  # scalers refuse infinite numbers
    spread = abs(in_units(scaled + steps[:, None], scaler) - values)
    spread[~finite] = math.inf
    return Records(
        names=names or tuple(f"feature {j}" for j in range(scaled.shape[1])),
        values=values,
        error_bars=spread,
        certified=to_host(result.certified),
    )


def dataframe(
    result: Result,
    *,
    feature_names: Sequence[str] | Any = None,
    scaler: Any = None,
    feature_kinds: Sequence[str] | None = None,
    certified_only: bool = False,
) -> Any:
    """A pandas DataFrame with a row for each sample, in the units of the data.

    Parameters
    ----------
    result : Result
    feature_names : sequence of str, length n, or DataFrame, optional
        Names of the columns; those that the scaler was fitted with where not given.
    scaler : object, optional
        What scaled the features one by one, such as a `StandardScaler` or `MinMaxScaler`: anything with a
        method `inverse_transform`.
    feature_kinds : sequence of str, length n, optional
        "real", "integer" or "one-hot:GROUP" of each feature before it was scaled: see `overcomplete.lattice`.
        What is an integer within its error bar is rounded.
    certified_only : bool
        Whether other samples are left out.

    Returns
    -------
    DataFrame
        Its first column says which samples are certified. `attrs["error_bars"]` is a list of the standard
        deviations of each row, in the same units and order. With kinds, `attrs["chance"]` has the logarithm
        to base 10 of the chance that a mixture of several samples would be as integral, for each row.

    Raises
    ------
    ShapeError
        If names, scaler or kinds do not fit the samples.
    ArgumentRangeError
        If a kind is unknown.
    ModuleNotFoundError
        If pandas is not installed.
    """
    import pandas as pd

    records = records_of(result, feature_names, scaler)
    kept = records.certified if certified_only else records.certified | True
    values, bars = records.values[kept], records.error_bars[kept]
    attrs: dict[str, Any] = {}
    if feature_kinds is not None:
        attrs["chance"] = chance_of(values, bars, feature_kinds).tolist()
        values, bars = on_lattice(values, bars, feature_kinds)
    frame = pd.DataFrame(values, columns=list(records.names))
    frame.insert(0, "certified", records.certified[kept])
    frame.attrs.update(attrs, error_bars=bars.tolist())
    return frame
