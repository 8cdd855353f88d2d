from pathlib import Path
from typing import Any

import pytest

from tests.helpers.optional import need


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Figures that were saved."""
    figure_module, saved = need("matplotlib.figure"), []
    savefig = figure_module.Figure.savefig

    def recorded(self: Any, path: Path, **options: Any) -> None:
        saved.append(self)
        savefig(self, path, **options)

    monkeypatch.setattr(figure_module.Figure, "savefig", recorded)
    return saved
