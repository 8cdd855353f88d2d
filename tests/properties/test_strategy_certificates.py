"""Whatever strategy found them, certified samples are true: planted problems that lure the certificate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp import SpearError, invert
from spear_xp.reduction.protocol import Strategy
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.information_sets import GuidedSets, InformationSet
from spear_xp.strategies.mask_regression import MaskRegression
from spear_xp.strategies.peeling import Peeling
from spear_xp.strategies.portfolio import STRATEGIES
from spear_xp.strategies.sampling import Sampling
from spear_xp.strategies.splitting import Splitting
from tests.helpers import strategies
from tests.helpers.networks import Floats
from tests.zoo import traps
from tests.zoo.traps import BATCH, Trap
from tests.zoo.verdict import false_certificates

TIME_LIMIT = 0.25  # seconds; problems without a solution use all of it
TEAMS: dict[str, list[Strategy]] = {
    "sampling": [Sampling()],
    "information_set": [InformationSet()],
    "peeling": [Peeling()],
    "descent": [Descent()],
    "guided_sets": [GuidedSets()],
    "splitting": [Descent(), Splitting()],  # these two build on what others find
    "estimation": [Descent(), MaskRegression()],
}


@st.composite
def lures(draw: st.DrawFn) -> Trap:
    """Batches and heads that are hard to tell apart, perhaps with noise or too small a batch size."""
    rng = np.random.default_rng(draw(strategies.seeds, label="seed"))
    distance = 10.0 ** draw(st.floats(-5, -0.5), label="distance")
    builders = {
        "near-twins": lambda: traps.near_duplicates(rng, distance),
        "groups of near-twins": lambda: traps.near_duplicate_groups(rng, distance),
        "twins in one class": lambda: traps.exact_duplicates(rng, same_label=True),
        "twins in two classes": lambda: traps.exact_duplicates(rng, same_label=False),
        "two classes": lambda: traps.two_classes(rng, one_label=False),
        "two classes, one label": lambda: traps.two_classes(rng, one_label=True),
        "rank-1 head": lambda: traps.scalar_head(rng),
        "nested masks": lambda: traps.nested_masks(rng, 4),
        "union of masks": lambda: traps.union_mask(rng),
        "parallel columns": lambda: traps.parallel_columns(rng, distance),
        "planted": lambda: traps.planted(rng, 0.5),
        "few rows": lambda: traps.too_few_rows(rng, 28),
    }
    trap = builders[draw(st.sampled_from(sorted(builders)), label="kind")]()
    if draw(st.booleans(), label="noisy"):
        trap = with_noise(trap, 10.0 ** draw(st.floats(-7, -2), label="noise"), rng)
    missing = draw(st.sampled_from([0, 0, 0, 1, 2]), label="missing")
    return replace(trap, batch_size=len(trap.inputs) - missing if missing else None)


def with_noise(trap: Trap, size: float, rng: np.random.Generator) -> Trap:
    """Gaussian noise on every entry, in units of their root mean square."""
    level = size * float(np.sqrt((trap.grad_w.astype("float64") ** 2).mean()))

    def noisy(array: Floats) -> Floats:
        return (array + level * rng.standard_normal(array.shape)).astype("float32")

    return replace(trap, grad_w=noisy(trap.grad_w), grad_b=noisy(trap.grad_b))


@pytest.mark.parametrize("team", TEAMS)
@settings(max_examples=6)
@given(trap=lures())
def test_what_a_strategy_leads_to_is_certified_rightly(
    team: str, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, team, lambda _: TEAMS[team])
    try:
        result = invert(*trap.observed, batch_size=trap.batch_size, search=team, time_limit=TIME_LIMIT, rng=0)
    except SpearError:  # beyond use: refused, which certifies nothing
        return
    assert false_certificates(result, trap.inputs) == []


@pytest.mark.parametrize("team", [name for name in TEAMS if name not in {"peeling", "guided_sets"}])
@settings(max_examples=2)
@given(seed=strategies.seeds)
def test_honest_batches_are_certified(team: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the property above does not hold for want of certificates."""
    monkeypatch.setitem(STRATEGIES, team, lambda _: TEAMS[team])
    trap = traps.honest(np.random.default_rng(seed), dtype="float32", hidden=0)
    result = invert(*trap.observed, search=team, time_limit=5.0, rng=0)
    assert result.certified.sum() == BATCH
    assert false_certificates(result, trap.inputs) == []


@given(seed=strategies.seeds, off=st.integers(-3, 4).filter(bool))
def test_a_clear_gap_beats_a_wrong_batch_size(seed: int, off: int) -> None:
    trap = traps.honest(np.random.default_rng(seed), dtype="float32", hidden=0)
    result = invert(*trap.observed, batch_size=BATCH + off, time_limit=TIME_LIMIT)
    assert result.batch_size == BATCH
