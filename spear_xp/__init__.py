"""Exact recovery of training batches from the gradient of a ReLU layer, with a certificate.

The whole attack is `invert`; each stage is a function of its own: `validate`, `factorize`, `reduce`,
`search`, `filter_directions`, `greedy_selection`, `recover`, `refine`, `certify`. Ask `estimate`
what a search will cost before it runs, and `false_acceptance` how far its certificates reach.
"""

from spear_xp import errors, metrics, search, synthetic
from spear_xp.acceptance import false_acceptance
from spear_xp.certificate import Certificate, certify
from spear_xp.errors import SpearError
from spear_xp.estimate import estimate
from spear_xp.evidence import Evidence
from spear_xp.factorize import Factorization, factorize
from spear_xp.filtering import Candidate, filter_directions, refit
from spear_xp.gradient import Gradient, validate
from spear_xp.invert import invert
from spear_xp.pool import Pool
from spear_xp.problem import Problem, reduce
from spear_xp.recovery import Recovery, recover, refine, to_inputs
from spear_xp.result import Progress, Result, Status
from spear_xp.selection import greedy_selection, matching_score

__version__ = "0.1.0"

__all__ = [
    "Candidate",
    "Certificate",
    "Evidence",
    "Factorization",
    "Gradient",
    "Pool",
    "Problem",
    "Progress",
    "Recovery",
    "Result",
    "SpearError",
    "Status",
    "certify",
    "errors",
    "estimate",
    "factorize",
    "false_acceptance",
    "filter_directions",
    "greedy_selection",
    "invert",
    "matching_score",
    "metrics",
    "recover",
    "reduce",
    "refine",
    "refit",
    "search",
    "synthetic",
    "to_inputs",
    "validate",
]
