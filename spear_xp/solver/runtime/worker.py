"""Enters: a turn as bytes, in the process of a worker. Leaves: what its strategy proposes, as bytes.

A worker keeps the problem of the search, so that its arrays travel once. Arrays of NumPy keep their memory
layout on the way, because the last bits of a product may depend on it.
"""

import hashlib
import importlib
import io
import os
import pickle
import platform
from types import ModuleType
from typing import Any

from spear_xp.numerics.backend import laid_out, layout_of, on_its_device
from spear_xp.reduction.problem import Problem
from spear_xp.solver.runtime.clock import for_seconds

__all__ = ["dumps", "loads", "propose", "token_of"]

_problems: dict[str, Problem] = {}  # of this process: the last one


def propose(token: str, packed: bytes | None, knowledge: bytes, turn: bytes, seconds: float) -> bytes | str:
    """Proposals, or the error that a strategy has raised; the name of this worker if it lacks the problem.

    Parameters
    ----------
    token : str
        Name of the problem.
    packed, knowledge, turn : bytes
        The problem, if it is sent along; what is known; strategy, seed and number of the chunk.
    seconds : float
        Time that is left of the search.
    """
    if packed is not None:
        _problems.clear()
        _problems[token] = loads(packed)
    problem = _problems.get(token)
    if problem is None:
        return f"{platform.node()} {os.getpid()}"
    try:
        strategy, seed, chunk = loads(turn)
        known = loads(knowledge)
        propose_here = on_its_device(strategy.propose)
        found = propose_here(problem, known, seed, chunk, keep_going=for_seconds(seconds))
    except Exception as error:  # noqa: BLE001  # it is raised again where the search runs
        found = error
    return dumps(found)


def token_of(packed: bytes) -> str:
    """A name for what is packed."""
    return hashlib.blake2b(packed, digest_size=16).hexdigest()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, ModuleType):  # the array library of a `Space`
            return importlib.import_module, (value.__name__,)
        layout = layout_of(value)
        return NotImplemented if layout is None else (laid_out, layout)


def dumps(value: Any) -> bytes:
    """An object as bytes."""
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(value)
    return stream.getvalue()


def loads(packed: bytes) -> Any:
    """The object again; only for bytes of workers and searches of one's own."""
    return pickle.loads(packed)
