"""How likely something wrong passes: a mixture the threshold, a wrong sample the tests of the certificate.

`mixtures` is about one threshold on zero counts, `certificate` about the tests of the certificate: it states
the random model and what the model leaves out.  `row_span` is about one of those tests.  What the module
`theory.acceptance` had can be imported from here.
"""

from typing import Any

from theory._moved import RENAMED, renamed
from theory.acceptance.certificate import (
    log_certificate_acceptance,
    log_halves_acceptance,
    log_kernel_acceptance,
    log_mask_acceptance,
    mask_agreement,
)

__all__ = [
    "log_certificate_acceptance",
    "log_halves_acceptance",
    "log_kernel_acceptance",
    "log_mask_acceptance",
    "mask_agreement",
]


def __getattr__(name: str) -> Any:
    if name in RENAMED:
        return renamed(name)
    raise AttributeError(f"module 'theory.acceptance' has no attribute {name!r}")
