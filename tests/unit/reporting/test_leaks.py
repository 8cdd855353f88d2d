import math
from pathlib import Path

import pytest

from spear_xp.auditing.defences import Leak, Sweep
from spear_xp.reporting.leaks import draw_leaks
from tests.helpers.optional import need

need("matplotlib.figure")
PNG = b"\x89PNG\r\n\x1a\n"


def leak(strength: float, share: float, defence: str = "noise", end: float = 0.1) -> Leak:
    return Leak(defence, strength, 0, 12, share / 2, 40.0, share, 40.0, 1.0, "EXACT", "", 1.0, end)


def test_leaks_are_curves_over_strengths_with_the_break_down(tmp_path: Path) -> None:
    found = Sweep((leak(1e-4, 1.0), leak(1e-2, 0.5), leak(1.0, 0.0), leak(4, 1.0, "clients", 9.0)))
    axes = draw_leaks(found, tmp_path / "leaks.png")
    assert (tmp_path / "leaks.png").read_bytes().startswith(PNG)
    assert [axis.get_title() for axis in axes] == ["noise", "clients"]
    ceiling, recovered, certified, end = axes[0].lines
    assert recovered.get_ydata().tolist() == [1.0, 0.5, 0.0]
    assert certified.get_ydata().tolist() == [0.5, 0.25, 0.0]
    assert set(ceiling.get_ydata()) == {1.0}
    assert end.get_xdata()[0] == pytest.approx(1.5)  # half-way between .01 and 1
    assert axes[1].lines[-1].get_xdata()[0] > 0


def test_a_picture_is_not_written_unless_asked_for() -> None:
    assert len(draw_leaks(Sweep((leak(1.0, 1.0, end=math.nan),)))[0].lines) == 3
