"""Enters: options of `spear-xp estimate`. Leaves: a forecast, printed or drawn, and an exit code."""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from spear_xp.cli.given import layer_of, update_of
from spear_xp.errors import ArgumentRangeError
from spear_xp.forecasting.calibration import measure_rate
from spear_xp.forecasting.default import SAMPLING, estimate
from spear_xp.forecasting.forecast import Forecast
from spear_xp.forecasting.published import median_map
from spear_xp.reporting.text import describe, to_json

__all__ = ["forecast"]


def forecast(options: argparse.Namespace) -> int:
    """`spear-xp estimate`."""
    if options.file is not None and options.update is not None:
        msg = f"--update {options.update} beside {options.file}: need UPDATE once, and WEIGHTS behind it"
        raise ArgumentRangeError(msg)
    options.file = options.file or options.update
    told = estimate(
        options.batch,
        options.width,
        update=None if options.file is None else layer_of(update_of(options)),
        search=options.search,
        features=options.features,
        noise=options.noise,
        centred=options.centred,
        time_limit=options.time_limit,
        machine_rate=measure_rate() if options.measure else None,
        samples_per_second=options.rate,
    )
    published = options.search == SAMPLING
    if options.heatmap is not None:
        _heatmap(options.heatmap, told, published=published)
    if options.json:
        values = told.to_dict()
        if published:
            figures = told.published
            values["published"] = {**dataclasses.asdict(figures), "verdict": figures.verdict.name}
        print(to_json(values))
    else:
        print(told.summary())
        if published:
            print("\n".join(describe(told.published)))
        if options.heatmap is not None:
            print(f"picture: {options.heatmap.resolve()}")
    return 0


def _heatmap(path: Path, forecast: Forecast, *, published: bool) -> None:
    from spear_xp.reporting.plots import draw_heatmap, draw_regions

    if not published:
        draw_regions(forecast, path)
        return
    batches, widths = np.arange(2, 62), np.unique(np.geomspace(64, 10_000, 80).astype(int))
    bits = median_map(batches, widths)
    draw_heatmap(
        np.where(np.isfinite(bits), bits, np.nan),
        batches.tolist(),
        widths.tolist(),
        path,
        title="Row subsets of the published sampler for the whole batch, even odds (iid tier)",
        label="number of row subsets",
    )
