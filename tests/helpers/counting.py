"""What a search would ask of a device: array-api-strict that counts launches, waits, bytes and operations.

One call on an array, or of a fused kernel of a descent, is one record. What CuPy makes of it, in kernels and
in waits of the host for the device, stands in `cost_of`: from the sources of CuPy and array-api-compat, not
from a device.
"""

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import array_api_strict as strict
from array_api_strict._array_object import Array

import spear_xp
from spear_xp.numerics import backend
from spear_xp.numerics.cuda.activity import conflicts, look, mask_weights
from spear_xp.numerics.cuda.descent import advance, pull, weighted_signs
from spear_xp.numerics.cuda.hinge import accelerate, shortfall

__all__ = ["Cost", "Counts", "counting"]

PACKAGE = str(Path(spear_xp.__file__).parent)
# Kernels whose arguments and results stay on the device, by their twins: one launch each.
TWINS = {"advance": advance, "look": look, "signs": weighted_signs, "weights": mask_weights}
TWINS |= {"accelerate": accelerate, "shortfall": shortfall, "conflicts": conflicts, "pull": pull}
VIEWS = {"permute_dims", "reshape", "matrix_transpose", "expand_dims", "squeeze", "flip", "moveaxis"}
VIEWS |= {"diagonal", "broadcast_to"}
FREE = {"finfo", "iinfo", "isdtype", "result_type", "can_cast", "broadcast_shapes", "from_dlpack"}
FREE |= {"__array_namespace_info__", "set_array_api_strict_flags", "get_array_api_strict_flags"}
FREE |= {"reset_array_api_strict_flags"}
WAITS = {
    "__bool__": "bool",
    "__float__": "float",
    "__int__": "int",
    "__index__": "int",
    "__complex__": "float",
}
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
OTHER = ("lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert", "getitem", "setitem", "iter")
OPERATORS = [f"__{side}{name}__" for name in BINARY for side in ("", "r", "i")]
OPERATORS += [f"__{name}__" for name in OTHER]
REDUCTIONS = {"sum", "max", "min", "all", "any", "mean", "argmax", "argmin", "trace", "vecdot", "prod"}
# Multiply-adds of a matrix of shape (m, n), m >= n, in units of m n², and launches.
SOLVERS = {"svd": (7, 6), "svdvals": (4, 6), "qr": (2, 8), "eigh": (4.5, 4), "inv": (1, 6)}
SOLVERS |= {"solve": (1 / 3, 6), "cholesky": (1 / 6, 3), "pinv": (8, 12), "matrix_norm": (1, 2)}
LOOPS = {
    "svd": 32,
    "svdvals": 32,
    "qr": 0,
    "solve": 256,
    "eigh": 0,
}  # sizes past which a stack is a Python loop
SORTING = 3  # kernels of a sort by Thrust: keys, merges, copy; two more for each batch of rows
WIDE = 2**16  # entries beyond which a reduction has a second stage


@dataclass(slots=True)
class Cost:
    """Sums over calls: kernels, waits of the host, bytes over the bus and in memory, and multiply-adds.

    `columns` are the columns that LAPACK's panels walk through one after the other, by the name of the call.
    """

    calls: int = 0
    launches: int = 0
    syncs: int = 0
    bus: float = 0.0
    memory: float = 0.0
    flops: float = 0.0
    columns: dict[str, float] = field(default_factory=dict)

    def add(self, other: "Cost") -> None:
        """Add what other calls take."""
        for name in ("calls", "launches", "syncs", "bus", "memory", "flops"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, columns in other.columns.items():
            self.columns[name] = self.columns.get(name, 0.0) + columns


class Counts:
    """Costs by room and function."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, str, str], Cost] = defaultdict(Cost)

    def note(self, call: str, cost: Cost) -> None:
        """Book one call on the function of the library that made it."""
        self.places[(*_caller(), call)].add(cost)

    def total(self) -> Cost:
        """Of everything."""
        return self.by()[""]

    def by(self, *keys: str) -> dict[str, Cost]:
        """Sums by any of "room", "function" and "call"."""
        found: dict[str, Cost] = defaultdict(Cost)
        for place, cost in self.places.items():
            named = dict(zip(("room", "function", "call"), place, strict=True))
            found[" ".join(named[key] for key in keys)].add(cost)
        return found


def _caller() -> tuple[str, str]:
    """Room and function of the library, its own backend aside, in which a call was made."""
    frame = sys._getframe(3)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE) and not name.endswith("backend.py"):
            return name[len(PACKAGE) + 1 : -3], frame.f_code.co_name
        frame = frame.f_back
    return "?", "?"


def cost_of(call: str, given: list[Any], found: list[Any], keys: tuple[Any, ...] = ()) -> Cost:
    """What one call takes, from its name and the shapes of its arrays."""
    shapes = [a.shape for a in given]
    memory = float(sum(a._array.nbytes for a in (*given, *found)))
    entries = max((math.prod(a.shape) for a in (*given, *found)), default=0)
    cost = Cost(1, 1, 0, 0.0, memory, entries)
    if call in VIEWS or (call == "__getitem__" and not any(isinstance(key, Array) for key in keys)):
        return Cost(calls=1)
    if call in {"bool", "int", "float", "to_host"}:
        return Cost(1, 0, 1, memory)
    if call == "asarray" and not given:  # from the host
        return Cost(1, 1, 0, memory)
    if call == "__getitem__" and any(isinstance(key, Array) and key.dtype == strict.bool for key in keys):
        call = "nonzero"
    if call == "nonzero":
        cost.launches, cost.syncs = 4, 1
    elif call in {"matmul", "__matmul__", "__rmatmul__"}:
        cost.flops = math.prod(found[0].shape) * (shapes[0][-1] if shapes[0] else 1)
    elif call in {"sort", "argsort"}:
        cost.launches = SORTING + 2 * (len(shapes[0]) > 1)
        cost.flops = entries * math.log2(max(2, entries))
    elif call in REDUCTIONS:
        cost.launches = 1 + (entries > WIDE)
    elif call in SOLVERS:
        _solver(cost, call, shapes[0], found)
    elif call == "clip":  # array-api-compat stores each bound through a boolean mask
        bounds = sum(key is not None for key in keys)
        cost.launches, cost.syncs = 1 + 12 * bounds, 2 * bounds
    elif call == "sign":  # and what is no number
        cost.launches, cost.syncs = 5, 1
    return cost


def _solver(cost: Cost, call: str, shape: tuple[int, ...], found: list[Any]) -> None:
    (m, n), stack = sorted(shape[-2:], reverse=True), math.prod(shape[:-2])
    work, launches = SOLVERS[call]
    cost.flops = stack * work * m * n * n
    single = len(shape) == 2
    looped = not single and call in LOOPS and m > LOOPS[call]
    cost.launches = launches * (stack if looped else 1)
    if call == "qr" and found and found[0].shape[-1] > n:
        n = m  # complete
    cost.columns = {call: n * stack} if single or looped else {"stacked": n}


def _arrays(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, Array):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _arrays(value)


class _Recorder:
    """Wraps functions so that an outermost call is a record."""

    def __init__(self, counts: Counts) -> None:
        self.counts, self.inside = counts, False

    def wrapped(self, call: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            if self.inside:
                return function(*args, **kwargs)
            self.inside = True
            try:
                found = function(*args, **kwargs)
                given = list(_arrays((*args, *kwargs.values())))
                keys = args[1] if call == "__getitem__" and isinstance(args[1], tuple) else args[1:]
                keys += (kwargs.get("min"), kwargs.get("max")) if call == "clip" else ()
                result = list(_arrays(found if isinstance(found, tuple) else (found,)))
                if not (call == "asarray" and given and result and result[0] is given[0]):
                    self.counts.note(call, cost_of(call, given, result or given[:0], keys))
            finally:
                self.inside = False
            return found

        return run


@contextmanager
def counting() -> Iterator[Counts]:
    """Count every call on arrays of array-api-strict while the context lasts."""
    counts = Counts()
    recorder = _Recorder(counts)
    swaps: list[tuple[Any, str, str]] = []
    for owner in (strict, strict.linalg):
        names = [name for name in getattr(owner, "__all__", ()) if name not in FREE]
        swaps += [(owner, name, name) for name in names if callable(getattr(owner, name))]
    swaps = [swap for swap in swaps if not isinstance(getattr(swap[0], swap[1]), type)]
    swaps += [(Array, name, name) for name in OPERATORS if hasattr(Array, name)]
    swaps += [(Array, name, call) for name, call in WAITS.items() if hasattr(Array, name)]
    swaps.append((Array, "to_device", "to_host"))
    with ExitStack() as stack:
        stack.enter_context(
            patch.object(backend, "is_cupy_namespace", lambda _: True)
        )  # parts of a device's size
        fused = {name: recorder.wrapped("fused", twin) for name, twin in TWINS.items()}
        stack.enter_context(patch.object(backend.Space, "fused", lambda _, name: fused.get(name)))
        for owner, name, call in swaps:
            stack.enter_context(patch.object(owner, name, recorder.wrapped(call, getattr(owner, name))))
        yield counts
