"""Exact recovery of training batches from the gradient of a ReLU layer, with a certificate.

The whole attack is `invert`. Ask `estimate` what a search will cost before it runs, and `false_acceptance`
how far its certificates reach. The folders are the stages, in this order: `reduction`, `geometry`, then
`strategies`, `candidates` and `recovery`, then `certification` and `forecasting`, and `solver`, which runs
them all.
"""

import sys
from typing import Any

from spear_xp import errors
from spear_xp._moved import Finder, moved
from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.diagnosis.causes import Cause
from spear_xp.errors import SpearError
from spear_xp.forecasting.published import estimate
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.updates.layer_update import LayerUpdate

__version__ = "0.2.0.dev0"

__all__ = [
    "Cause",
    "LayerUpdate",
    "Progress",
    "Result",
    "SpearError",
    "Status",
    "errors",
    "estimate",
    "false_acceptance",
    "invert",
]

sys.meta_path.append(Finder())


def __getattr__(name: str) -> Any:
    return moved(name)
