"""A search at its start."""

from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.solver.call.factors import low_rank
from spear_xp.solver.call.missing import Reading
from spear_xp.solver.call.start import begun, observer_of, published_alone
from spear_xp.solver.result import Progress
from spear_xp.solver.runtime.clock import Clock
from spear_xp.strategies.peeling import Peeling
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.synthetic import LayerGradient


def test_the_published_attack_is_alone_or_takes_turns() -> None:
    assert published_alone([Sampling()]) == Sampling()
    assert published_alone([Sampling(), Peeling()]) is None
    assert published_alone([Peeling()]) is None


def test_a_search_begins_with_nothing_found_and_what_the_arrays_show(layer: LayerGradient) -> None:
    read, clock = validate(*layer.observed), Clock(5.0)
    found = low_rank(read, 7, None, clock)
    assert isinstance(found, tuple)
    problem = reduce(*found[:2])
    state = begun(problem, [Sampling()], Reading(read, found), found, clock)
    assert (state.expected, len(state.pool), state.obstacle) == (7, 0, None)
    assert [one.name for one in state.diagnosis] == ["fewer samples"]
    assert state.threshold > problem.rank
    told: list[Progress] = []
    observer_of(problem, clock, told.append)(state, "sampling", "done")
    assert (told[0].strategy, told[0].batch_size, told[0].certified) == ("sampling", 6, 0)
    observer_of(problem, clock, None)(state, "sampling")
