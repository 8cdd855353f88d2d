"""The house: rooms of one idea, each with its test, and no folder that is too full."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"spear_xp": ROOT / "tests" / "unit", "theory": ROOT / "tests" / "theory"}
ROOMS = sorted(
    (package, path.relative_to(ROOT / package))
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py" and path.parent != ROOT / package
)
FOLDERS = sorted({p.parent for name in PACKAGES for p in (ROOT / name).rglob("*.py")})


@pytest.mark.parametrize(("package", "room"), ROOMS, ids=str)
def test_every_room_has_a_test_of_its_name(package: str, room: Path) -> None:
    assert (PACKAGES[package] / room.parent / f"test_{room.name}").exists()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_folder_has_more_than_nine_rooms(folder: Path) -> None:
    assert len([p for p in folder.glob("*.py") if p.name != "__init__.py"]) <= 9


def test_the_face_is_short() -> None:
    assert len((ROOT / "spear_xp" / "__init__.py").read_text().splitlines()) < 60


def test_the_time_is_read_in_one_room() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "spear_xp").rglob("*.py")
        if "import time" in path.read_text()
    ]
    assert readers == ["spear_xp/forecasting/calibration.py", "spear_xp/solver/runtime/clock.py"]
