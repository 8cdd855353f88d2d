"""Every fused kernel, compiled for devices from Volta to Hopper: it compiles, and its registers suffice."""

from pathlib import Path

import pytest

from spear_xp.numerics.cuda import descent, exchange, sampler
from spear_xp.numerics.cuda.exchange import Rules
from spear_xp.numerics.cuda.source import Unit
from tests.helpers.nvidia import Usage, architectures, ptx_of, usage_of

RULES = Rules(0.1, 1e-5, 4, 4)
SMALL = [
    sampler.unit(6, 8),
    exchange.unit(6, 12, 4, RULES, double=False),
    *(Unit("hinge", kernel) for kernel in ("shortfall", "accelerate")),
    *(
        descent.unit(kernel)
        for kernel in ("weighted_signs", "advance", "pull", "look", "mask_weights", "conflicts")
    ),
]
LARGE = [
    *(sampler.unit(b, 8) for b in (16, 24, 33, 40)),  # where a lane holds most
    exchange.unit(32, 12, 4, RULES, double=True),
    exchange.unit(32, 32, 5, RULES, double=True),
]
OLDEST, NEWEST = 70, 90


@pytest.mark.parametrize("unit", SMALL, ids=lambda unit: unit.kernel)
def test_it_compiles_for_every_architecture(unit: Unit) -> None:
    known = [f"sm_{number}" for number in architectures() if OLDEST <= number <= NEWEST]
    assert f"sm_{NEWEST}" in known
    for architecture in [*known, f"sm_{NEWEST}a"]:
        assert f".target {architecture}".encode() in ptx_of(unit, architecture)


@pytest.mark.parametrize("unit", [*SMALL, *LARGE], ids=lambda unit: f"{unit.kernel} {dict(unit.sizes)}")
def test_nothing_is_spilled(unit: Unit, tmp_path: Path) -> None:
    usage = usage_of(unit, f"sm_{NEWEST}", tmp_path)
    assert usage.spilled == 0
    assert usage.registers <= 255


def test_a_source_that_does_not_compile_says_why() -> None:
    with pytest.raises(SyntaxError, match="B"):
        ptx_of(Unit("sampler", "sparse_sets"), f"sm_{NEWEST}")


def test_spills_are_seen(tmp_path: Path) -> None:
    sizes = {**dict(sampler.unit(20, 8).sizes), "LANES": 2}  # 280 entries a lane
    usage: Usage = usage_of(Unit("sampler", "sparse_sets", tuple(sizes.items())), f"sm_{NEWEST}", tmp_path)
    assert usage.spilled > 0
