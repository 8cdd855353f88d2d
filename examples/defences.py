"""What defences change, on face photographs and on tabular data; the tables of docs/threat-model.md.

python examples/defences.py              # two defences on faces, some ten seconds; needs the `demo` extra
python examples/defences.py --full DATA  # all of one data set, some ten minutes: page and picture in docs/
"""

import argparse
import re
from pathlib import Path

from spear_xp.plots import draw_leaks

from spear_xp import defences
from spear_xp.reporting.text import describe_sweep
from spear_xp.updates import images

DOCS = Path(__file__).parents[1] / "docs"
DATA = {"faces": lambda: images.faces(100, rng=0), "tabular": lambda: images.tabular(200, rng=0)}
BATCH, WIDTH = 12, 300
QUICK = {"noise": (1e-3, 1.0), "clip samples": (1.0, 0.1)}


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
        time_limit=300.0 if name else 20.0,  # the work ends a search, on a busy machine too
        work_limit=1e11 if name else 1e10,
        on_progress=lambda leak: print(f"{leak.defence} {leak.strength:g}: {leak.recovered:.0%}", flush=True),
    )
    lines = describe_sweep(found)
    print("\n".join(lines))
    if name:
        draw_leaks(found, DOCS / "images" / f"defences-{name}.png")
        found.to_csv(DOCS / "benchmarks" / f"defences-{name}.csv")
        page = DOCS / "threat-model.md"
        marks = f"<!-- {name} -->", f"<!-- /{name} -->"
        inside = re.compile(f"{marks[0]}.*?{marks[1]}", re.DOTALL)
        page.write_text(inside.sub("\n".join([marks[0], *lines, marks[1]]), page.read_text()))


if __name__ == "__main__":
    main()
