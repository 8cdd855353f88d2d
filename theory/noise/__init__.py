"""What noise does: to a direction and the recovered inputs, to the zero test, and to the search as a whole.

`propagation` carries noise from the gradient to the inputs, `tolerance` says which residuals it explains,
`breakdown` where sampling ends.  What the module `theory.noise` had can be imported from here.
"""

from theory.noise.propagation import (
    ROUNDING_LEVEL,
    distance_to_others,
    dp_sgd_snr,
    polish_mse,
    psnr,
    rounding_snr,
    snr,
)

__all__ = [
    "ROUNDING_LEVEL",
    "distance_to_others",
    "dp_sgd_snr",
    "polish_mse",
    "psnr",
    "rounding_snr",
    "snr",
]
