"""Audit one layer: what to expect, what this library recovers, and why not the rest.

python examples/audit_a_layer.py
"""

import math

import numpy as np

import spear_xp
from spear_xp.reporting import metrics
from spear_xp.updates import synthetic


def main() -> None:
    """Print the estimate, the result, and the reasons, for a gradient sent in half precision."""
    inputs = synthetic.gaussian_inputs(12, 300, rng=0)
    truth = synthetic.mlp_gradient(inputs, width=200, depth=3, rng=0)
    grad_w, grad_b = ((1024 * a).astype("float16").astype("float32") for a in (truth.grad_w, truth.grad_b))
    observed = (grad_w, grad_b, truth.weight, truth.bias)

    forecast = spear_xp.estimate(observed, time_limit=60.0)
    print(forecast.summary())
    published = forecast.published
    bits = published.log_samples[0.5] / math.log(2)
    print(f"published attack: median of 2^{bits:.1f} subsets, {published.seconds(0.5):.2g} s on this machine")

    result = spear_xp.invert(*observed, time_limit=2.0, rng=0)
    print(f"{result.status.name}: {result.status.value}")
    print(f"noise: {result.trace.noise_level:.1e} of the rms entry of a row ({result.trace.noise_model})")
    comparison = metrics.compare(inputs, result.inputs)
    nearest = dict(zip(comparison.recovered, comparison.psnr, strict=True))
    for k, reason in enumerate(result.reasons):
        verdict = f"not certified: {reason}" if reason else "certified"
        print(f"  sample {k:2}: error bar {result.error_bars[k]:.0e}, PSNR {nearest[k]:.0f} dB, {verdict}")
    print("time: " + ", ".join(f"{stage} {seconds:.3f} s" for stage, seconds in result.trace.seconds.items()))
    unexplained = np.sort(result.trace.residuals)[-3:]
    print(f"least explained rows of the gradient: {unexplained} of their norm is left over")


if __name__ == "__main__":
    main()
