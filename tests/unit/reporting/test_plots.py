import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp.auditing.defences import Leak, Sweep
from spear_xp.reporting.metrics import compare
from spear_xp.reporting.plots import draw_heatmap, draw_leaks, draw_reconstructions

figure_module = pytest.importorskip("matplotlib.figure")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Figures that were saved."""
    saved: list[Any] = []
    savefig = figure_module.Figure.savefig

    def recorded(self: Any, path: Path, **options: Any) -> None:
        saved.append(self)
        savefig(self, path, **options)

    monkeypatch.setattr(figure_module.Figure, "savefig", recorded)
    return saved


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 3)])
def test_rows_are_originals_reconstructions_and_differences_in_the_same_scale(
    tmp_path: Path, figures: list[Any], shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    size = math.prod(shape)
    inputs = rng.uniform(-3, 5, (4, size))
    found = inputs[[2, 0, 3]] + 0.1 * rng.standard_normal((3, size))
    comparison = compare(inputs, found)
    draw_reconstructions(inputs, found, comparison, tmp_path / "faces.png", shape=shape)
    assert (tmp_path / "faces.png").read_bytes().startswith(PNG)
    axes = np.array(figures[0].axes).reshape(3, 3)
    low, high = inputs.min(), inputs.max()
    for column, (i, j) in enumerate(((0, 1), (2, 0), (3, 2))):
        rows = inputs[i], found[j], np.abs(inputs[i] - found[j]) + low
        for axis, values in zip(axes[:, column], rows, strict=True):
            (image,) = axis.images
            expected = ((values - low) / (high - low)).clip(0, 1).reshape(shape)
            np.testing.assert_allclose(image.get_array(), expected, atol=1e-6)
            assert image.get_clim() == (0, 1)
        psnr = 10 * math.log10((high - low) ** 2 / ((inputs[i] - found[j]) ** 2).mean())
        assert axes[2, column].get_xlabel() == f"{psnr:.0f} dB"
    worst = np.abs(inputs[[2, 0, 3]] - found).max()
    assert f"largest difference {worst:.1e}" in figures[0].get_suptitle()


def test_a_batch_of_which_nothing_was_recovered_is_drawn_too(tmp_path: Path, figures: list[Any]) -> None:
    inputs = np.random.default_rng(0).standard_normal((3, 6))
    draw_reconstructions(inputs, inputs[:0], compare(inputs, inputs[:0]), tmp_path / "none.png", shape=(2, 3))
    assert not any(axis.images for axis in figures[0].axes)
    assert "0 samples" in figures[0].get_suptitle()


@pytest.mark.parametrize("never", [False, True])
def test_a_heat_map_shows_its_values_and_says_where_there_are_none(
    tmp_path: Path, figures: list[Any], never: bool
) -> None:
    batches, widths = [5, 15, 25, 35], [50, 100, 300, 1000]
    values = np.add.outer(np.array(batches), np.log2(widths))
    if never:
        values[-1, 0] = math.inf
    draw_heatmap(values, batches, widths, tmp_path / "map.png", title="Cost", label="samples")
    assert (tmp_path / "map.png").read_bytes().startswith(PNG)
    axis, bar = figures[0].axes
    (mesh,) = [item for item in axis.collections if type(item).__name__ == "QuadMesh"]
    shown = np.ma.filled(np.ma.masked_invalid(mesh.get_array()), math.inf).reshape(values.shape)
    np.testing.assert_allclose(shown, values)
    assert [text.get_text() for text in axis.texts if text.get_text() == "never"] == ["never"] * never
    assert axis.get_xticks().tolist() == [64, 128, 256, 512]
    assert axis.get_yticks().tolist() == [10, 20, 30]
    assert axis.get_title() == "Cost"
    assert bar.get_ylabel() == "samples"


def leak(strength: float, share: float, defence: str = "noise") -> Leak:
    return Leak(defence, strength, 0, 12, share / 2, 40.0, share, 40.0, 1.0, "EXACT", "", 1.0)


def test_leaks_are_curves_over_strengths_with_the_break_down(tmp_path: Path) -> None:
    found = Sweep((leak(1e-4, 1.0), leak(1e-2, 0.5), leak(1.0, 0.0), leak(4, 1.0, "clients")))
    axes = draw_leaks(found, tmp_path / "leaks.png", breakdown={"noise": 0.1, "clients": 9.0})
    assert (tmp_path / "leaks.png").read_bytes().startswith(PNG)
    assert [axis.get_title() for axis in axes] == ["noise", "clients"]
    ceiling, recovered, certified, end = axes[0].lines
    assert recovered.get_ydata().tolist() == [1.0, 0.5, 0.0]
    assert certified.get_ydata().tolist() == [0.5, 0.25, 0.0]
    assert set(ceiling.get_ydata()) == {1.0}
    assert end.get_xdata()[0] == pytest.approx(1.5)  # half-way between .01 and 1
    assert axes[1].lines[-1].get_xdata()[0] > 0


def test_a_picture_is_not_written_unless_asked_for() -> None:
    assert len(draw_leaks(Sweep((leak(1.0, 1.0),)))) == 1
