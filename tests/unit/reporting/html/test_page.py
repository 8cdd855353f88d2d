"""The page in a browser: no error, no request, nothing cut off, readable in the dark, on paper and by ear."""

import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from spear_xp import invert, load_result
from spear_xp.errors import NonFiniteError, ShapeError
from spear_xp.reporting.html import report
from spear_xp.updates.images import faces
from spear_xp.updates.synthetic import LayerGradient, mlp_gradient
from tests.helpers.browser import chromium, visit
from tests.helpers.optional import need

need("jinja2")
need("matplotlib")
STYLE = Path(report.__code__.co_filename).parent / "templates" / "report.css"
CASES = ("faces", "defended", "table", "nothing", "without samples")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, layer: LayerGradient) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"{name}.html" for name in CASES}
    inputs = faces(8, rng=0)
    clear = mlp_gradient(inputs, width=150, depth=3, rng=0).observed
    rng = np.random.default_rng(0)
    noisy = [g + 3 * g.std() * rng.standard_normal(g.shape).astype("float32") for g in clear[:2]]
    invert(*clear, rng=0).report(paths["faces"], original=inputs)
    hidden = invert(*noisy, *clear[2:], rng=0, batch_size=8, time_limit=0.5)
    hidden.report(paths["defended"], original=inputs)
    exact = invert(*layer.observed, rng=0)
    exact.report(paths["table"], feature_names=[f"feature <{j}>" for j in range(40)])
    exact.report(paths["without samples"], samples=False)
    invert(*layer.observed, rng=0, time_limit=1e-6).report(paths["nothing"])
    return paths


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_page_opens_without_an_error_and_without_a_request(
    pages: dict[str, Path], browser: Any, name: str, width: int, dark: bool
) -> None:
    seen = visit(browser, pages[name], width=width, dark=dark)
    assert seen.messages == []
    assert seen.outside == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    loaded = "[...document.images].every(image => image.naturalWidth > 0 && image.alt)"
    assert seen.page.evaluate(loaded)
    assert len(seen.page.screenshot()) > 10_000  # not blank


@pytest.mark.parametrize("name", CASES)
def test_a_page_has_one_heading_a_language_and_sections_by_name(
    pages: dict[str, Path], browser: Any, name: str
) -> None:
    page = visit(browser, pages[name]).page
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("h1").count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    targets = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert {target.removeprefix("#") for target in targets} <= set(ids)


def test_what_scrolls_can_be_reached_by_keyboard(pages: dict[str, Path], browser: Any) -> None:
    page = visit(browser, pages["table"], width=390).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    inside = page.evaluate(
        "[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0 && e.ariaLabel)"
    )
    assert inside


def test_a_page_prints_on_a4(pages: dict[str, Path], browser: Any) -> None:
    page = visit(browser, pages["faces"], dark=True).page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    paper = page.pdf(prefer_css_page_size=True)
    sizes = {
        tuple(round(float(x)) for x in box) for box in re.findall(rb"/MediaBox \[0 0 (\S+) (\S+)\]", paper)
    }
    assert sizes == {(595, 842)}


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_paper(dark: bool) -> None:
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)
    colors = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[dark]))
    pairs = [(ink, paper) for ink in ("ink", "soft", "link") for paper in ("paper", "card")]
    pairs += [(ink, f"{ink}-paper") for ink in ("good", "some", "none")]
    pairs += [(ink, "card") for ink in ("good", "none")]
    for ink, paper in pairs:
        low, high = sorted(luminance(colors[name]) for name in (ink, paper))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)


def test_the_defended_page_says_that_nothing_was_proven(pages: dict[str, Path]) -> None:
    text = pages["defended"].read_text()
    assert "that does not show that the update is safe" in text
    assert "verdict unproven" in text


def test_names_are_text_and_not_markup(pages: dict[str, Path]) -> None:
    text = pages["table"].read_text()
    assert "feature &lt;3&gt;" in text
    assert "feature <3>" not in text


def test_only_the_owner_may_read_the_page(pages: dict[str, Path]) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in pages.values()} == {0o600}


def test_a_saved_result_gives_the_same_page(tmp_path: Path, layer: LayerGradient) -> None:
    result = invert(*layer.observed, rng=0)
    result.save(tmp_path / "saved.npz")
    report(result, tmp_path / "one.html")
    report(load_result(tmp_path / "saved.npz"), tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_a_page_without_samples_holds_no_value_of_one(tmp_path: Path, layer: LayerGradient) -> None:
    result = invert(*layer.observed, rng=0)
    other = replace(result, inputs=result.inputs[:, ::-1])
    for name, one in (("one", result), ("two", other)):
        report(one, tmp_path / name, samples=False)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"original": np.ones((6, 39))}, ShapeError, r"original has shape \(6, 39\): need \(b, 40\)"),
        ({"original": np.ones((0, 40))}, ShapeError, r"shape \(0, 40\)"),
        ({"original": np.full((6, 40), np.nan)}, NonFiniteError, "original holds NaN"),
        ({"shape": (6, 7)}, ShapeError, "for 40 features"),
        ({"feature_names": ["one"]}, ShapeError, "feature_names has 1 entries: need 40"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, layer: LayerGradient, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    result = invert(*layer.observed, rng=0)
    with pytest.raises(kind, match=message):
        report(result, tmp_path / "page.html", **options)
    assert not list(tmp_path.iterdir())


def test_a_table_has_units_and_the_values_before_scaling(layer: LayerGradient, tmp_path: Path) -> None:
    exact = invert(*layer.observed, rng=0)
    data = 100 + 7 * np.random.default_rng(0).standard_normal((30, 40))
    scaler = StandardScaler().fit(data)
    exact.report(tmp_path / "page.html", scaler=scaler, units=["mmHg", *[""] * 39])
    page = (tmp_path / "page.html").read_text()
    assert "feature 0 (mmHg)" in page
    value = float(scaler.inverse_transform(exact.inputs[:1].astype(float))[0, 1])
    assert f"{value:.4g}" in page
    with pytest.raises(ShapeError, match="units has 1 entries: need 40"):
        exact.report(tmp_path / "page.html", units=["mmHg"])
