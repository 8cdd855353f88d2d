"""Enters: a `Result`, or a file of one. Leaves: a file of it, or the `Result`, with arrays of NumPy."""

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from spear_xp.certification.evidence import Evidence
from spear_xp.diagnosis.causes import Cause
from spear_xp.errors import SavedFileError
from spear_xp.numerics.backend import Host, to_host
from spear_xp.solver.result import Result, Status, Trace
from spear_xp.solver.saving import archive

__all__ = ["load_result", "save_result"]

KIND = "saved result"
VERSION = 1  # chosen: of the format; a file of another version is refused
MASKS = ("active", "inactive", "zero", "possible")  # of `Evidence`, shape (m, b)
COUNTS = {"tolerances": "f", "lost": "i", "spare": "i"}  # shape (b,)
TEXT, WHOLE, REAL = (str,), (int,), (int, float)
PLAIN = {  # fields of `Trace` that are one value each
    "samples_drawn": WHOLE,
    "candidates": WHOLE,
    "score": REAL,
    "noise_level": REAL,
    "noise_model": TEXT,
    "threshold": WHOLE,
    "expected": (int, type(None)),
    "numerical_rank": WHOLE,
    "weight_decay": REAL,
    "completed": REAL,
    "work": REAL,
    "layer": TEXT,
    "features": TEXT,
    "call": TEXT,
}
FINITE = {"inputs", "directions", "singular_values"}  # arrays
COUNTED = {"singular_values", "error_bars", "own_bars"}
SIGNED = {"score", "weight_decay", "evidence"}
LARGEST = 2.0**62  # chosen: of numbers in a file, so that arrays can hold them
CAUSE = tuple(field.name for field in fields(Cause))
LISTS = {"sources": TEXT, "zeros": WHOLE, "assumptions": TEXT, "shape": WHOLE}
TABLES = {"seconds": REAL, "versions": TEXT}


def save_result(result: Result, path: str | Path, *, samples: bool = True) -> None:
    """Write a result to a file, as `Result.save` says."""
    arrays = {
        "certified": to_host(result.certified),
        "direction_certified": to_host(result.direction_certified),
        "error_bars": to_host(result.error_bars),
        "inputs": to_host(result.inputs)[:, : None if samples else 0],
        "psnr": to_host(result.psnr),
        "residuals": to_host(result.trace.residuals),
        "singular_values": to_host(result.trace.singular_values),
        **{f"conditions/{name}": flags for name, flags in result.trace.conditions.items()},
    }
    if result.trace.own_bars is not None:
        arrays["own_bars"] = to_host(result.trace.own_bars)
    if result.labels is not None and samples:
        arrays["labels"] = to_host(result.labels)
    elsewhere: list[list[int] | None] = []
    if samples:
        arrays["directions"] = to_host(result.trace.directions)
        elsewhere = _write_evidence(result.evidence, arrays)
    about = {
        "status": result.status.name,
        "batch_size": result.batch_size,
        "seed": result.seed,
        "reasons": result.reasons,
        "missing": result.missing,
        "elsewhere": elsewhere,
        "diagnosis": [[getattr(one, name) for name in CAUSE] for one in result.diagnosis],
        "trace": {name: getattr(result.trace, name) for name in (*PLAIN, *LISTS, *TABLES)},
    }
    archive.write(Path(path), arrays, about, kind=KIND, version=VERSION)


def load_result(path: str | Path) -> Result:
    """Read a result that `Result.save` has written.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Result
        With arrays of NumPy, whatever library they were of. Where samples were left out, `inputs` has no
        columns, `trace.directions` is empty and `evidence` is None.

    Raises
    ------
    SavedFileError
        If the file is no saved result, of another version of the format, or damaged. Reading one runs no
        code that it holds and needs no more memory than a few times its size.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from spear_xp import invert, load_result
    >>> from spear_xp.updates import synthetic
    >>> truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(4, 30, rng=0), width=60, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     invert(*truth.observed, rng=0).save(Path(folder, "batch.npz"))
    ...     load_result(Path(folder, "batch.npz")).status.name
    'EXACT'
    """
    arrays, about = archive.read(Path(path), kind=KIND, version=VERSION)
    try:
        return _result(arrays, about)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        msg = f"{path} is no {KIND} of spear_xp: {error}"
        raise SavedFileError(msg) from error


def _result(arrays: Mapping[str, Host], about: Mapping[str, Any]) -> Result:
    inputs = _array(arrays, "inputs", "f", (None, None))
    count = len(inputs)
    with_samples = "directions" in arrays
    conditions = [name for name in arrays if name.startswith("conditions/")]
    told = about["trace"]
    plain: dict[str, Any] = {name: _one(told[name], name, kinds) for name, kinds in PLAIN.items()}
    plain |= {name: _many(told[name], name, kinds) for name, kinds in LISTS.items()}
    plain |= {name: _table(told[name], name, kinds) for name, kinds in TABLES.items()}
    trace = Trace(
        directions=_array(arrays, "directions", "f", (None, None)) if with_samples else to_host([[]]),
        residuals=_array(arrays, "residuals", "f", (None,)),
        singular_values=_array(arrays, "singular_values", "f", (None,)),
        conditions={
            name.removeprefix("conditions/"): _array(arrays, name, "b", (count,)) for name in conditions
        },
        own_bars=_array(arrays, "own_bars", "f", (count,)) if "own_bars" in arrays else None,
        **plain,
    )
    if len(trace.shape) != 2:
        msg = f"shape={trace.shape}: need two numbers"
        raise ValueError(msg)
    return Result(
        inputs=inputs,
        certified=_array(arrays, "certified", "b", (count,)),
        direction_certified=_array(arrays, "direction_certified", "b", (count,)),
        error_bars=_array(arrays, "error_bars", "f", (count,)),
        status=Status[_one(about["status"], "status", TEXT)],
        batch_size=_one(about["batch_size"], "batch_size", (int, type(None))),
        reasons=_many(about["reasons"], "reasons", TEXT, count),
        missing=_many(about["missing"], "missing", TEXT),
        evidence=_read_evidence(arrays, _of(about["elsewhere"], "elsewhere", list)),
        seed=_one(about["seed"], "seed", (int, type(None)), most=math.inf),
        trace=trace,
        psnr=_array(arrays, "psnr", "f", (count,)),
        diagnosis=tuple(_cause(one) for one in _of(about["diagnosis"], "diagnosis", list)),
        labels=_array(arrays, "labels", "i", (count,)) if "labels" in arrays else None,
    )


def _cause(told: Any) -> Cause:
    *texts, evidence, hopeless = _of(told, "diagnosis", list)
    name, sentence, advice = _many(texts, "diagnosis", TEXT, 3)
    return Cause(
        name, sentence, advice, float(_one(evidence, "evidence", REAL)), _of(hopeless, "hopeless", bool)
    )


# Evidence: that of the set that is returned, and of the sets that some of its samples were proven in.


def _write_evidence(evidence: Evidence | None, arrays: dict[str, Host]) -> list[list[int] | None]:
    """Add all evidence to the arrays; for each sample the number of the set it was proven in, and its own."""
    if evidence is None:
        return []
    proofs = evidence.elsewhere
    sets = [evidence, *{id(proof[0]): proof[0] for proof in proofs if proof is not None}.values()]
    for number, one in enumerate(sets):
        for field in fields(one):
            if field.name != "elsewhere":
                arrays[f"evidence/{number}/{field.name}"] = to_host(getattr(one, field.name))
    numbers = {id(one): number for number, one in enumerate(sets)}
    return [None if proof is None else [numbers[id(proof[0])], int(proof[1])] for proof in proofs]


def _read_evidence(arrays: Mapping[str, Host], elsewhere: list[Any]) -> Evidence | None:
    if "evidence/0/zero" not in arrays:
        return None
    places = [None if proof is None else _many(proof, "elsewhere", WHOLE, 2) for proof in elsewhere]
    others: dict[int, Evidence] = {}
    for number, sample in (place for place in places if place is not None):
        others[number] = others.get(number) or _one_set(arrays, number)
        if not 0 <= sample < others[number].zero.shape[1]:
            msg = f"elsewhere names sample {sample} of a set of {others[number].zero.shape[1]}"
            raise ValueError(msg)
    proofs = tuple(None if place is None else (others[place[0]], place[1]) for place in places)
    return _one_set(arrays, 0, proofs)


def _one_set(
    arrays: Mapping[str, Host], number: int, elsewhere: tuple[tuple[Evidence, int] | None, ...] = ()
) -> Evidence:
    head = f"evidence/{number}"
    m, b = _array(arrays, f"{head}/zero", "b", (None, None)).shape
    return Evidence(
        **{name: _array(arrays, f"{head}/{name}", "b", (m, b)) for name in MASKS},
        **{name: _array(arrays, f"{head}/{name}", kind, (b,)) for name, kind in COUNTS.items()},
        informative=_array(arrays, f"{head}/informative", "b", (m,)),
        limits=_array(arrays, f"{head}/limits", "f", (m,)),
        elsewhere=elsewhere,
    )


# What is read is not believed.


def _array(arrays: Mapping[str, Host], name: str, kind: str, shape: tuple[int | None, ...]) -> Host:
    array = arrays[name]
    lost = ~(abs(array) <= math.inf).any(axis=0) if name == "inputs" and array.ndim == 2 else False
    if (
        name in FINITE and not ((abs(array) < math.inf) | lost).all()
    ):  # inputs that are not determined are NaN
        msg = f"{name} holds NaN or infinity"
        raise ValueError(msg)
    if name in COUNTED and not (array >= 0).all():
        msg = f"{name} holds NaN or negative numbers"
        raise ValueError(msg)
    fits = len(shape) == array.ndim and all(
        want is None or want == size for want, size in zip(shape, array.shape, strict=False)
    )
    if array.dtype.kind != kind or not fits:
        msg = f"{name} has dtype {array.dtype} and shape {array.shape}, which does not fit"
        raise ValueError(msg)
    return array


def _of(value: Any, name: str, kind: type) -> Any:
    if not isinstance(value, kind):
        msg = f"{name} is {type(value).__name__}: need {kind.__name__}"
        raise TypeError(msg)
    return value


def _one(value: Any, name: str, kinds: tuple[type, ...], most: float = LARGEST) -> Any:
    """A text, None, or a number, which is not negative unless its name says so, and finite."""
    number = isinstance(value, int | float)
    within = not number or ((name in SIGNED or value >= 0) and abs(value) <= most)
    if isinstance(value, bool) or not isinstance(value, kinds) or not within:
        msg = f"{name} is {str(value)[:40]}: need {' or '.join(kind.__name__ for kind in kinds)}"
        raise TypeError(msg)
    return value


def _many(value: Any, name: str, kinds: tuple[type, ...], count: int | None = None) -> tuple[Any, ...]:
    if count not in {None, len(_of(value, name, list))}:
        msg = f"{name} has {len(value)} entries: need {count}"
        raise ValueError(msg)
    return tuple(_one(item, name, kinds) for item in value)


def _table(value: Any, name: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    return {key: _one(item, name, kinds) for key, item in _of(value, name, dict).items()}
