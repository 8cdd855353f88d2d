"""Exact values of entries: what they show where something was done to them, and nothing where it was not."""

import numpy as np
import pytest

from spear_xp.auditing.defences import _clients
from spear_xp.auditing.mechanisms import DEFENCES
from spear_xp.diagnosis.entries import of_entries, sample_of
from spear_xp.reduction.gradient import validate
from spear_xp.updates.images import faces
from tests.helpers.causes import DATA, PLANTED, honest

OF_ENTRIES = (
    *("Adam, one step", "Adam, five steps", "sign", "top 10 %", "top 50 %", "top 90 %", "random mask"),
    *("clipped .1 %", "clipped 5 %", "8 bits", "4 bits", "bfloat16", "float16", "float16 underflow"),
)


@pytest.mark.parametrize("data", sorted(DATA.keys() - {"crops"}))  # which take a second to cut
@pytest.mark.parametrize("name", OF_ENTRIES)
def test_what_was_done_to_entries_is_named(name: str, data: str) -> None:
    change, fitting = PLANTED[name]
    found = of_entries(validate(*change(honest(data, seed=3)).arrays))
    assert [one.name for one in found] == list(fitting)


@pytest.mark.parametrize("data", sorted(DATA.keys() - {"crops"}))  # which take a second to cut
@pytest.mark.parametrize(("b", "m"), [(1, 40), (2, 60), (5, 30), (12, 300), (28, 100)])
def test_honest_entries_show_nothing(data: str, b: int, m: int) -> None:
    for seed in range(3):
        for dtype in ("f4", "f8"):
            assert of_entries(validate(*honest(data, b, m, seed, dtype=dtype).arrays)) == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_handful_of_clipped_entries_shows(seed: int) -> None:
    clip = DEFENCES["clip entries"].send
    sent = clip(_clients(faces(100, rng=0), 12, (300, 3, 10), seed), 1e-4)  # 19 of 187,800, in 4 to 8 rows
    assert [one.name for one in of_entries(validate(*list(sent.update)[:4]))] == ["entries clipped"]


def test_zeros_of_sparse_inputs_are_no_mask() -> None:
    rng = np.random.default_rng(0)
    d = np.where(rng.random((200, 64)) < 0.5, rng.standard_normal((200, 64)), 0.0)
    gradient = validate(d, d.sum(axis=1), d, d[:, 0])  # inputs are the identity
    assert of_entries(gradient, noisy=False) == ()


def test_a_part_of_the_columns_is_looked_at() -> None:
    wide = validate(*honest("gaussian", 4, 40).arrays)
    assert sample_of(wide, wide.grad_w).shape == (len(wide.live), 300)
    rng = np.random.default_rng(0)
    large = validate(*(rng.standard_normal(s) for s in ((300, 5000), (300,), (300, 5000), (300,))))
    assert 150_000 < sample_of(large, large.grad_w).size <= 3 * 2**16
