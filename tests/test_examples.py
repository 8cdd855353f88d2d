"""Every example runs and says what it is there to show; the notebook runs from top to bottom.

All but `flower_round.py`: starting Ray alone takes longer than an example may.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.optional import need

EXAMPLES = Path(__file__).parents[1] / "examples"
SAYS = {
    "audit_a_layer.py": "sample  0: error bar",
    "cluster.py": "the same bytes as without: True",
    "custom_strategy.py": "quiet rows and peeling in turns, certified: ",
    "defences.py": "noise hides records from this search from 1 of the rms entry on",
    "stages.py": "certify: 20 of 20",
    "torch_gradient.py": "EXACT: 16 of 16 certified",
}
NEEDS = {"cluster.py": "distributed", "defences.py": "matplotlib", "torch_gradient.py": "torch"}
TOO_LONG = {"flower_round.py"}


def test_every_example_is_known() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS) | TOO_LONG


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        need(NEEDS[name])
    path = os.pathsep.join([str(EXAMPLES.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[name] in done.stdout


def test_the_notebook_runs(tmp_path: Path) -> None:
    need("ipykernel")
    nbclient, nbformat = need("nbclient"), need("nbformat")
    notebook = nbformat.read(EXAMPLES / "tutorial.ipynb", as_version=4)
    shown = [texts_of(cell) for cell in notebook.cells]
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [texts_of(cell) for cell in notebook.cells] == shown


def texts_of(cell: dict) -> list[str]:
    """What a cell shows, but for pictures."""
    outputs = cell.get("outputs", [])
    return [
        one.get("text") or one["data"]["text/plain"]
        for one in outputs
        if "image/png" not in one.get("data", {})
    ]
