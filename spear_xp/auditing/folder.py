"""Enters: a folder with the updates of many clients. Leaves: a `FolderAudit`, one line for each file."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from spear_xp.auditing.audit import audit
from spear_xp.auditing.verdict import Audit, Exposure
from spear_xp.errors import ArgumentRangeError, FileError, SpearError
from spear_xp.solver.result import Status
from spear_xp.updates.adapters.files import FORMATS

__all__ = ["FolderAudit", "UpdateAudit", "audit_folder"]

STOPPED = "the audit was interrupted"


@dataclass(frozen=True, slots=True)
class UpdateAudit:
    """What the update in one file reveals; no recovered sample is among it.

    Attributes
    ----------
    file : str
        Name of the file.
    verdict : str
        Name of an `Exposure`; empty if the file could not be audited.
    layer : str
        Layer that gives away most, `Audit.worst`.
    batch_size : int or None
        Samples in the batch, as that layer shows it.
    certified, data_certified : int
        Certified inputs of that layer, and certified samples of the data.
    labels : tuple of int or None
        Classes that are in the batch for certain.
    seconds : float
    reason : str
        Why the file could not be audited; or, with a verdict, why no layer was searched.
    """

    file: str
    verdict: str = ""
    layer: str = ""
    batch_size: int | None = None
    certified: int = 0
    data_certified: int = 0
    labels: tuple[int, ...] | None = None
    seconds: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"{self.file}: {self.verdict or 'not audited'}: {self.reason}"
        of = "an unknown number" if self.batch_size is None else self.batch_size
        what = f"{self.data_certified} of {of} samples certified"
        if self.certified > self.data_certified:
            what = f"{self.certified} of {of} features certified, {self.data_certified} samples"
        where = f" ({self.layer})" if self.layer else ""
        return f"{self.file}: {self.verdict}, {what}{where}, {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class FolderAudit:
    """What the updates in a folder reveal, in the order of their names.

    Attributes
    ----------
    updates : tuple of UpdateAudit
    passed_over : tuple of str
        Names of files of no format that is read.
    """

    updates: tuple[UpdateAudit, ...]
    passed_over: tuple[str, ...] = ()

    @property
    def verdicts(self) -> dict[str, int]:
        """How many updates have each verdict, worst first; files that could not be audited last."""
        counts = Counter(one.verdict for one in self.updates)
        named = {one.name: counts[one.name] for one in Exposure if counts[one.name]}
        return named | ({"not audited": counts[""]} if counts[""] else {})

    def summary(self) -> str:
        """A line for each file, then how many files have each verdict."""
        lines = [str(one) for one in self.updates]
        lines += ["", f"{len(self.updates)} updates"]
        lines += [f"{count:6d}  {name}" for name, count in self.verdicts.items()]
        data = sum(one.data_certified for one in self.updates)
        lines.append(f"{data:6d}  samples of the data certified")
        if self.passed_over:
            lines.append(f"passed over: {', '.join(self.passed_over)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "verdicts": self.verdicts,
            "updates": [asdict(one) for one in self.updates],
            "passed_over": list(self.passed_over),
        }

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict()` to a file that its owner alone may read: labels are among it."""
        _private(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    def to_csv(self, path: str | Path) -> None:
        """Write a line for each file; labels are separated by spaces. Its owner alone may read it."""
        with _private(path).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, [field.name for field in fields(UpdateAudit)])
            writer.writeheader()
            for one in self.updates:
                labels = "" if one.labels is None else " ".join(map(str, one.labels))
                writer.writerow(asdict(one) | {"labels": labels})


def _private(path: str | Path) -> Path:
    path = Path(path)
    path.touch(0o600)
    path.chmod(0o600)
    return path


def audit_folder(
    folder: str | Path,
    weights: Any = None,
    *,
    executor: Executor | None = None,
    on_update: Callable[[UpdateAudit], None] | None = None,
    **options: Any,
) -> FolderAudit:
    """Audit every update in a folder, such as those of all clients in a round.

    Parameters
    ----------
    folder : str or Path
        With files that `spear_xp.audit` reads. Folders inside, and files whose names begin with a dot, do not
        count.
    weights : optional
        The weights before the step, the same for all, as for `audit`. If that is a file in the folder, it
        does not count as an update.
    executor : concurrent.futures.Executor, optional
        Audits run there side by side: threads, processes, or the workers of a cluster, which need the folder
        under the same path. The result does not depend on it, unless a time limit cuts a search short.
    on_update : callable, optional
        Called with each `UpdateAudit`, in the order of the names.
    **options
        Those of `audit`, for each file: time_limit, search, accuracy, rng, feature_kinds, batch_size, kind,
        training, model, names, layout, example.

    Returns
    -------
    FolderAudit

    Raises
    ------
    FileError
        If the folder is not there or holds no file that can be read by its name.
    ArgumentRangeError
        If an option is out of its range, so that not one file could be audited.

    Notes
    -----
    A file that cannot be read is one entry with its error. Recovered samples are not kept: audit one file by
    itself for them. Ctrl-C ends the audit, and files that were not done say so.
    """
    folder = Path(folder)
    if not folder.is_dir():
        msg = f"{folder}: need a folder with updates"
        raise FileError(msg)
    beside = Path(weights).resolve() if isinstance(weights, str | Path) else None
    found = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    paths = [one for one in found if one.suffix in FORMATS and one.resolve() != beside]
    if not paths:
        msg = f"{folder}: no update in it: need files with the endings {', '.join(FORMATS)}"
        raise FileError(msg)
    done, out_of_range = [], 0
    for one, wrong in _audits(paths, weights, options, executor):
        done.append(one)
        out_of_range += wrong
        if on_update is not None:
            on_update(one)
    if out_of_range == len(done):
        raise ArgumentRangeError(done[0].reason)
    return FolderAudit(tuple(done), tuple(one.name for one in found if one.suffix not in FORMATS))


Outcome = tuple[UpdateAudit, bool]  # and whether an option was out of its range


def _audits(
    paths: list[Path], weights: Any, options: dict[str, Any], executor: Executor | None
) -> Iterator[Outcome]:
    """One after the other, in the order of the paths, whichever is done first."""
    stopped = False
    futures = [
        None if executor is None else executor.submit(_audited, path, weights, options) for path in paths
    ]
    for path, future in zip(paths, futures, strict=True):
        if stopped and (future is None or not future.done() or future.cancelled()):
            yield UpdateAudit(path.name, reason=STOPPED), False
            continue
        try:
            one, wrong = _audited(path, weights, options) if future is None else future.result()
        except KeyboardInterrupt:  # of this process, while others are at work
            one, wrong = UpdateAudit(path.name, reason=STOPPED), False
        except Exception as error:  # noqa: BLE001  # a worker that died, or a model that cannot be sent to one
            one, wrong = UpdateAudit(path.name, reason=f"its worker failed: {error!r}"), False
        if one.reason == STOPPED and not stopped:
            stopped = True
            for waiting in futures:
                if waiting is not None:
                    waiting.cancel()
        yield one, wrong


def _audited(path: Path, weights: Any, options: dict[str, Any]) -> Outcome:
    """Runs in a worker: what it hands back is small and holds no sample."""
    try:
        found = audit(path, weights, **options)
    except KeyboardInterrupt:
        return UpdateAudit(path.name, reason=STOPPED), False
    except (SpearError, OSError, MemoryError, ModuleNotFoundError) as error:
        why = str(error) or type(error).__name__
        return UpdateAudit(path.name, reason=why), isinstance(error, ArgumentRangeError)
    if any(one.result is not None and one.result.status is Status.INTERRUPTED for one in found.layers):
        return UpdateAudit(path.name, reason=STOPPED), False
    return _line(path.name, found), False


def _line(file: str, found: Audit) -> UpdateAudit:
    """An audit without its layers."""
    known: dict[str, Any] = {"labels": found.labels, "seconds": found.seconds}
    most = found.worst
    if most is None or most.result is None:
        reasons = dict.fromkeys(f"{one.name}: {one.reason}" for one in found.layers)
        return UpdateAudit(file, found.verdict.name, reason="; ".join(reasons), **known)
    counts = most.result.batch_size, most.certified, most.data_certified
    return UpdateAudit(file, found.verdict.name, most.name, *counts, **known)
