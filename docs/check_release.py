"""Check a release: what can be checked is checked, and what is left to a person is printed.

python docs/check_release.py [--quick]

Builds wheel and source distribution, looks into both, installs the wheel into an environment of its own (this
needs the network) and runs the demonstration and a report there. `--quick` leaves out that environment.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = {
    "spear_xp/py.typed",
    "theory/py.typed",
    "spear_xp/reporting/html/templates/report.html",
    "spear_xp/reporting/html/templates/report.css",
    *(f"spear_xp/numerics/cuda/{name}.cu" for name in ("descent", "exchange", "sampler")),
}
IN_SOURCE = {"README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "CITATION.cff", "pyproject.toml"}
BY_HAND = (
    "make test passes on a clean clone, with SPEAR_REQUIRE_ALL=1",
    "make test passes with the oldest and the newest supported Python and NumPy",
    "the benchmarks in docs/benchmarks/ were written by this version",
    "the false-certificate campaign of this version is in docs/benchmarks/false-certificates.md",
    "CHANGELOG.md has the date of the release in its heading, and docs/migration.md every rename",
    "the version in spear_xp/__init__.py and CITATION.cff has no .dev",
    "git tag -s vX.Y.Z, after the commit that is built",
)


def version() -> str:
    """As the package has it."""
    return re.search(r'__version__ = "(.+)"', (ROOT / "spear_xp/__init__.py").read_text())[1]


def same_version() -> None:
    """CITATION.cff, CHANGELOG.md and the package name one version."""
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert cited == version(), f"CITATION.cff has {cited}, the package {version()}"
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert version().startswith(newest), f"CHANGELOG.md begins with {newest}, the package is {version()}"


def built(folder: Path) -> tuple[Path, Path]:
    """Wheel and source distribution."""
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, stdout=subprocess.DEVNULL
    )
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


def contents(wheel: Path, source: Path) -> None:
    """Both hold what they need, and the wheel nothing else."""
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        metadata = file.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert names >= NEEDED, f"missing in the wheel: {NEEDED - names}"
    others = {name.split("/")[0] for name in names} - {"spear_xp", "theory"}
    assert all(name.endswith(".dist-info") for name in others), f"in the wheel: {others}"
    assert f"Version: {version()}" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    with tarfile.open(source) as file:
        inside = {name.partition("/")[2] for name in file.getnames()}
    assert inside >= IN_SOURCE | NEEDED, f"missing in the source: {(IN_SOURCE | NEEDED) - inside}"
    assert any(name.startswith("tests/unit/") for name in inside)


def installed(wheel: Path, folder: Path) -> None:
    """The wheel works in an environment that has nothing else: demonstration, saved result, report, types."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    quiet = ["-q", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *quiet, f"{wheel}[demo,report]", "mypy"], check=True)

    def run(*words: str) -> str:
        return subprocess.run(words, check=True, cwd=folder, stdout=subprocess.PIPE, text=True).stdout

    command = str(python.parent / "spear-xp")
    assert "exact: 12 of 12 certified" in run(command, "demo")
    program = (
        "from spear_xp import invert; from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient; "
        "truth = mlp_gradient(gaussian_inputs(6, 40, rng=1), width=90, rng=1); "
        "invert(*truth.observed, rng=0).save('result.npz')"
    )
    run(str(python), "-W", "error", "-c", program)
    run(command, "report", "result.npz", "--out", "page.html")
    assert "gives away its whole batch of 6" in (folder / "page.html").read_text()
    (folder / "typed.py").write_text(
        "import spear_xp\nspear_xp.invert(1, 2, rng='seed', time_limit='long')\n"
    )
    typed = subprocess.run(
        [python, "-m", "mypy", "typed.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert '"time_limit"' in typed.stdout, typed.stdout


def checked(name: str, check: Callable[[], object]) -> None:
    """Run one check and say how it went."""
    try:
        check()
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"[ ] {name}: {error}")
    print(f"[x] {name}", flush=True)


def main() -> None:
    """Run all checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    checked(f"one version, {version()}", same_version)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files: list[Path] = []
        checked("wheel and source distribution are built", lambda: files.extend(built(folder)))
        checked("both hold what they need", lambda: contents(*files))
        if not options.quick:
            checked("the wheel works in a clean environment", lambda: installed(files[0], folder))
    for line in BY_HAND:
        print(f"[ ] by hand: {line}")


if __name__ == "__main__":
    main()
