from pathlib import Path

import numpy as np
import pytest

from spear_xp.updates.synthetic import LayerGradient


@pytest.fixture
def file(tmp_path: Path, layer: LayerGradient) -> Path:
    path = tmp_path / "gradient.npz"
    np.savez(
        path, grad_w=layer.grad_w, grad_b=layer.grad_b, weight=layer.weight, bias=layer.bias, note=np.ones(1)
    )
    return path


@pytest.fixture
def states(tmp_path: Path, layer: LayerGradient) -> tuple[Path, Path]:
    """Weights after one step of a model with two layers, and before it."""
    rng = np.random.default_rng(0)
    last = {"fc2.weight": rng.standard_normal((10, 90)), "fc2.bias": rng.standard_normal(10)}
    before = {"fc1.weight": layer.weight, "fc1.bias": layer.bias} | last
    after = {
        "fc1.weight": layer.weight - 0.1 * layer.grad_w,
        "fc1.bias": layer.bias - 0.1 * layer.grad_b,
    } | {name: 0.999 * one for name, one in last.items()}
    for name, arrays in (("after", after), ("before", before)):
        np.savez(tmp_path / f"{name}.npz", **arrays)
    return tmp_path / "after.npz", tmp_path / "before.npz"
