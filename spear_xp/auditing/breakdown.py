"""Enters: clients without a defence. Leaves: strengths at which a forecast expects recovery to end."""

import math

import numpy as np

from spear_xp.auditing.mechanisms import DEFENCES, Clients
from spear_xp.errors import SpearError
from spear_xp.forecasting.default import estimate

__all__ = ["FORECAST", "breakdowns"]

FORECAST = ("noise", "quantise", "batch", "clients")


def breakdowns(clients: Clients, *, time_limit: float) -> dict[str, float]:
    """Where whole batches are lost with even odds, before any defence is tried.

    Parameters
    ----------
    clients : Clients
        Their gradient without a defence is what `spear_xp.estimate` is asked about.
    time_limit : float
        Seconds of a search, for the size of a batch.

    Returns
    -------
    dict of str to float
        By name of the defence, in its unit; NaN where the forecast does not say. No other defence has one.

    Notes
    -----
    The noise is `Forecast.noise_edge`. Rounding to a step adds noise of the step over the root of 12, which
    gives the bits. The batch is `Forecast.largest_batch`, or the number of features where that is less; more
    clients make one larger batch.
    """
    sent = DEFENCES["batch"].send(clients, clients.batch_size)
    try:
        forecast = estimate(sent.update, time_limit=time_limit)
    except SpearError:
        return dict.fromkeys(FORECAST, math.nan)
    entries = sent.both[:, :-1]
    noise = forecast.noise_edge * float(np.sqrt((entries**2).mean()))
    bits = math.log2(1 + float(np.ptp(entries)) / (math.sqrt(12) * noise)) if noise > 0 else math.nan
    most = forecast.largest_batch
    batch = math.nan if most is None else float(min(most, entries.shape[1]))
    ends = (forecast.noise_edge, bits, batch, batch / clients.batch_size)
    return dict(zip(FORECAST, ends, strict=True))
