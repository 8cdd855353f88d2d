"""What an import costs and takes along, and the size of files."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spear_xp
from spear_xp import Status, errors, invert
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.optional import need

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "spear_xp").rglob("*.py"), *(ROOT / "theory").rglob("*.py")])
HEAVY = (
    "scipy.stats",
    "jinja2",
    "matplotlib",
    "sympy",
    "torch",
    "cupy",
    "skimage",
    "sklearn",
    "rich",
    "array_api_strict",
    "flwr",
    "keras",
    "nvflare",
    "pandas",
    "safetensors",
)
HOST = (
    "forecast.py",
    "page.py",
    "arrays.py",
    "breakdown.py",
    "ceiling.py",
    "chain.py",
    "columns.py",
    "judgement.py",
    "behind.py",
    "decoding.py",
    "pairs.py",
    "rows.py",
    "subtraction.py",
    "undoing.py",
    "defences.py",
    "entries.py",
    "matching.py",
    "mechanisms.py",
    "sweep.py",
    "images.py",
    "published.py",
    "scales.py",
    "metrics.py",
    "multiplicity.py",
    "plots.py",
    "exchange.py",
    "selection.py",
    "descent.py",
    "information_sets.py",
    "sampler.py",
    "activity.py",
    "hinge.py",
    "sampling.py",
    "archive.py",
    "packing.py",
    "files.py",
    "flower.py",
)  # files, host draws
NUMPY = ("backend.py", "random.py", *HOST)
TORCH = ("autograd.py", "steps.py", "torch_module.py", "files.py")  # adapters that read what torch wrote


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_fresh_import_takes_no_heavy_package_along() -> None:
    code = f"import sys, spear_xp; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []
    assert done.stderr == ""


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[-2] != "_cuda"], ids=name_of)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 320


@pytest.mark.parametrize("path", sorted((ROOT / "spear_xp").rglob("*.py")), ids=name_of)
def test_array_libraries_are_named_in_few_files(path: Path) -> None:
    imported = re.findall(r"^\s*(?:import|from) (numpy|cupy|torch|jax)\b", path.read_text(), re.MULTILINE)
    allowed = {"numpy", "cupy", "torch"} if path.name in {"backend.py", "random.py"} else {"numpy"}
    allowed = allowed if path.name in NUMPY else set()
    assert set(imported) <= (allowed | {"torch"} if path.name in TORCH else allowed)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_say_what_they_do(path: Path) -> None:
    assert path.read_text().startswith('"""')


@pytest.mark.parametrize("path", sorted((ROOT / "spear_xp").rglob("*.py")), ids=name_of)
def test_pipeline_files_say_what_enters_and_leaves(path: Path) -> None:
    if path.name != "__init__.py":
        assert re.match(r'"""Enters: .*Leaves: ', path.read_text(), re.DOTALL)


def test_the_library_never_prints() -> None:
    for path in sorted((ROOT / "spear_xp").rglob("*.py")):
        if path.parent.name != "cli":
            assert not re.search(r"^\s*print\(", path.read_text(), re.MULTILINE), path


def test_public_names_exist_and_are_documented() -> None:
    for name in spear_xp.__all__:
        assert getattr(spear_xp, name).__doc__, name


def test_torch_tensors_come_back_as_torch_tensors(layer: LayerGradient) -> None:
    torch = need("torch")
    result = invert(*map(torch.from_numpy, layer.observed), rng=0)
    assert result.status is Status.EXACT
    for array in (result.inputs, result.certified, result.error_bars, result.trace.directions):
        assert isinstance(array, torch.Tensor)
    assert result.inputs.dtype == torch.float32
    same = invert(*layer.observed, rng=0)
    np.testing.assert_array_equal(result.inputs.numpy(), same.inputs)


def test_torch_tensors_with_a_history_are_read(layer: LayerGradient) -> None:
    torch = need("torch")
    tensors = [torch.from_numpy(a).requires_grad_() for a in layer.observed]
    assert invert(*tensors, rng=0).status is Status.EXACT


def test_torch_and_numpy_do_not_mix(layer: LayerGradient) -> None:
    torch = need("torch")
    with pytest.raises(errors.ArrayLibraryError, match="weight is a torch tensor and grad_w is not"):
        invert(*layer.observed[:2], torch.from_numpy(layer.weight), layer.bias)
