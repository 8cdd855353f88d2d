"""A small sweep from records to curves, verdicts and a file."""

import csv
from pathlib import Path

import numpy as np
import pytest

from spear_xp import defences, errors
from spear_xp.auditing.defences import PACE, Leak, Sweep, _psnr, sweep
from spear_xp.auditing.mechanisms import Clients, Sent
from spear_xp.reporting.text import describe_sweep
from spear_xp.updates.images import faces
from spear_xp.updates.synthetic import gaussian_inputs


@pytest.fixture(scope="module")
def found() -> Sweep:
    return sweep(
        gaussian_inputs(60, 40, rng=0),
        defences={"noise": (1e-6, 10.0), "clip samples": (1.0, 0.1)},
        batch_size=6,
        width=120,
        seeds=(0, 1),
        work_limit=1e9,
    )


def test_the_public_name() -> None:
    assert defences.sweep is sweep


def test_a_curve_is_an_average_over_seeds(found: Sweep) -> None:
    assert found.defences == ("noise", "clip samples")
    assert len(found.leaks) == 8
    quiet, loud = found.curve("noise")
    assert (quiet.recovered, quiet.ceiling_recovered) == (1.0, 1.0)
    assert loud.recovered == 0.0
    assert quiet.psnr == np.mean([leak.psnr for leak in found.leaks[:2]])
    assert quiet.psnr == pytest.approx(quiet.ceiling_psnr, abs=6)
    assert quiet.seed == -1
    assert loud.certified == 0.0


def test_verdicts_name_what_does_not_protect(found: Sweep) -> None:
    assert found.verdict("clip samples") == "clip samples protects nothing: at every strength 100% came back"
    assert found.verdict("noise").startswith(
        "noise hides records from this search from 10 of the rms entry on"
    )
    assert found.verdict("noise").endswith("from 10 on the update holds none of them above 30 dB")


def leak(strength: float, recovered: float, ceiling: float) -> Leak:
    return Leak("noise", strength, 0, 12, 0.0, 40.0, recovered, 40.0, ceiling, "EXACT", "", 1.0)


def test_a_search_that_stops_is_no_protection() -> None:
    hidden = Sweep((leak(0.1, 1.0, 1.0), leak(1.0, 0.0, 0.75)))
    assert "does not take them out of the update: up to 75% is there" in hidden.verdict("noise")
    assert "protects a part at most: at every strength 40%" in Sweep((leak(1.0, 0.4, 1.0),)).verdict("noise")
    back = Sweep((leak(0.1, 0.0, 1.0), leak(1.0, 0.9, 1.0)))
    assert "from 0.1 of the rms entry on, but not at 1, where 90% came back" in back.verdict("noise")


def test_a_file_has_a_line_for_each_update(found: Sweep, tmp_path: Path) -> None:
    found.to_csv(tmp_path / "leaks.csv")
    with (tmp_path / "leaks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8
    assert rows[0]["defence"] == "noise"
    assert float(rows[0]["psnr"]) == found.leaks[0].psnr


def test_progress_hears_of_every_update() -> None:
    heard: list[Leak] = []
    found = sweep(
        gaussian_inputs(9, 20, rng=0),
        defences={"batch": (3,)},
        width=40,
        batch_size=3,
        seeds=(0,),
        on_progress=heard.append,
    )
    assert tuple(heard) == found.leaks


def test_bad_arguments_are_refused() -> None:
    records = gaussian_inputs(9, 20, rng=0)
    with pytest.raises(errors.ArgumentRangeError, match="defence 'prayer': need one of noise"):
        sweep(records, defences=["prayer"])
    with pytest.raises(errors.ArgumentRangeError, match="batch_size=12: need 1 to 9"):
        sweep(records)
    with pytest.raises(errors.ShapeError, match=r"need \(N, n\)"):
        sweep(records[0])
    with pytest.raises(errors.NonFiniteError, match="3 NaN or infinite entries: need"):
        sweep(np.where(np.arange(60).reshape(20, 3) < 3, np.nan, 1.0))


def test_features_that_stay_open_are_left_out_and_said() -> None:
    records = faces(60, rng=0)
    found = sweep(records, defences={"top-k": (0.2,)}, width=200, batch_size=6, seeds=(0,), time_limit=120.0)
    (leak,) = found.leaks
    assert 0.5 < leak.entries < 1
    assert leak.recovered == 1.0
    assert leak.psnr > 100
    assert leak.certified == 0.0
    assert f"dB of {leak.entries:.0%} |" in "\n".join(describe_sweep(found))


@pytest.mark.parametrize("told", [20, 8])
def test_less_than_half_of_a_record_is_nothing(told: int) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((3, 20))
    sent = Sent(*(np.zeros((4, 20)), np.zeros(4)) * 2, inputs, np.zeros((4, 3), bool))
    found = np.where(np.arange(20) < told, inputs, np.nan)
    psnr = _psnr(found, sent, 1.0, ~np.isnan(found).any(axis=0))
    assert (psnr == (200.0 if told == 20 else 0.0)).all()


def test_the_forecast_is_one_of_the_search_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def noted(clients: Clients, *, time_limit: float) -> dict[str, float]:
        asked.append(time_limit)
        return {}

    monkeypatch.setattr("spear_xp.auditing.defences.breakdowns", noted)
    options = {"defences": {"batch": (3,)}, "width": 40, "batch_size": 3, "seeds": (0,), "time_limit": 9.0}
    for work in (None, 1e9, 1e12):
        sweep(gaussian_inputs(9, 20, rng=0), work_limit=work, **options)
    assert asked == [9.0, 1e9 / PACE, 9.0]
