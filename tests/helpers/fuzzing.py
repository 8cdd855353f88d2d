"""What any bytes are made into, and what has to come of it: a result, or an error of this library.

The targets of `python -m tests.benchmarks.fuzz`, and of a small test with Hypothesis.
"""

import io
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp import audit, estimate, invert, load_result
from spear_xp.errors import SpearError
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.adapters.files import read_arrays
from theory import ParameterError

__all__ = ["TARGETS", "whole_archives"]

KEYS = ("grad_w", "grad_b", "weight", "bias")
DTYPES = ("<f4", "<f8", "<f2", "<i4", "|b1", "<c8", "<U2", "|S2")
VALUES = (0.0, 1.0, -1.0, 1e-320, 1e30, 1e300, np.inf, -np.inf, np.nan)
NAMES = (
    "fc.weight",
    "fc.bias",
    "last.weight",
    "last.bias",
    "0",
    "1",
    "weight_after",
    "bias_after",
    "noise",
    "",
)
SIZES = (None, -1, 0, 1, 2, 3, 7, 12, 30, 100, 400, 10**4, 10**9, 2**63, 10**40, 2.5, np.nan, np.inf, True)
NOISE = (None, 0.0, -1.0, 1e-300, 1e-7, 1e-3, 0.1, 1.0, 1e300, np.nan, np.inf)
SECONDS = (60.0, 1e-3, 1e9, 0.0, -1.0, np.nan, np.inf)
SEARCHES = ("auto", "sampling", "information_set", ("auto", "descent"), "", ())
HERE = Path(tempfile.gettempdir())


class Bytes:
    """Hands out what bytes say, and zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, below: int) -> int:
        """Of 0, 1, ..., below - 1."""
        self.at += 1
        return self.data[self.at - 1] % below if self.at <= len(self.data) else 0

    def rest(self) -> bytes:
        """All that is left."""
        return self.data[self.at :]

    def array(self, largest: int = 6) -> Any:
        """Any dtype, up to three dimensions; numbers that are drawn or odd."""
        dtype = DTYPES[
            min(self.number(3 * len(DTYPES)), len(DTYPES) - 1) if self.number(4) == 0 else self.number(2)
        ]
        shape = tuple(self.number(largest + 1) for _ in range(self.number(4)))
        values = np.random.default_rng(self.number(256)).standard_normal(shape)
        for _ in range(self.number(3) if values.size else 0):
            values.flat[self.number(values.size)] = VALUES[self.number(len(VALUES))]
        with np.errstate(all="ignore"):
            return values.astype(dtype)

    def layer(self) -> dict[str, Any]:
        """Four arrays that fit, mostly."""
        m, n, b = (1 + self.number(12) for _ in range(3))
        rng = np.random.default_rng(self.number(256))
        weight, bias, x = rng.standard_normal((m, n)), rng.standard_normal(m), rng.standard_normal((b, n))
        back = rng.standard_normal((b, m)) * (x @ weight.T + bias > 0)
        found = dict(zip(KEYS, (back.T @ x, back.sum(axis=0), weight, bias), strict=True))
        for _ in range(self.number(3)):
            found[KEYS[self.number(4)]] = self.array(12)
        for _ in range(self.number(4)):
            one = found[KEYS[self.number(4)]]
            if one.size and one.dtype.kind == "f":
                with np.errstate(all="ignore"):
                    one.flat[self.number(256) % one.size] = VALUES[self.number(len(VALUES))]
        return found


def file_of_arrays(data: bytes) -> None:
    """Bytes as an `.npz`, as they are or as members of an archive that is whole."""
    given = Bytes(data)
    content = given.rest() if given.number(2) else _archive(given)
    _with_file(content, lambda path: dict(read_arrays(path)))


def file_of_a_result(data: bytes) -> None:
    """Bytes as a saved result."""
    _with_file(data, load_result)


def layer(data: bytes) -> None:
    """Four arrays, read and checked: the first round of a search is one too many."""
    _inverted(data, work_limit=1.0)


def searched(data: bytes) -> None:
    """Four arrays, and a short search."""
    _inverted(data, work_limit=1e5)


def forecast(data: bytes) -> None:
    """Sizes and options of `estimate`."""
    given = Bytes(data)
    b, m, n = (SIZES[given.number(len(SIZES))] for _ in range(3))
    options: dict[str, Any] = {
        "noise": NOISE[given.number(len(NOISE))],
        "centred": (None, True, False)[given.number(3)],
        "time_limit": SECONDS[given.number(len(SECONDS))],
        "search": SEARCHES[given.number(len(SEARCHES))],
    }
    with suppress(SpearError, ParameterError):
        estimate(b, m, features=n, **options)  # type: ignore[arg-type]


def update_by_names(data: bytes) -> None:
    """Arrays by any names, as gradients or weights after training."""
    given = Bytes(data)
    sent = {NAMES[given.number(len(NAMES))]: given.array() for _ in range(given.number(5))}
    before = {NAMES[given.number(len(NAMES))]: given.array() for _ in range(given.number(5))}
    before = sent | before if given.number(2) else before
    training = Training(lr=0.1) if given.number(2) else None
    with np.errstate(all="ignore"), suppress(SpearError):
        audit(read(sent, before, training=training), rng=0, time_limit=0.01)


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (file_of_arrays, file_of_a_result, layer, searched, forecast, update_by_names)
}


def whole_archives() -> list[bytes]:
    """Files from which a fuzzer may start."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    x, weight = rng.standard_normal((3, 5)), rng.standard_normal((20, 5))
    back = rng.standard_normal((3, 20)) * (x @ weight.T > 0)
    arrays = (back.T @ x, back.sum(axis=0), weight, np.zeros(20))
    np.savez(stream, **dict(zip(KEYS, arrays, strict=True)))
    found = [stream.getvalue(), b"\x01" + stream.getvalue(), bytes(range(64))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        invert(*arrays, rng=0).save(path)
        return [*found, path.read_bytes()]


def _inverted(data: bytes, work_limit: float) -> None:
    given = Bytes(data)
    found = given.layer()
    size = (None, 0, 1, 3, 10**6)[given.number(5)]
    with np.errstate(all="ignore"), suppress(SpearError):
        invert(*found.values(), batch_size=size, rng=0, time_limit=1.0, work_limit=work_limit)


def _archive(given: Bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for key in KEYS[: 1 + given.number(4)]:
            member = io.BytesIO()
            np.save(member, given.array())
            content = bytearray(member.getvalue())
            for _ in range(given.number(4)):  # a header or numbers that are damaged, with a sum that fits
                content[given.number(256) % len(content)] = given.number(256)
            file.writestr(f"{key}.npy", bytes(content))
    return stream.getvalue()


def _with_file(content: bytes, function: Callable[[Path], Any]) -> None:
    with tempfile.NamedTemporaryFile(suffix=".npz", dir=HERE) as file:
        file.write(content)
        file.flush()
        with suppress(SpearError):
            function(Path(file.name))
