"""Draw the folders of spear_xp and the imports between them, from the sources, into docs/images/pipeline.png.

python docs/draw_pipeline.py

Folders stand in the order of the import contract in pyproject.toml. An arrow that follows from other arrows
is left out: where A imports B and B imports C, an import of C by A is not drawn.
"""

import ast
import tomllib
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "spear_xp"
TARGET = ROOT / "docs" / "images" / "pipeline.png"

SAYS = {
    "cli": "command line",
    "reporting": "text, plots, metrics, HTML page",
    "auditing": "whole models, defences",
    "solver": "invert, the search, what runs it",
    "diagnosis": "what is wrong with an update",
    "certification": "proof, sample by sample",
    "forecasting": "what a search will do",
    "strategies": "propose directions",
    "candidates": "screen, pool, selection",
    "recovery": "samples from a full set",
    "overcomplete": "more samples than features",
    "geometry": "directions, duals, masks, kernels",
    "reduction": "gradient to Problem",
    "updates": "adapters, planted gradients",
    "numerics": "linear algebra, random numbers",
    "errors": "what bad input raises",
}
PLACES = {  # so that no arrow crosses a box; a new folder stands in the middle of its line
    "auditing": 3.4,
    "forecasting": -4.6,
    "diagnosis": 0.9,
    "certification": 3.2,
    "strategies": -2.4,
    "candidates": 0.8,
    "recovery": 4.0,
    "overcomplete": 7.2,
    "updates": -4.6,
}
LINE, WIDTH, HEIGHT = 1.25, 2.9, 0.6  # distance of two lines, size of a box
Arrow = tuple[str, str]


def lines() -> list[list[str]]:
    """Folders by line of the import contract, top line first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[name.strip().removeprefix("spear_xp.") for name in line.split("|")] for line in layers]


def imports(folders: set[str]) -> set[Arrow]:
    """Which folder imports which other one."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            package, _, rest = module.partition(".")
            there = rest.partition(".")[0]
            if package == "spear_xp" and {here, there} <= folders and here != there:
                found.add((here, there))
    return found


def needed(arrows: set[Arrow]) -> set[Arrow]:
    """Arrows that no chain of other arrows replaces; there are no circles."""
    reach = set(arrows)
    while True:
        more = {(a, d) for a, b in reach for c, d in reach if b == c} - reach
        if not more:
            break
        reach |= more
    return {(a, c) for a, c in arrows if not any((a, b) in reach and (b, c) in reach for _, b in arrows)}


def draw(axes: Axes, order: list[list[str]], arrows: set[Arrow]) -> None:
    """Boxes, and arrows between them."""
    at = {name: (PLACES.get(name, 0.0), -LINE * i) for i, line in enumerate(order) for name in line}
    for here, there in sorted(arrows):
        (x0, y0), (x1, y1) = at[here], at[there]
        shift = max(-1.0, min(1.0, 0.35 * (x1 - x0)))
        start, end = (x0 + shift, y0 - HEIGHT / 2 - 0.05), (x1 - shift / 3, y1 + HEIGHT / 2 + 0.05)
        axes.add_patch(
            FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, color="#4c72b0", linewidth=1.6)
        )
    for name, (x, y) in at.items():
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        box = FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle="round,pad=0.05")
        box.set(facecolor="#eef2f9", edgecolor="#33415c", linewidth=1.5)
        axes.add_patch(box)
        axes.text(x, y + 0.12, name, ha="center", va="center", fontsize=14, weight="bold")
        axes.text(x, y - 0.17, SAYS.get(name, ""), ha="center", va="center", fontsize=9.5)


def main() -> None:
    """Read, draw, write."""
    order = lines()
    figure, axes = plt.subplots(figsize=(15.0, 13.0))
    draw(axes, order, needed(imports({name for line in order for name in line})))
    axes.set(xlim=(-6.2, 8.8), ylim=(-LINE * (len(order) - 1) - 0.5, 0.5), aspect="equal")
    axes.axis("off")
    figure.savefig(TARGET, dpi=90, bbox_inches="tight", pad_inches=0.1)


if __name__ == "__main__":
    main()
