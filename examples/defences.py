"""What defences change, on face photographs and on tabular data; the tables of docs/threat-model.md.

python examples/defences.py              # two defences on faces, some ten seconds; needs the `demo` extra
python examples/defences.py --full DATA  # all of one data set, some five minutes: page and picture in docs/
"""

import argparse
import re
from pathlib import Path

import numpy as np
from spear_xp.plots import draw_leaks

import theory
from spear_xp import defences
from spear_xp.reporting.text import describe_sweep
from spear_xp.updates import images, synthetic

DOCS = Path(__file__).parents[1] / "docs"
DATA = {"faces": lambda: images.faces(100, rng=0), "tabular": lambda: images.tabular(200, rng=0)}
BATCH, WIDTH = 12, 300
QUICK = {"noise": (1e-3, 1.0), "clip samples": (1.0, 0.1)}


def breakdown(records: np.ndarray) -> dict[str, float]:
    """Where theory expects an end: noise that sampling does not survive, batches without zeros enough."""
    inputs = records[:BATCH].astype(float)
    truth = synthetic.mlp_gradient(records[:BATCH], width=WIDTH, depth=3, rng=0)
    rows = np.c_[truth.grad_w, truth.grad_b].astype(float)
    extended = np.c_[inputs, np.ones(BATCH)]
    columns = rows @ np.linalg.pinv(extended)
    signal = float(np.sqrt((columns[~np.asarray(truth.zero_pattern)] ** 2).mean()))
    unit = float(np.sqrt((truth.grad_w**2).mean()))
    worst = float(np.median(theory.snr(extended, signal, unit)))  # at noise as large as the rms entry
    told = max(b for b in range(2, WIDTH) if theory.identifiable_width(b) <= WIDTH)
    batch = min(told, inputs.shape[1])  # more have no rank of their own
    return {
        "noise": worst / theory.breakdown_snr(BATCH, WIDTH),
        "batch": batch,
        "clients": batch / BATCH,
    }


def main() -> None:
    """Print, or write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", choices=list(DATA))
    name = parser.parse_args().full
    records = DATA[name or "faces"]()
    found = defences.sweep(
        records,
        defences=QUICK if name is None else tuple(defences.DEFENCES),
        batch_size=BATCH,
        width=WIDTH,
        seeds=(0, 1, 2) if name else (0,),
        on_progress=lambda leak: print(f"{leak.defence} {leak.strength:g}: {leak.recovered:.0%}", flush=True),
    )
    lines = describe_sweep(found)
    ends = breakdown(records)
    lines += [
        f"- break-down of {key} by theory: {value:.3g} {defences.DEFENCES[key].unit}."
        for key, value in ends.items()
    ]
    print("\n".join(lines))
    if name:
        draw_leaks(found, DOCS / "images" / f"defences-{name}.png", breakdown=ends)
        found.to_csv(DOCS / "benchmarks" / f"defences-{name}.csv")
        page = DOCS / "threat-model.md"
        marks = f"<!-- {name} -->", f"<!-- /{name} -->"
        inside = re.compile(f"{marks[0]}.*?{marks[1]}", re.DOTALL)
        page.write_text(inside.sub("\n".join([marks[0], *lines, marks[1]]), page.read_text()))


if __name__ == "__main__":
    main()
