"""Enters: what the search of each layer gave. Leaves: an `Audit`, with its verdict and a table."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from spear_xp.auditing.chaining import Chained
from spear_xp.errors import UpdateError
from spear_xp.solver.result import Result

__all__ = ["Audit", "Exposure", "LayerAudit", "verdict_of"]


class Exposure(Enum):
    """What an audit says; each value is a sentence."""

    EXPOSED = "Every sample of the batch is recovered from this update and certified."
    PARTLY_EXPOSED = (
        "Samples of the batch are recovered from this update and certified; those that are not may be "
        "recovered by a longer search or another attack."
    )
    SCALE_OPEN = (
        "Samples of the batch are recovered from this update and certified up to their scale: an image "
        "but for its brightness."
    )
    FEATURES = (
        "No sample of the data is certified, but inputs of a deeper layer are: features, from which data may "
        "be inferred."
    )
    UNPROVEN = (
        "Nothing is certified. That is no proof that the update is safe: samples may be right without a "
        "certificate, and a longer search or another attack may find them."
    )
    NOT_APPLICABLE = (
        "No layer could be searched: none is fully connected and followed by a ReLU, or its "
        "gradient does not allow it. That says nothing about other attacks."
    )


@dataclass(frozen=True, slots=True, eq=False)
class LayerAudit:
    """What one layer reveals.

    Attributes
    ----------
    name : str
        Name of the layer.
    shape : tuple of int
        Shape of its weights as they were sent.
    features : str
        What stands between the data and this layer; empty where its inputs are the data.
    result : Result or None
        Outcome of the search; None where there was none.
    reason : str
        Why there was none.
    chained : Chained or None
        Data behind the inputs of the layer, where what stands in front of it can be undone.
    """

    name: str
    shape: tuple[int, ...]
    features: str = ""
    result: Result | None = None
    reason: str = ""
    chained: Chained | None = None

    @property
    def certified(self) -> int:
        """Samples that are certified."""
        return 0 if self.result is None else sum(map(bool, self.result.certified))

    @property
    def direction_certified(self) -> int:
        """Samples that are certified up to their scale."""
        return 0 if self.result is None else sum(map(bool, self.result.direction_certified))

    @property
    def data_certified(self) -> int:
        """Samples of the data that are certified: inputs of the first layer, or chained."""
        if not self.features:
            return self.certified
        return 0 if self.chained is None else int(self.chained.certified.sum())

    @property
    def outcome(self) -> str:
        """What was found, or why nothing was searched for."""
        result = self.result
        if result is None:
            return f"not searched: {self.reason}"
        of = "an unknown number" if result.batch_size is None else result.batch_size
        counts = f"{self.certified} of {of} certified"
        if self.direction_certified > self.certified:
            counts += f", {self.direction_certified} up to their scale"
        if self.features and self.chained is not None:
            counts += f", {self.data_certified} of them chained to the data"
            if self.chained.up_to and len(self.chained.samples):
                counts += f" ({len(self.chained.samples)} known up to {self.chained.up_to})"
            elif not self.data_certified:
                counts += next((f" ({why})" for why in self.chained.reasons if why), "")
        if result.success:
            return counts
        why = [text for text in (*result.reasons, *result.missing) if text]
        return f"{counts}, {result.status.name}" + (f": {why[0]}" if why and not self.certified else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain values; recovered samples are left out."""
        result = self.result
        return {
            "name": self.name,
            "shape": list(self.shape),
            "inputs": self.features or "data",
            "status": None if result is None else result.status.name,
            "batch_size": None if result is None else result.batch_size,
            "certified": self.certified,
            "direction_certified": self.direction_certified,
            "data_certified": self.data_certified,
            "reason": self.reason,
            "seconds": 0.0 if result is None else result.trace.seconds.get("total", 0.0),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What the update of a model reveals.

    Attributes
    ----------
    verdict : Exposure
        Its value is a sentence.
    layers : tuple of LayerAudit
        Every layer with weights, in the order of the model.
    labels : tuple of int or None
        Classes that are in the batch for certain; None where the last layer does not tell.
    assumptions : tuple of str
        What was taken for granted when the update was read.
    seconds : float
        Time of the audit.
    """

    verdict: Exposure
    layers: tuple[LayerAudit, ...]
    labels: tuple[int, ...] | None
    assumptions: tuple[str, ...]
    seconds: float

    @property
    def worst(self) -> LayerAudit | None:
        """The layer that gives away most: data first, then data up to their scale, then features.

        None where no layer was searched.
        """

        def merit(one: LayerAudit) -> tuple[int, int, int, int]:
            to_scale = 0 if one.features else one.direction_certified
            return one.data_certified, to_scale, one.certified, one.direction_certified

        return max((one for one in self.layers if one.result is not None), key=merit, default=None)

    def report(self, path: str | Path, **options: Any) -> None:
        """Write an HTML page about the layer that gives away most, with a table of all layers.

        Parameters
        ----------
        path : str or Path
            File to write, readable by its owner alone.
        **options
            `original`, `shape`, `feature_names`, `scaler`, `units`, `samples` and `title`, as
            `spear_xp.reporting.html.report` has them.

        Raises
        ------
        UpdateError
            If no layer was searched: `summary()` says why.
        ShapeError
            If an option does not fit the samples.
        ModuleNotFoundError
            Without jinja2 and matplotlib: ``pip install jinja2 matplotlib``.
        """
        worst = self.worst
        if worst is None:
            msg = "no layer was searched, so that there is nothing to report: need one with a result"
            raise UpdateError(msg)
        # Reporting stands above: this is a door to it, as `Result.report` is.
        page = importlib.import_module("spear_xp.reporting.html")
        page.report(worst.result, path, audit=self, **options)

    def summary(self) -> str:
        """The verdict, a table of the layers, labels, and what was taken for granted."""
        rows = [("layer", "weights", "inputs", "outcome")]
        for one in self.layers:
            shape = " × ".join(map(str, one.shape)) or "unknown"
            rows.append((one.name, shape, one.features or "data", one.outcome))
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        lines = [f"{self.verdict.name}: {self.verdict.value}", ""]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("  ".join([*cells, row[3]]))
        lines.append("")
        if self.labels is not None:
            labels = ", ".join(map(str, self.labels)) or "none"
            lines.append(f"labels that are in the batch for certain, where each sample has one: {labels}")
        return "\n".join(lines + [f"assumes: {text}" for text in self.assumptions])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; recovered samples are left out."""
        return {
            "verdict": self.verdict.name,
            "sentence": self.verdict.value,
            "labels": None if self.labels is None else list(self.labels),
            "layers": [one.to_dict() for one in self.layers],
            "assumptions": list(self.assumptions),
            "seconds": self.seconds,
        }

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with a row for each layer.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame([one.to_dict() for one in self.layers])


def verdict_of(layers: Sequence[LayerAudit]) -> Exposure:
    """What the layers say together; those whose inputs are the data go before the others.

    Parameters
    ----------
    layers : sequence of LayerAudit

    Returns
    -------
    Exposure
    """
    searched = [one for one in layers if one.result is not None]
    data = [one for one in searched if not one.features]
    if not searched:
        return Exposure.NOT_APPLICABLE
    if any(one.result is not None and one.data_certified == one.result.batch_size for one in searched):
        return Exposure.EXPOSED
    if any(one.data_certified for one in searched):
        return Exposure.PARTLY_EXPOSED
    if any(one.direction_certified for one in data):
        return Exposure.SCALE_OPEN
    if any(one.direction_certified for one in searched):
        return Exposure.FEATURES
    return Exposure.UNPROVEN
