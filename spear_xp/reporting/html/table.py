"""Enters: samples that are no images. Leaves: tables of their features, a few samples each."""

import math
from collections.abc import Sequence
from typing import Any

from spear_xp.numerics.backend import Host, to_host
from spear_xp.reporting.metrics import Comparison
from spear_xp.reporting.records import in_units, records_of
from spear_xp.solver.result import Result

__all__ = ["table_of", "value_of"]

COLUMNS, SAMPLES, FEATURES = 8, 24, 40  # cosmetic: samples in one table, samples and features in all tables
DIGITS = 6  # cosmetic: most significant digits of a value


def table_of(
    inputs: Host,
    result: Result,
    original: Host | None,
    matched: Comparison | None,
    names: Sequence[str] | None,
    scaler: Any = None,
) -> dict[str, Any]:
    """Tables with a feature in each row and a sample in each column.

    Parameters
    ----------
    inputs : NumPy array, shape (k, n)
        Recovered samples.
    result : Result
        Where they come from.
    original : NumPy array, shape (b, n), optional
        The true batch.
    matched : Comparison, optional
        Which of it belongs to which sample.
    names : sequence of str, length n, optional
        Of the features.
    scaler : object, optional
        With a method `inverse_transform`: values, bars and truth are shown in the units of the data.
    """
    features = range(min(inputs.shape[1], FEATURES))
    shown = range(min(len(inputs), SAMPLES))
    records, certified = records_of(result, names, scaler), to_host(result.certified).tolist()
    truth = {}
    if original is not None and matched is not None:
        pairs = zip(matched.recovered.tolist(), matched.truth.tolist(), strict=True)
        original = in_units(original, scaler)
        truth = {k: original[i] for k, i in pairs}

    def cell(k: int, j: int) -> dict[str, str]:
        true = f"{truth[k][j]:.{DIGITS}g}" if k in truth else ""
        return {"value": value_of(float(records.values[k, j]), float(records.error_bars[k, j])), "true": true}

    parts = [list(shown[start : start + COLUMNS]) for start in range(0, len(shown), COLUMNS)]
    return {
        "parts": [
            {
                "heads": [{"number": k, "certified": certified[k]} for k in part],
                "rows": [
                    {
                        "name": records.names[j],
                        "cells": [cell(k, j) for k in part],
                    }
                    for j in features
                ],
            }
            for part in parts
        ],
        "hidden_samples": len(inputs) - len(shown),
        "hidden_features": inputs.shape[1] - len(features),
    }


def value_of(value: float, error_bar: float) -> str:
    """A value to the digit that its error bar leaves, and never more than six digits."""
    if 0 < error_bar < math.inf:
        value = round(value, -math.floor(math.log10(error_bar)))
    return f"{value + 0.0:.{DIGITS}g}"
