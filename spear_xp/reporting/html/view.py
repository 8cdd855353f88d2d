"""Enters: a result, and what is known beside it. Leaves: what the page says, as plain values."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from spear_xp.auditing.verdict import Audit
from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.numerics.backend import Host, to_host
from spear_xp.reporting import plots
from spear_xp.reporting.html.pictures import chart, guessed_shape, picture
from spear_xp.reporting.html.table import table_of
from spear_xp.reporting.html.verdict import RECOGNISABLE, tone_of, verdict_of
from spear_xp.reporting.metrics import Comparison, compare
from spear_xp.reporting.text import BRIEF, ONE_PER_CENT, UNRELATED, describe_seconds
from spear_xp.solver.result import Result

__all__ = ["view_of"]

SHOWN = 200  # cosmetic: samples of which a page shows pictures
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLACES = {  # where the page has what an attribute of the result holds
    "reasons": "the reasons below",
    "missing": "the list of what is missing",
    "psnr": "the predicted PSNR",
}
CONDITIONS = {  # of the certificate, docs/certificate.md
    "masks": ("a", "the neurons that the layer predicts inactive for it are those on which it vanishes"),
    "kernel": ("b", "the rows on which it vanishes determine it"),
    "accuracy": ("c", "its error bar is small, and disjoint rows agree on it"),
    "row_span": ("d", "the rows on which it is active are explained"),
}


def view_of(
    result: Result,
    *,
    original: Host | None,
    shape: tuple[int, ...] | None,
    feature_names: Sequence[str] | None,
    samples: bool,
    scaler: Any = None,
    audit: Audit | None = None,
) -> dict[str, Any]:
    """Everything that the page shows; arguments as `report` has them, checked."""
    inputs = to_host(result.inputs).astype(float)
    matched = None
    if original is not None and len(inputs) and inputs.shape[1]:
        matched = compare(original, inputs)
    measured = {} if matched is None else _by_sample(matched, matched.psnr)
    rows = _rows(result, measured)
    guessed = False
    if samples and shape is None and feature_names is None and scaler is None:
        shape = guessed_shape(inputs if original is None else original)
        guessed = shape is not None
    view = {
        "verdict": verdict_of(result, measured),
        "tone": tone_of(result, measured),
        "status": _status(result),
        "subject": _subject(result),
        "features": result.trace.features,
        **_update(audit),
        "figures": _figures(result),
        "samples": samples,
        "tiles": [],
        "lost": [],
        "hidden": 0,
        "table": None,
        "layout": "",
        "guessed": guessed,
        "rows": rows,
        "reasons": any(result.reasons),
        "elsewhere": any(row["tone"] != "none" and False in row["conditions"] for row in rows),
        "chance": _chance(result),
        "has_measured": matched is not None,
        "conditions": list(CONDITIONS.values()),
        "missing": _grouped(result.missing),
        "diagnosis": [str(part) for part in getattr(result, "diagnosis", ())],
        "charts": _charts(result),
        "assumed": _assumed(result),
        "call": result.trace.call,
        "versions": result.trace.versions,
        "times": {stage: describe_seconds(s) for stage, s in result.trace.seconds.items() if s > BRIEF},
        "work": f"{result.trace.work:.3g}",
        "seed": result.seed,
    }
    if samples and shape is not None:
        view |= _tiles(rows, inputs, original, shape, matched)
        view["layout"] = " × ".join(str(side) for side in shape)
    elif samples and len(inputs):
        view["table"] = table_of(inputs, result, original, matched, feature_names, scaler)
    return view


def _status(result: Result) -> str:
    """How the search ended, with names of attributes in the words of the page."""
    text = result.status.value
    for name, words in PLACES.items():
        text = text.replace(f"`{name}`", words)
    return text


def _subject(result: Result) -> str:
    m, n = result.trace.shape
    layer = f"layer {result.trace.layer!r}" if result.trace.layer else "one layer"
    return f"Audit of {layer}, {m:,} neurons with {n:,} inputs"


def _update(audit: Audit | None) -> dict[str, Any]:
    """What the page says of the other layers; nothing where they are not known."""
    if audit is None:
        return {"layers": [], "exposure": "", "labels": "", "chained": 0}
    layers = [
        {
            "name": one.name,
            "shape": " × ".join(map(str, one.shape)) or "unknown",
            "inputs": one.features or "the data",
            "outcome": one.outcome,
        }
        for one in audit.layers
    ]
    labels = ", ".join(map(str, audit.labels or ()))
    chained = audit.worst.data_certified if audit.worst is not None and audit.worst.features else 0
    return {"layers": layers, "exposure": audit.verdict.value, "labels": labels, "chained": chained}


def _chance(result: Result) -> str:
    """How improbable it is that a wrong sample passes the certificate; empty where nothing can be said."""
    bounds = [
        max((bound for bound in false_acceptance(result, angle).tolist() if bound < math.inf), default=0.0)
        for angle in (UNRELATED, ONE_PER_CENT)
    ]
    if not bounds[0] < 0:
        return ""
    near = f", one that is 1 % off of at most {_power(bounds[1])}" if bounds[1] < 0 else ""
    return (
        "Under a random model (docs/theory/acceptance.md) a sample unrelated to the batch passes with a "
        f"probability of at most {_power(bounds[0])}{near}."
    )


def _power(exponent: float) -> str:
    """A power of ten as it is printed."""
    return "10" + f"{exponent:.0f}".translate(SUPERSCRIPT)


def _figures(result: Result) -> list[tuple[str, str]]:
    """The few numbers that a reader looks for first, with what they are."""
    flags = to_host(result.certified).astype(bool)
    figures = [
        ("certified", f"{flags.sum()} of {'?' if result.batch_size is None else result.batch_size}"),
        ("returned, not certified", str(int((~flags).sum()))),
    ]
    if flags.any():
        bars, psnr = to_host(result.error_bars)[flags], to_host(result.psnr)[flags]
        figures.append(("largest error bar, in units of the inputs", _short(float(bars.max()))))
        if abs(psnr).max() < math.inf:
            told = f"predicted PSNR; images can be recognised from {RECOGNISABLE:.0f} dB on"
            figures.append((told, f"{psnr.min():.0f} to {psnr.max():.0f} dB"))
    figures.append(("time of the search", describe_seconds(result.trace.seconds.get("total", 0.0))))
    return figures


def _rows(result: Result, measured: dict[int, float]) -> list[dict[str, Any]]:
    """The certificate, one row a sample."""
    certified, directions = (
        to_host(flags).astype(bool) for flags in (result.certified, result.direction_certified)
    )
    sources, tests = result.trace.sources, result.trace.conditions
    rows = []
    for k, (bar, psnr) in enumerate(
        zip(to_host(result.error_bars).tolist(), to_host(result.psnr).tolist(), strict=True)
    ):
        tone = "good" if certified[k] else "some" if directions[k] else "none"
        rows.append(
            {
                "number": k,
                "tone": tone,
                "identity": {"good": "certified", "some": "up to scale", "none": "not certified"}[tone],
                "error_bar": _short(bar),
                "psnr": _decibels(psnr),
                "measured": _decibels(measured.get(k, math.nan)),
                "conditions": [bool(tests[name][k]) if name in tests else None for name in CONDITIONS],
                "source": sources[k] if k < len(sources) else "",
                "reason": result.reasons[k],
            }
        )
    return rows


def _by_sample(matched: Comparison, values: Host) -> dict[int, Any]:
    """Values of a comparison by number of the recovered sample."""
    return dict(zip(matched.recovered.tolist(), values.tolist(), strict=True))


def _grouped(sentences: Sequence[str]) -> list[tuple[int, str]]:
    """Equal sentences once, with how many there are."""
    return [(sentences.count(text), text) for text in dict.fromkeys(sentences)]


def _assumed(result: Result) -> list[str]:
    trace = result.trace
    m, n = trace.shape
    noise = "rounding" if trace.noise_model == "relative" else "added noise"
    assumed = [
        f"The layer is fully connected, has {m:,} neurons and {n:,} inputs, and a ReLU follows it.",
        "Weight and bias are those at which the gradient was taken.",
        "The update is the gradient of one batch, or a multiple of it, up to noise.",
    ]
    if result.batch_size is not None:
        level = _short(trace.noise_level)
        assumed.append(f"Noise: {level} of the root mean square entry of a row, taken for {noise}.")
        given = "found from the singular values" if trace.expected is None else f"{trace.expected} was given"
        assumed.append(f"Batch size {result.batch_size}: {given}; equal inputs count as one.")
    if trace.weight_decay:
        assumed.append(f"Weight decay was taken out: {_short(trace.weight_decay)} times the weights.")
    if trace.completed:
        assumed.append(f"{trace.completed:.1%} of the entries were missing: completed from the others.")
    return [*assumed, *trace.assumptions]


def _charts(result: Result) -> list[dict[str, str]]:
    trace, rank = result.trace, result.batch_size
    charts = []
    if len(to_host(trace.singular_values)):
        after = "" if rank is None else f" The cut after number {rank} is the batch size."
        charts.append(
            {
                "title": "Spectrum of the gradient",
                "uri": chart(partial(plots.spectrum, result)),
                "text": f"Singular values of the gradient, its rows scaled to equal noise.{after}",
            }
        )
    if trace.zeros:
        least = min(trace.zeros)
        charts.append(
            {
                "title": "Zero rows",
                "uri": chart(partial(plots.zero_counts, result)),
                "text": f"Rows of the gradient on which each direction vanishes, at least {least}; "
                f"{trace.threshold} are needed.",
            }
        )
    finite = [value for value in to_host(result.psnr).tolist() if abs(value) < math.inf]
    if finite:
        charts.append(
            {
                "title": "Predicted accuracy",
                "uri": chart(partial(plots.predicted_psnr, result)),
                "text": f"PSNR that the error bars predict, {min(finite):.0f} to {max(finite):.0f} dB.",
            }
        )
    return charts


def _tiles(
    rows: list[dict[str, Any]],
    inputs: Host,
    original: Host | None,
    shape: tuple[int, ...],
    matched: Comparison | None,
) -> dict[str, Any]:
    """Pictures of the samples, and of the originals that no sample belongs to."""
    reference = inputs if original is None else original
    proven = inputs[[row["tone"] == "good" for row in rows]]
    scale = proven if original is None and len(proven) else reference
    span = (float(scale.min()), float(scale.max())) if scale.size else (0.0, 1.0)
    pairs = {} if matched is None else _by_sample(matched, matched.truth)
    tiles = []
    for k, row in enumerate(rows[:SHOWN]):
        pictures = [
            ("recovered", f"sample {k} as recovered, {row['identity']}", picture(inputs[k], shape, span))
        ]
        if original is not None and k in pairs:
            true = original[pairs[k]]
            difference = abs(true - inputs[k])
            text = f"absolute difference of sample {k} from its original, at most {difference.max():.2g}"
            pictures = [
                ("original", f"original of sample {k}", picture(true, shape, span)),
                *pictures,
                ("|difference|", text, picture(difference, shape, (0.0, span[1] - span[0]))),
            ]
        tiles.append(row | {"pictures": pictures})
    lost = []
    if original is not None:
        gone = [i for i in range(len(original)) if i not in set(pairs.values())]
        lost = [(i, picture(original[i], shape, span)) for i in gone[:SHOWN]]
    return {"tiles": tiles, "lost": lost, "hidden": max(0, len(inputs) - SHOWN)}


def _short(value: float) -> str:
    """A number in two digits."""
    return "–" if not math.isfinite(value) else f"{value:.2g}"


def _decibels(value: float) -> str:
    return f"{value:.0f} dB" if math.isfinite(value) else "exact" if value == math.inf else "–"
