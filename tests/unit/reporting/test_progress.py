import sys

import pytest

from spear_xp.reporting.progress import progress_bar
from spear_xp.solver.result import Progress
from tests.helpers.optional import need

EVENT = Progress(
    stage="search",
    strategy="descent",
    certified=0,
    batch_size=6,
    candidates=4,
    samples_drawn=1000,
    rate=2500.0,
    seconds=0.4,
)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What the bar was told, one entry for each event."""
    rich_progress = need("rich.progress")
    told: list[dict[str, object]] = []
    update = rich_progress.Progress.update

    def recorded(self: object, task: object, **changes: object) -> None:
        told.append(changes)
        update(self, task, **changes)

    monkeypatch.setattr(rich_progress.Progress, "update", recorded)
    return told


@pytest.mark.parametrize(
    ("certified", "candidates", "done"), [(0, 4, 4), (0, 6, 5), (0, 30, 5), (2, 30, 2), (6, 6, 6)]
)
def test_the_bar_is_full_only_when_everything_is_certified(
    bars: list[dict[str, object]], certified: int, candidates: int, done: int
) -> None:
    """Until something is certified, directions stand for samples."""
    event = Progress("search", "descent", certified, 6, candidates, 1000, 2500.0, 0.4)
    with progress_bar(quiet=False) as update:
        assert update is not None
        update(event)
    assert (bars[0]["completed"], bars[0]["total"]) == (done, 6)


def test_the_bar_goes_to_standard_error_and_names_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    need("rich")
    with progress_bar(quiet=False) as update:
        assert update is not None
        update(EVENT)
    out, err = capsys.readouterr()
    assert out == ""
    for word in ("search", "0 of 6", "certified", "4", "directions"):
        assert word in err


def test_there_is_no_bar_where_it_is_not_wanted_or_cannot_be_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar(quiet=True) as update:
        assert update is None
    monkeypatch.setitem(sys.modules, "rich.console", None)  # as if rich were not installed
    with progress_bar(quiet=False) as update:
        assert update is None
    assert capsys.readouterr() == ("", "")
