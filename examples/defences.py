"""What simple defences change, on one batch of 16 face photographs; the table of docs/threat-model.md.

python examples/defences.py              # needs the `demo` extra
"""

from collections.abc import Iterator

import numpy as np

import spear_xp
from spear_xp.reporting import metrics
from spear_xp.updates import images, synthetic

Pair = tuple[np.ndarray, np.ndarray]


def variants(grad_w: np.ndarray, grad_b: np.ndarray) -> Iterator[tuple[str, Pair]]:
    """What the server sees: a name, and the gradient after the defence."""
    rng, both = np.random.default_rng(0), np.c_[grad_w, grad_b]
    rms = float(np.sqrt((grad_w**2).mean()))

    def split(matrix: np.ndarray) -> Pair:
        matrix = matrix.astype("float32")
        return matrix[:, :-1], matrix[:, -1]

    yield "nothing", split(both)
    yield "whole gradient scaled by .01", split(0.01 * both)
    for size in (1e-6, 1e-4, 1e-3, 1e-2, 3e-2):
        yield (
            f"noise of {size:.0e} of the rms entry",
            split(both + size * rms * rng.standard_normal(both.shape)),
        )
    yield "float16", split((1024 * both).astype("float16"))
    norms = np.linalg.norm(both, axis=1, keepdims=True)
    yield "half of the rows set to zero", split(np.where(norms >= np.median(norms), both, 0))
    yield (
        "smallest 10 % of the entries dropped",
        split(np.where(np.abs(both) >= np.quantile(np.abs(both), 0.1), both, 0)),
    )
    top = np.quantile(np.abs(both), 0.9999)
    yield "largest .01 % of the entries clipped", split(np.clip(both, -top, top))


def main() -> None:
    """Print the table."""
    inputs = images.faces(16, rng=0)
    truth = synthetic.mlp_gradient(inputs, width=400, depth=3, rng=0)
    print("| defence | rank seen | certified | PSNR, least / median |\n|---|---|---|---|")
    for name, (grad_w, grad_b) in variants(truth.grad_w, truth.grad_b):
        result = spear_xp.invert(grad_w, grad_b, truth.weight, truth.bias, time_limit=0.5, rng=0)
        psnr = "no full set"
        if len(result.inputs):
            found = metrics.compare(inputs, result.inputs).psnr
            psnr = f"{found.min():.0f} / {np.median(found):.0f} dB"
        print(f"| {name} | {result.batch_size} | {int(result.certified.sum())} | {psnr} |")


if __name__ == "__main__":
    main()
