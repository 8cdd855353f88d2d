"""How likely something wrong passes: a mixture the threshold, a wrong sample the tests of the certificate.

`mixtures` is about one threshold on zero counts, `certificate` about the tests of the certificate: it states
the random model and what the model leaves out.  `row_span` is about one of those tests.  What the module
`theory.acceptance` had can be imported from here.
"""

from theory.acceptance.certificate import (
    log_false_acceptance,
    log_halves_acceptance,
    log_kernel_acceptance,
    log_mask_acceptance,
    mask_agreement,
)

__all__ = [
    "log_false_acceptance",
    "log_halves_acceptance",
    "log_kernel_acceptance",
    "log_mask_acceptance",
    "mask_agreement",
]
