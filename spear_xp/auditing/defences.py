"""Enters: records, defences and strengths. Leaves: what leaks of the records at each, as a `Sweep`.

Reached as `spear_xp.defences`. Records are drawn, a network is drawn, clients send what the defence lets
through, and `invert` attacks it. Beside it stands what an attack could recover that knows all masks.
"""

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from spear_xp.auditing.breakdown import FORECAST, breakdowns
from spear_xp.auditing.ceiling import ceiling
from spear_xp.auditing.mechanisms import DEFENCES, Clients, Defence, Sent
from spear_xp.errors import ArgumentRangeError, NonFiniteError, ShapeError, SpearError
from spear_xp.numerics.backend import Host, space_of, to_host
from spear_xp.numerics.random import Stream, generator
from spear_xp.solver.invert import invert
from spear_xp.updates.network import Network

__all__ = ["DEFENCES", "RECOGNISED", "Leak", "Sweep", "sweep"]

ACCURACY = 0.3  # chosen: relative error of a certified record; the largest that a search takes
RECOGNISED = 30.0  # chosen: PSNR in dB from which a record counts as recovered
ALL, NONE = 0.9, 0.1  # chosen: shares of records that a verdict calls everything and nothing
MOST = 200.0  # cosmetic: PSNR in dB that stands for no error
LEAST = 0.5  # chosen: share of the entries of a record that have to come back, or nothing did
# measured: multiply-adds that a search takes in a second (lab.md, "Sweeps of defences, once more")
PACE = 2e10


@dataclass(frozen=True, slots=True)
class Leak:
    """What leaks of one batch, or on average of several.

    Attributes
    ----------
    defence : str
    strength : float
        In the unit of the defence.
    seed : int
        Of records, network and search; -1 for an average.
    records : int
        In the update.
    certified : float
        Share of them that is certified.
    psnr : float
        Median in dB of the record nearest to each, of the entries that came back; 0 where nothing did.
    recovered : float
        Share with more than 30 dB.
    ceiling_psnr, ceiling_recovered : float
        The same with all masks known; NaN where this is not known, as in a batch beyond the rank.
    ends : str
        Status of the search, or the error.
    causes : str
        Names of what `Result.diagnosis` says.
    seconds : float
    breakdown : float
        Strength of the defence at which a forecast expects recovery to end; NaN where there is none.
    entries : float
        Share of a record's entries that came back; less than half of them counts as nothing.
    """

    defence: str
    strength: float
    seed: int
    records: int
    certified: float
    psnr: float
    recovered: float
    ceiling_psnr: float
    ceiling_recovered: float
    ends: str
    causes: str
    seconds: float
    breakdown: float = math.nan
    entries: float = 1.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Leaks by defence and strength.

    Attributes
    ----------
    leaks : tuple of Leak
        One for each defence, strength and seed, in this order.
    """

    leaks: tuple[Leak, ...]

    @property
    def defences(self) -> tuple[str, ...]:
        """Names, in their order."""
        return tuple(dict.fromkeys(leak.defence for leak in self.leaks))

    def curve(self, defence: str) -> list[Leak]:
        """Averages over seeds, one for each strength."""
        groups: dict[float, list[Leak]] = {}
        for leak in self.leaks:
            if leak.defence == defence:
                groups.setdefault(leak.strength, []).append(leak)
        return [_averaged(group) for group in groups.values()]

    def breakdown(self, defence: str) -> float:
        """Strength at which a forecast expects recovery to end, the median over seeds; NaN without one."""
        ends = [leak.breakdown for leak in self.leaks if leak.defence == defence]
        known = [end for end in ends if not math.isnan(end)]
        return float(np.median(known)) if known else math.nan

    def verdict(self, defence: str) -> str:
        """What the curve of a defence says, in a sentence; protection is never among it."""
        curve, unit = self.curve(defence), DEFENCES[defence].unit
        hidden = [leak for leak in curve if leak.recovered <= NONE]
        least = min(leak.recovered for leak in curve)
        if least >= ALL:
            return f"{defence} protects nothing: at every strength {least:.0%} came back"
        if not hidden:
            return f"{defence} protects a part at most: at every strength {least:.0%} or more came back"
        held = max((leak.ceiling_recovered for leak in hidden if leak.ceiling_recovered > NONE), default=0.0)
        words = [f"{defence} hides records from this search from {hidden[0].strength:g} {unit} on"]
        stronger = curve[curve.index(hidden[0]) :]
        if max(leak.recovered for leak in stronger) > NONE:
            back = max(stronger, key=lambda leak: leak.recovered)
            words.append(f"but not at {back.strength:g}, where {back.recovered:.0%} came back")
        if held:
            words.append(f"and does not take them out of the update: up to {held:.0%} is there")
        gone = [leak for leak in hidden if leak.ceiling_recovered <= NONE]
        if gone:
            words.append(
                f"from {gone[0].strength:g} on the update holds none of them above {RECOGNISED:g} dB"
            )
        return ", ".join(words)

    def to_csv(self, path: Path) -> None:
        """Write all leaks, one a line."""
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, [field.name for field in fields(Leak)])
            writer.writeheader()
            writer.writerows(asdict(leak) for leak in self.leaks)


def sweep(
    records: Host,
    *,
    defences: Iterable[str] | Mapping[str, Sequence[float]] = tuple(DEFENCES),
    batch_size: int = 12,
    width: int = 300,
    depth: int = 3,
    classes: int = 10,
    seeds: Sequence[int] = (0, 1, 2),
    time_limit: float = 20.0,
    work_limit: float | None = 1e11,
    on_progress: Callable[[Leak], None] | None = None,
) -> Sweep:
    """Measure what defences change, on data of your own.

    Parameters
    ----------
    records : array, shape (N, n), real floating-point
        Data to draw batches from; more than the largest batch.
    defences : iterable of str, or mapping from str to sequences of float
        Names in `DEFENCES`; or with strengths of your own, from weak to strong.
    batch_size : int
        Records in a batch.
    width, depth, classes : int
        Neurons of each hidden layer, linear layers, and outputs of the network, at initialisation.
    seeds : sequence of int
        One batch, network and search for each.
    time_limit, work_limit : float
        Of each search, in seconds and multiply-adds; the work ends it at the same place on every machine.
    on_progress : callable, optional
        Told each `Leak` as soon as it is known.

    Returns
    -------
    Sweep

    Raises
    ------
    ArgumentRangeError, ShapeError, NonFiniteError
        If a defence has no such name, there are too few records, or these are not finite.

    Notes
    -----
    The attacker knows the defence: where it adds noise of known size, the search is told, and after local
    steps it knows both ends. A record counts as certified to a relative error of .3. What a sweep does not
    find may be found by a better attack; the ceiling says how much the update holds.

    Examples
    --------
    >>> from spear_xp.updates.synthetic import gaussian_inputs
    >>> found = sweep(gaussian_inputs(40, 60, rng=0), defences={"noise": (1e-6,)}, seeds=(0,), batch_size=6)
    >>> found.curve("noise")[0].recovered
    1.0
    """
    records = to_host(records).astype("float32")
    bad = int((~np.isfinite(records)).sum())
    if records.ndim != 2 or bad:
        msg = f"records has shape {records.shape}, with {bad} NaN or infinite entries: need (N, n), finite"
        raise (NonFiniteError if bad else ShapeError)(msg)
    seconds = time_limit if work_limit is None else min(time_limit, work_limit / PACE)
    leaks: list[Leak] = []
    ends: dict[int, dict[str, float]] = {}
    for defence, strength in _planned(defences):
        for seed in seeds:
            clients = _clients(records, batch_size, (width, depth, classes), seed)
            if defence.name in FORECAST and seed not in ends:
                ends[seed] = breakdowns(clients, time_limit=seconds)
            end = ends.get(seed, {}).get(defence.name, math.nan)
            leak = _leak(defence, strength, seed, clients, time_limit, work_limit)
            leaks.append(replace(leak, breakdown=end))
            if on_progress is not None:
                on_progress(leaks[-1])
    return Sweep(tuple(leaks))


def _planned(
    defences: Iterable[str] | Mapping[str, Sequence[float]],
) -> list[tuple[Defence, float]]:
    """Defences with their strengths."""
    own = defences if isinstance(defences, Mapping) else {}
    plan = []
    for name in defences:
        if name not in DEFENCES:
            msg = f"defence {name!r}: need one of {', '.join(DEFENCES)}"
            raise ArgumentRangeError(msg)
        defence = DEFENCES[name]
        plan += [(defence, float(strength)) for strength in own.get(name, defence.strengths)]
    return plan


def _clients(records: Host, batch_size: int, shape: tuple[int, int, int], seed: int) -> Clients:
    """Records in the order of a seed, and a network."""
    width, depth, classes = shape
    if not 1 <= batch_size <= len(records):
        msg = f"batch_size={batch_size}: need 1 to {len(records)}, the number of records"
        raise ArgumentRangeError(msg)
    host = generator(seed, Stream.DEFENCES, 0)
    order = host.permutation(len(records))
    sizes = (records.shape[1], *[width] * (depth - 1), classes)
    net = Network.drawn(space_of(records), sizes, host, records.dtype)
    labels = host.integers(0, classes, len(records))
    return Clients(net, records[order], labels, batch_size, host)


def _leak(
    defence: Defence,
    strength: float,
    seed: int,
    clients: Clients,
    time_limit: float,
    work_limit: float | None,
) -> Leak:
    """Attack one update."""
    sent = defence.send(clients, strength)
    peak = float(np.ptp(clients.records)) or 1.0
    certified, found, causes, seconds = 0, np.zeros((0, sent.inputs.shape[1])), "", 0.0
    try:
        result = invert(
            sent.update, accuracy=ACCURACY, rng=seed, time_limit=time_limit, work_limit=work_limit
        )
        ends, certified = result.status.name, int(result.certified.sum())
        seconds = result.trace.seconds["total"]
        found, causes = to_host(result.inputs), ", ".join(one.name for one in result.diagnosis)
    except SpearError as error:
        ends = type(error).__name__
    best = _psnr(ceiling(sent), sent, peak)
    told: Host = np.asarray(~np.isnan(found).any(axis=0))
    psnr = _psnr(found, sent, peak, told)
    return Leak(
        defence=defence.name,
        strength=strength,
        seed=seed,
        records=len(sent.inputs),
        certified=certified / len(sent.inputs),
        psnr=float(np.median(psnr)),
        recovered=float((psnr > RECOGNISED).mean()),
        ceiling_psnr=float(np.median(best)),
        ceiling_recovered=math.nan if np.isnan(best).any() else float((best > RECOGNISED).mean()),
        ends=ends,
        causes=causes,
        seconds=seconds,
        entries=float(told.mean()),
    )


def _psnr(found: Host, sent: Sent, peak: float, told: Host | None = None) -> Host:
    """PSNR in dB of what is nearest to each record, of features that are told, from 0 to 200, shape (b,)."""
    told = np.ones(found.shape[1], bool) if told is None else told
    if not len(found) or told.mean() < LEAST:
        return np.zeros(len(sent.inputs))
    true, found = sent.inputs[:, told].astype(float), found[:, told].astype(float)
    squared = cdist(true, found, "sqeuclidean").min(axis=1)
    psnr: Host = 10 * np.log10(peak**2 / np.maximum(squared / told.sum(), 1e-300))
    return psnr.clip(0.0, MOST)


def _averaged(leaks: list[Leak]) -> Leak:
    """Means over seeds; of the median PSNR, too."""
    first = leaks[0]

    def mean(name: str) -> float:
        return float(np.mean([getattr(leak, name) for leak in leaks]))

    numbers = ("certified", "psnr", "recovered", "ceiling_psnr", "ceiling_recovered")
    return Leak(
        defence=first.defence,
        strength=first.strength,
        seed=-1,
        records=first.records,
        ends=", ".join(dict.fromkeys(leak.ends for leak in leaks)),
        causes=", ".join(dict.fromkeys(one for leak in leaks for one in leak.causes.split(", ") if one)),
        **{name: mean(name) for name in (*numbers, "seconds", "breakdown", "entries")},
    )
