"""Enters: a data set, a change and a seed. Leaves: rank and noise that `factorize` finds, against the truth.

    python -m tests.benchmarks.rank_of_updates [--seeds 3]

Networks n-400-400-10 at initialisation. The true noise is what the update has off the row space of [X | 1].
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from spear_xp import LayerUpdate
from spear_xp.errors import RankError
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import validate
from spear_xp.updates import images
from spear_xp.updates.synthetic import gaussian_inputs
from tests.benchmarks.changes import on_bytes
from tests.benchmarks.training import first_layer, local_steps, multilayer
from tests.helpers.networks import Floats

__all__ = ["CHANGES", "DATA", "changed", "update_of"]

WIDTH = 400
DATA: dict[str, Callable[[int], Floats]] = {
    "faces": lambda seed: images.faces(16, rng=seed),
    "gaussian": lambda seed: gaussian_inputs(20, 784, rng=seed),
    "digits": lambda seed: images.digits(16, rng=seed),
    "table": lambda seed: images.tabular(28, rng=seed),
}
CHANGES = (
    "clean",
    *(f"noise {size:g}" for size in (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)),
    *("float16", "bfloat16", "int8"),
    *(f"steps {rate:g}" for rate in (1e-3, 1e-2, 1e-1)),
    "difference",
    *(f"decay {size:g}" for size in (1e-4, 1e-3, 5e-2)),
)


def update_of(data: str, change: str, seed: int) -> tuple[LayerUpdate, Floats]:
    """An update as the server sees it, and the batch.

    Of "steps" and "difference" it knows the weights after the update, too, as it got the gradient from these.
    """
    rng = np.random.default_rng([seed, 400])
    inputs = DATA[data](seed)
    net = multilayer(inputs.shape[1], WIDTH, 3, 2 if data == "table" else 10, rng)
    labels = rng.integers(0, len(net.biases[-1]), len(inputs))
    kind, _, size = change.partition(" ")
    if kind in {"steps", "difference"}:
        steps, rate = (5, float(size)) if kind == "steps" else (1, 0.01)
        truth = local_steps(net, inputs, labels, steps=steps, rate=rate)
        grad_w, grad_b, weight, bias = truth.observed
        moved = [(w - steps * rate * g).astype("float32") for w, g in ((weight, grad_w), (bias, grad_b))]
        return LayerUpdate(*truth.observed, *moved), inputs
    grad_w, grad_b, weight, bias = first_layer(net, inputs, labels).observed
    if change == "no bias gradient":
        return LayerUpdate(grad_w, None, weight, bias), inputs
    if kind == "decay":
        decayed = [(g + float(size) * w).astype("float32") for g, w in ((grad_w, weight), (grad_b, bias))]
        return LayerUpdate(*decayed, weight, bias), inputs
    both = [
        changed(part, kind, float(size or 0), float(np.sqrt((grad_w**2).mean())), rng)
        for part in (grad_w, grad_b)
    ]
    return LayerUpdate(both[0], both[1], weight, bias), inputs


def changed(part: Floats, kind: str, size: float, rms: float, rng: np.random.Generator) -> Floats:
    """One tensor of the update after the change."""
    if kind == "noise":
        part = part + size * rms * rng.standard_normal(part.shape)
    elif kind == "float16":  # scaled, as mixed precision does: the smallest normal number is 6e-5
        unit = 2.0 ** np.floor(np.log2(2e4 / np.abs(part).max()))
        part = (unit * part).astype("float16").astype(float) / unit
    elif kind == "bfloat16":
        bits = part.astype("float32").view("uint32")
        part = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).astype("uint32").view("float32")
    elif kind == "clipped":
        limit = np.quantile(np.abs(part), 1 - size)
        part = np.clip(part, -limit, limit)
    elif kind == "top":
        sizes = np.abs(part)
        part = np.where(sizes >= np.quantile(sizes[sizes > 0], 1 - size), part, 0.0)
    elif kind == "random":
        part = np.where(rng.random(part.shape) < size, part, 0.0)
    elif kind == "int8":
        part = on_bytes(part)
    return part.astype("float32")


def true_noise(update: LayerUpdate, inputs: Floats) -> float:
    """Standard deviation of an entry off the row space of [X | 1], over columns that are not all zero."""
    both = np.c_[update.grad_w, update.grad_b].astype(float)
    rows = np.c_[inputs, np.ones(len(inputs))].astype(float)
    basis = np.linalg.qr(rows.T).Q
    rest = both - both @ basis @ basis.T
    freedom = WIDTH * ((both != 0).any(axis=0).sum() - len(inputs))
    return float(np.sqrt((rest**2).sum() / freedom))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    print("| data | b | change | rank found | gap | model | noise found / true | seconds |\n|" + "---|" * 8)
    for data in DATA:
        for change in CHANGES:
            cells = [cell(data, change, seed) for seed in range(20, 20 + seeds)]
            print(
                f"| {data} | {cells[0][0]} | {change} | "
                + " | ".join(
                    ", ".join(dict.fromkeys(column)) if i < 3 else " ".join(column)
                    for i, column in enumerate(zip(*(c[1:] for c in cells), strict=True))
                )
                + " |",
                flush=True,
            )


def cell(data: str, change: str, seed: int) -> tuple[str, ...]:
    """One problem: b, rank, gap, model, ratio of noise, seconds."""
    update, inputs = update_of(data, change, seed)
    checked = validate(*update)
    start = time.perf_counter()
    try:
        found = factorize(checked)
    except RankError:
        return str(len(inputs)), "none", "", "", "", f"{time.perf_counter() - start:.2f}"
    seconds = time.perf_counter() - start
    level = found.noise_level * np.sqrt((1 / found.scale**2).mean())
    gap = "yes" if getattr(found, "clear_gap", False) else "no"
    ratio = level / true_noise(update, inputs)
    return str(len(inputs)), str(found.rank), gap, found.noise_model, f"{ratio:.2f}", f"{seconds:.2f}"


if __name__ == "__main__":
    main()
