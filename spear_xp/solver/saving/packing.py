"""Enters: what a search holds, objects of known classes. Leaves: arrays and plain values, and the way back.

Arrays of NumPy keep their memory layout, because the last bits of a product may depend on it. An object that
is there twice is packed once. Unpacking makes objects of the classes below and of no others.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Entry
from spear_xp.certification.certificate import Certificate
from spear_xp.certification.evidence import Evidence
from spear_xp.certification.ledger import Ledger
from spear_xp.diagnosis.causes import Cause
from spear_xp.numerics.backend import Array, Host, laid_out, layout_of, to_host
from spear_xp.recovery.mask_fit import MaskFit
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import Assessment

__all__ = ["pack", "unpack"]

CLASSES = {
    one.__name__: one
    for one in (Assessment, Candidate, Cause, Certificate, Entry, Evidence, Ledger, MaskFit, SampleSet)
}
PLAIN = (type(None), bool, int, float, str)


def pack(value: Any, problem: Problem) -> tuple[dict[str, Host], dict[str, Any]]:
    """Arrays by name, and what JSON can say; of problems only how they differ from the one that is given."""
    packer = _Packer(problem)
    packed = packer.pack(value)
    return packer.arrays, {"value": packed, "objects": packer.objects}


def unpack(arrays: Mapping[str, Host], about: Mapping[str, Any], problem: Problem) -> Any:
    """What was packed beside an equal problem.

    Raises
    ------
    KeyError, TypeError, ValueError, IndexError
        If it was not packed like that.
    """
    unpacker = _Unpacker(arrays, problem)
    for told in about["objects"]:
        unpacker.objects.append(unpacker.made(told))
    return unpacker.unpack(about["value"])


class _Packer:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.arrays: dict[str, Host] = {}
        self.objects: list[dict[str, Any]] = []
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # an id names an object only as long as that is alive

    def pack(self, value: Any) -> Any:
        if isinstance(value, PLAIN):
            return value
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.pack(item) for item in value]}
        if isinstance(value, dict):
            return {"dict": [[self.pack(key), self.pack(item)] for key, item in value.items()]}
        if id(value) not in self._numbers:
            told = self._told(value)
            self._alive.append(value)
            self._numbers[id(value)] = len(self.objects)
            self.objects.append(told)
        return {"object": self._numbers[id(value)]}

    def _told(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Problem):
            changed = {
                field.name: self.pack(getattr(value, field.name))
                for field in fields(value)
                if getattr(value, field.name) is not getattr(self.problem, field.name)
            }
            return {"class": "Problem", "fields": changed}
        if type(value) in CLASSES.values():
            told = {field.name: self.pack(getattr(value, field.name)) for field in fields(value)}
            return {"class": type(value).__name__, "fields": told}
        host = to_host(value)
        layout = layout_of(host)
        name = f"array/{len(self.arrays)}"
        self.arrays[name] = np.atleast_1d(host)
        return {
            "array": name,
            "host": isinstance(value, np.ndarray | np.generic),
            "scalar": host.ndim == 0,
            "strides": None if layout is None else list(layout[1]),
        }


class _Unpacker:
    def __init__(self, arrays: Mapping[str, Host], problem: Problem) -> None:
        self.arrays, self.problem = arrays, problem
        self.objects: list[Any] = []

    def unpack(self, value: Any) -> Any:
        if isinstance(value, PLAIN):
            return value
        ((kind, content),) = value.items()
        if kind == "object":
            return self.objects[content]
        if kind == "dict":
            return {self.unpack(key): self.unpack(item) for key, item in content}
        return {"tuple": tuple, "list": list}[kind]([self.unpack(item) for item in content])

    def made(self, told: Mapping[str, Any]) -> Any:
        if "array" in told:
            return self._array(told)
        values = {name: self.unpack(value) for name, value in told["fields"].items()}
        if told["class"] == "Problem":
            return replace(self.problem, **values) if values else self.problem
        made = CLASSES[told["class"]]
        if values.keys() != {field.name for field in fields(made)}:
            msg = f"{told['class']} has other fields: {', '.join(values)}"
            raise ValueError(msg)
        return made(**values)

    def _array(self, told: Mapping[str, Any]) -> Array:
        values = self.arrays[told["array"]]
        if told["scalar"]:
            return values[0]
        if told["strides"] is not None:
            values = laid_out(values, told["strides"])
        space = self.problem.space
        return values if told["host"] else space.xp.asarray(values, device=space.device)
