"""Enters: a search at the start of a round. Leaves: a file from which another process goes on bit for bit.

Chunks are pure functions of problem, what is known, seed and number, and every decision follows counted work.
So the state at the start of a round is enough: pool, incumbent, schedule, what partial sets have counted, and
the work done.
"""

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from spear_xp.errors import CheckpointError, SavedFileError
from spear_xp.numerics.backend import to_host
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.saving import archive
from spear_xp.solver.saving.packing import pack, unpack

__all__ = ["Checkpoint", "identity_of", "seed_in"]

KIND = "checkpoint"
VERSION = 1  # chosen: of the format; a file of another version is refused
EVERY = 5.0  # chosen: seconds between two writes; a search that is killed loses no more
SEARCH = ("drawn", "diagnosis", "judged")  # of `Search`, beside its parts
PARTIAL = ("turn", "least", "cost", "last", "spent", "found_at", "spent_at")  # of `PartialSets`
RECORD = ("chunk", "gain", "cost", "spent", "in_vain", "idle", "waits")  # of a strategy in `Schedule`


def identity_of(
    problem: Problem, strategies: Sequence[Strategy], seed: int, rounds: int, versions: Mapping[str, str]
) -> dict[str, str]:
    """What has to be equal for a search to go on, part by part, as digests or in words."""
    digest = hashlib.blake2b(digest_size=16)
    for field in fields(problem):
        value = getattr(problem, field.name)
        if hasattr(value, "shape"):
            host = to_host(value)
            digest.update(f"{field.name} {host.dtype} {host.shape}".encode() + host.tobytes())
        elif field.name != "space":
            digest.update(f"{field.name} {value!r}".encode())
    return {
        "gradient": digest.hexdigest(),
        "seed": str(seed),
        "rounds": str(rounds),
        "search": ", ".join(repr(one) if is_dataclass(one) else one.name for one in strategies),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "device": str(problem.space.device),
    }


def seed_in(path: Path | None) -> int | None:
    """The value of `rng` in a checkpoint, if there is one."""
    if path is None or not path.exists():
        return None
    _, about = archive.read(path, kind=KIND, version=VERSION)
    seed = about.get("rng")
    return seed if isinstance(seed, int) else None


class Checkpoint:
    """Writes the state of a search every few seconds, and reads it back.

    Parameters
    ----------
    path : Path or None
        The file; None for a search that is not kept.
    identity : dict of str to str
        See `identity_of`.
    rng : int or None
        Argument of that name of `invert`, where it is an integer.
    """

    def __init__(
        self, path: Path | None = None, identity: Mapping[str, str] | None = None, rng: int | None = None
    ) -> None:
        self.path, self.identity, self.rng = path, dict(identity or {}), rng
        self.written = 0.0

    def keep(self, search: Any, partial: Any, clock: Any, *, now: bool = False) -> None:
        """Write the state, if the last time is long enough ago, or at once.

        What is found is worth more than its checkpoint: where that cannot be written, a warning says so.
        """
        if now or clock.elapsed - self.written >= EVERY:
            try:
                self._write(search, partial, clock)
            except OSError as error:
                msg = f"checkpoint={str(self.path)!r} was not written, the search goes on: {error}"
                warnings.warn(msg, RuntimeWarning, stacklevel=2)

    def _write(self, search: Any, partial: Any, clock: Any) -> None:
        if self.path is None:
            return
        with clock.stage("checkpoint"):
            arrays, packed = pack(_state(search, partial, clock), search.pool.problem)
            about = {"identity": self.identity, "rng": self.rng, **packed}
            archive.write(self.path, arrays, about, kind=KIND, version=VERSION)
        self.written = clock.elapsed

    def resume(self, search: Any, partial: Any, clock: Any) -> None:
        """Bring a search that has just begun to where the file has it; if there is none, write one.

        Raises
        ------
        OSError
            If there is none and it cannot be written.
        CheckpointError
            If the file is of another gradient, seed, search, device or version.
        SavedFileError
            If it is no checkpoint, or damaged.
        """
        if self.path is None or not self.path.exists():
            self._write(search, partial, clock)
            return
        arrays, about = archive.read(self.path, kind=KIND, version=VERSION)
        try:
            self._check(about["identity"])
            state = unpack(arrays, about, search.pool.problem)
            _restore(state, search, partial, clock)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError, MemoryError) as error:
            if isinstance(error, CheckpointError):
                raise
            msg = f"{self.path} is no {KIND} of spear_xp: {error!r}"
            raise SavedFileError(msg) from error

    def _check(self, found: Mapping[str, str]) -> None:
        for name, here in self.identity.items():
            if found[name] != here:
                msg = (
                    f"checkpoint={str(self.path)!r} is of another {name}, {found[name]}: "
                    f"need {here}, or a file that is not there yet"
                )
                raise CheckpointError(msg)


def _state(search: Any, partial: Any, clock: Any) -> dict[str, Any]:
    pool, best = search.pool, search.best
    return {
        "entries": pool.entries,
        "kernels": pool.shared.kernels,
        "attempts": pool.shared.attempts,
        "best": best.best,
        "ledger": best.ledger,
        "conclusive": best.conclusive,
        "seen": {key.hex(): count for key, count in best.seen.items()},
        "records": [{name: getattr(one, name) for name in RECORD} for one in search.schedule.records],
        "search": {name: getattr(search, name) for name in SEARCH},
        "partial": None if partial is None else {name: getattr(partial, name) for name in PARTIAL},
        "work": clock.work,
        "seconds": clock.seconds,
        "elapsed": clock.elapsed,
    }


def _restore(state: Mapping[str, Any], search: Any, partial: Any, clock: Any) -> None:
    pool, best = search.pool, search.best
    pool.renew(list(state["entries"]), [], set())
    pool.shared.kernels, pool.shared.attempts = state["kernels"], state["attempts"]
    best.best, best.ledger, best.conclusive = state["best"], state["ledger"], state["conclusive"]
    best.seen = Counter({bytes.fromhex(key): count for key, count in state["seen"].items()})
    for record, told in zip(search.schedule.records, state["records"], strict=True):
        for name in RECORD:
            setattr(record, name, told[name])
    for name in SEARCH:
        setattr(search, name, state["search"][name])
    if partial is not None:
        for name in PARTIAL:
            setattr(partial, name, state["partial"][name])
    clock.go_on(state["work"], state["seconds"], state["elapsed"])
