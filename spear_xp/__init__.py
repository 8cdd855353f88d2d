"""Exact recovery of training batches from the gradient of a ReLU layer, with a certificate.

The whole attack is `invert`; `audit` asks what the update of a whole model reveals. Ask `estimate` what a
search will cost before it runs, and `false_acceptance` how far its certificates reach. The folders are its
stages, from `reduction` to `solver`, which runs them all.
"""

import sys
from typing import Any

from spear_xp import errors
from spear_xp._moved import Finder, moved
from spear_xp.auditing.audit import audit
from spear_xp.auditing.folder import FolderAudit, audit_folder
from spear_xp.auditing.verdict import Audit, Exposure
from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.diagnosis.causes import Cause
from spear_xp.errors import SpearError
from spear_xp.forecasting.default import estimate, largest_safe_width, smallest_safe_batch
from spear_xp.forecasting.forecast import Forecast, Verdict
from spear_xp.numerics.parts.threads import threads
from spear_xp.solver.call.warm_up import warm_up
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.saving.results import load_result
from spear_xp.updates.layer_update import LayerUpdate

__version__ = "0.2.0.dev0"

__all__ = [
    "Audit",
    "Cause",
    "Exposure",
    "FolderAudit",
    "Forecast",
    "LayerUpdate",
    "Progress",
    "Result",
    "SpearError",
    "Status",
    "Verdict",
    "audit",
    "audit_folder",
    "errors",
    "estimate",
    "false_acceptance",
    "invert",
    "largest_safe_width",
    "load_result",
    "smallest_safe_batch",
    "threads",
    "warm_up",
]

sys.meta_path.append(Finder())


def __getattr__(name: str) -> Any:
    return moved(name)
