"""Strategies that are no good to their workers."""

import multiprocessing
import os
from dataclasses import dataclass
from typing import Any, ClassVar

from spear_xp.strategies import Descent

__all__ = ["Deadly", "Faulty"]


@dataclass(frozen=True, slots=True)
class Deadly:
    """Descent that ends the process of its worker, and works where the search runs."""

    name: str = "deadly"
    uses_layer: ClassVar[bool] = True
    whole_masks: ClassVar[bool] = False

    def propose(self, *arguments: Any, **options: Any) -> Any:
        if multiprocessing.parent_process() is not None:
            os._exit(3)
        return Descent().propose(*arguments, **options)


@dataclass(frozen=True, slots=True)
class Faulty:
    """A strategy with a mistake in it."""

    name: str = "faulty"
    uses_layer: ClassVar[bool] = False
    whole_masks: ClassVar[bool] = False

    def propose(self, *arguments: Any, **options: Any) -> Any:
        msg = "a mistake in a strategy"
        raise LookupError(msg)
