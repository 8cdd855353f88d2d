import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp.forecasting.default import estimate
from spear_xp.reporting.regions import draw_heatmap, draw_regions
from tests.helpers.optional import need

need("matplotlib.figure")
PNG = b"\x89PNG\r\n\x1a\n"


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


def test_regions_lie_on_top_of_each_other_and_the_layer_is_marked(tmp_path: Path, figures: list[Any]) -> None:
    draw_regions(estimate(70, 200, centred=True), tmp_path / "regions.png")
    assert (tmp_path / "regions.png").read_bytes().startswith(PNG)
    (axis,) = figures[0].axes
    assert [text.get_text() for text in axis.texts] == ["b = 70, m = 200"]
    named = [text.get_text() for text in axis.get_legend().get_texts()]
    assert len(named) == 5
    assert "visually safe" in named[0]
    low, high = axis.get_xlim()
    assert low < 200 < high
