"""From any round of a search another process reaches the same bytes; all else is refused."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp import Progress, Status, invert
from spear_xp.errors import CheckpointError, SavedFileError
from spear_xp.solver.saving import checkpoint
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks.repeatable import digest


@pytest.fixture(scope="module")
def truth() -> LayerGradient:
    inputs = gaussian_inputs(14, 60, rng=0)
    inputs[-1] = inputs[-2] + 0.25 * inputs[-1]
    return mlp_gradient(inputs, width=150, rng=0)


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The state of every round, as it was written."""
    found: list[bytes] = []
    keep = checkpoint.Checkpoint.keep

    def kept(self: Any, *arguments: Any, **options: Any) -> None:
        keep(self, *arguments, **options)
        if self.path is not None:
            found.append(self.path.read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "EVERY", 0.0)
        patch.setattr(checkpoint.Checkpoint, "keep", kept)
        yield found


@pytest.mark.parametrize(
    "options", [{}, {"work_limit": 2e9}, {"search": ("descent", "information_set")}, {"batch_size": 13}]
)
def test_a_search_goes_on_to_the_same_bytes_from_every_round(
    tmp_path: Path, truth: LayerGradient, states: list[bytes], options: dict[str, Any]
) -> None:
    options = {"time_limit": 1e6, "work_limit": 4e9, **options}
    path = tmp_path / "state.npz"
    plain = invert(*truth.observed, rng=3, **options)
    assert digest(invert(*truth.observed, rng=3, checkpoint=path, **options)) == digest(plain)
    for state in list(states):
        path.write_bytes(state)
        again = invert(*truth.observed, checkpoint=path, **options)  # with the seed of the file
        assert digest(again) == digest(plain)
        assert again.seed == 3


def test_so_does_the_published_attack(tmp_path: Path, layer: LayerGradient, states: list[bytes]) -> None:
    path = tmp_path / "state.npz"
    plain = invert(*layer.observed, rng=1, search="sampling", checkpoint=path)
    for state in list(states):
        path.write_bytes(state)
        again = invert(*layer.observed, rng=1, search="sampling", checkpoint=path)
        assert digest(again) == digest(plain)


def test_an_interrupted_search_goes_on(
    tmp_path: Path, truth: LayerGradient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path = tmp_path / "state.npz"
    rounds: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        rounds.append(progress)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    first = invert(*truth.observed, rng=3, checkpoint=path, on_progress=interrupt)
    assert first.status is Status.INTERRUPTED
    again = invert(*truth.observed, rng=3, checkpoint=path)
    assert digest(again) == digest(invert(*truth.observed, rng=3))
    assert again.trace.seconds["total"] > first.trace.seconds["total"]


def test_limits_are_those_of_the_whole_search(tmp_path: Path, truth: LayerGradient) -> None:
    path = tmp_path / "state.npz"
    first = invert(*truth.observed, rng=3, checkpoint=path, work_limit=1e9)
    more = invert(*truth.observed, rng=3, checkpoint=path, work_limit=1e9)
    assert digest(first) == digest(more)
    whole = invert(*truth.observed, rng=3, checkpoint=path)
    assert whole.trace.work > first.trace.work


def test_only_the_owner_may_read_a_checkpoint(tmp_path: Path, layer: LayerGradient) -> None:
    invert(*layer.observed, rng=0, checkpoint=str(tmp_path / "state.npz"))
    assert stat.S_IMODE((tmp_path / "state.npz").stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, layer: LayerGradient) -> bytes:
    path = tmp_path_factory.mktemp("kept") / "state.npz"
    invert(*layer.observed, rng=0, checkpoint=path)
    return path.read_bytes()


@pytest.mark.parametrize("what", ["gradient", "seed", "search", "versions"])
def test_the_checkpoint_of_another_search_is_refused(
    tmp_path: Path, layer: LayerGradient, kept: bytes, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(kept)
    arrays, options = list(layer.observed), {"rng": 0, "search": "auto"}
    if what == "gradient":
        arrays[2] = np.nextafter(arrays[2], np.float32(9))
    elif what == "versions":
        monkeypatch.setattr("spear_xp.__version__", "9.9")
    else:
        options[{"seed": "rng"}.get(what, what)] = 1 if what == "seed" else "descent"
    with pytest.raises(CheckpointError, match=rf"state\.npz' is of another {what}"):
        invert(*arrays, checkpoint=path, **options)
    assert path.read_bytes() == kept


def test_a_checkpoint_that_cannot_be_written_is_told_at_once(tmp_path: Path, layer: LayerGradient) -> None:
    with pytest.raises(FileNotFoundError):
        invert(*layer.observed, rng=0, checkpoint=tmp_path / "nowhere" / "state.npz")


def test_a_search_is_worth_more_than_its_checkpoint(
    tmp_path: Path, layer: LayerGradient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.npz"
    invert(*layer.observed, rng=0, checkpoint=path, work_limit=1.0)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.archive, "write", full)
    with pytest.warns(RuntimeWarning, match="was not written, the search goes on"):
        result = invert(*layer.observed, rng=0, checkpoint=path)
    assert result.success


def test_a_saved_result_is_no_checkpoint(tmp_path: Path, layer: LayerGradient) -> None:
    invert(*layer.observed, rng=0).save(tmp_path / "result.npz")
    with pytest.raises(SavedFileError, match="need a checkpoint"):
        invert(*layer.observed, rng=0, checkpoint=tmp_path / "result.npz")


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_checkpoint_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory,
    layer: LayerGradient,
    kept: bytes,
    changes: list[tuple[float, int]],
) -> None:
    damaged = bytearray(kept)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    path = tmp_path_factory.mktemp("damaged") / "file.npz"
    path.write_bytes(damaged)
    try:
        found = invert(*layer.observed, rng=0, checkpoint=path, time_limit=2.0)
    except SavedFileError:
        return
    assert found.success


def test_without_a_bias_gradient_the_longest_part_goes_on(tmp_path: Path, layer: LayerGradient) -> None:
    path = tmp_path / "state"
    plain = invert(layer.grad_w, None, layer.weight, layer.bias, rng=3)
    for _ in range(2):  # the second time there is a file
        again = invert(layer.grad_w, None, layer.weight, layer.bias, rng=3, checkpoint=path)
        assert path.exists()
        assert digest(again) == digest(plain)
