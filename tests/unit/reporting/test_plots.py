import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spear_xp
from spear_xp import Result, invert
from spear_xp.reporting import plots
from spear_xp.reporting.metrics import compare
from spear_xp.reporting.plots import draw_reconstructions
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.optional import need

figure_module = need("matplotlib.figure")
PNG = b"\x89PNG\r\n\x1a\n"


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


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def test_the_public_name_of_plots_is_this_module() -> None:
    assert spear_xp.plots.spectrum is plots.spectrum


def points(axes: Any) -> dict[str, list[list[float]]]:
    """Coordinates of the points of a chart by their label."""
    lines = [line for line in axes.lines if not line.get_label().startswith("_")]
    return {line.get_label(): line.get_xydata().tolist() for line in lines}


def test_the_spectrum_is_cut_at_the_rank(result: Result) -> None:
    axes = plots.spectrum(result)
    found = points(axes)
    assert [x for x, _ in found["samples"]] == [1, 2, 3, 4, 5, 6]
    assert [y for _, y in found["samples"]] == pytest.approx(result.trace.singular_values[:6].tolist())
    assert found["noise"][0][0] == 7
    assert axes.get_yscale() == "log"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [6.5]


def test_zero_counts_stand_above_what_is_needed(result: Result) -> None:
    some = replace(result, certified=np.arange(6) < 4)
    found = points(plots.zero_counts(some))
    assert found["certified"] == [[k, result.trace.zeros[k]] for k in range(4)]
    assert found["not certified"] == [[k, result.trace.zeros[k]] for k in (4, 5)]


def test_predicted_psnr_leaves_out_what_is_unknown(result: Result) -> None:
    psnr = np.array([50.0, 60.0, 70.0, np.inf, -np.inf, np.nan])
    found = points(plots.predicted_psnr(replace(result, psnr=psnr)))["certified"]
    assert [y for _, y in found][:3] == [50.0, 60.0, 70.0]
    assert np.isnan([y for _, y in found][3:]).all()


def test_charts_are_drawn_where_they_are_told_and_of_nothing_too(layer: LayerGradient) -> None:
    nothing = invert(*layer.observed, time_limit=1e-6, rng=0)
    for draw in (plots.spectrum, plots.zero_counts, plots.predicted_psnr):
        axes = figure_module.Figure().subplots()
        assert draw(nothing, axes=axes) is axes
        axes.figure.savefig(io.BytesIO())
