"""Every example runs and says what it is there to show; the notebook runs from top to bottom.

An example may start daemons, as Ray does. What it says goes to a file, and all that it started ends with it
or at a limit: a daemon that holds a pipe open would keep these tests waiting.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.helpers.optional import missing, need

EXAMPLES = Path(__file__).parents[1] / "examples"
SAYS = {
    "audit_a_layer.py": "sample  0: error bar",
    "cluster.py": "the same bytes as without: True",
    "custom_strategy.py": "quiet rows and peeling in turns, certified: ",
    "defences.py": "noise hides records from this search from 1 of the rms entry on",
    "flower_round.py": "round 2, client 2: EXPOSED, 8 of 8 certified",
    "stages.py": "certify: 20 of 20",
    "torch_gradient.py": "EXACT: 16 of 16 certified",
}
NEEDS = {
    "cluster.py": ["distributed"],
    "defences.py": ["matplotlib"],
    "flower_round.py": ["flwr", "ray", "torch"],
    "torch_gradient.py": ["torch"],
}
LIMIT = 240  # seconds; Flower and Ray take 35 to 55 to start and to end, the others up to 20


def test_every_example_is_known() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    for library in NEEDS.get(name, []):
        if find_spec(library) is None:
            missing(library)
    code, said = run_of([sys.executable, str(EXAMPLES / name)], tmp_path, LIMIT)
    assert code == 0, said
    assert SAYS[name] in said


def test_a_run_that_hangs_ends_with_all_that_it_started(tmp_path: Path) -> None:
    sleeper = f"{sys.executable} -c 'import time; time.sleep(600)'"
    with pytest.raises(subprocess.TimeoutExpired):
        run_of(["sh", "-c", f"{sleeper} & echo $! > child; {sleeper}"], tmp_path, 1)
    child = int((tmp_path / "child").read_text())
    for _ in range(50):  # it takes a moment to go
        if not alive(child):
            return
        time.sleep(0.1)
    pytest.fail("the child outlived the program that started it")


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody asks for does not."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    return False


def run_of(command: list[str], folder: Path, limit: float) -> tuple[int, str]:
    """Exit code of a program and what it said; `TimeoutExpired` if it takes more seconds than the limit."""
    path = os.pathsep.join([str(EXAMPLES.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    said = folder / "said"
    with (
        said.open("w") as file,
        subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": path},
            stdout=file,
            stderr=file,
            start_new_session=True,
        ) as run,
    ):
        try:
            code = run.wait(limit)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    return code, said.read_text()


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
