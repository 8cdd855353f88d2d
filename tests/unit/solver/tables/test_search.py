"""A search by peeling keeps to its share of the limits and tells how far it is."""

from spear_xp import Progress, Status, errors, invert
from spear_xp.overcomplete.table import table_of
from spear_xp.reduction.gradient import validate
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.tables.search import full_rank_of, low_rank_of, search_table
from tests.helpers.tables import small_table


def test_a_search_counts_its_work_and_reports() -> None:
    seen: list[Progress] = []
    table, clock = table_of(validate(*small_table().observed), None), Clock(20.0)
    assert table is not None
    search_table(table, clock, seen.append)
    assert clock.work > 0
    assert set(clock.seconds) == {"peel", "certify"}
    assert seen[-1].candidates == table.known.count > 0
    assert {progress.strategy for progress in seen} == {"peeling"}
    assert {progress.stage for progress in seen[:-1]} == {"search"}
    assert seen[-1].stage == "done"
    assert seen[-1].certified == table.proofs.certified.sum()
    assert all(progress.batch_size >= max(progress.candidates, 7) for progress in seen)


def test_a_work_limit_ends_it_at_the_same_place() -> None:
    arrays = small_table(width=900).observed
    whole = invert(*arrays, rng=0)
    first, second = (invert(*arrays, rng=0, work_limit=whole.trace.work / 2) for _ in range(2))
    assert 0 < len(first.inputs) < len(whole.inputs)
    assert first.inputs.tobytes() == second.inputs.tobytes()
    assert first.trace.work < whole.trace.work


def test_an_interruption_keeps_what_was_found() -> None:
    def interrupt(progress: Progress) -> None:
        if progress.candidates > 2:
            raise KeyboardInterrupt

    result = invert(*small_table(width=900).observed, rng=0, on_progress=interrupt)
    assert result.status is Status.INTERRUPTED
    assert len(result.inputs) > 2
    assert not result.certified.any()


def test_a_gradient_has_a_low_rank_or_a_reason_why_not() -> None:
    few, many, clock = small_table(batch=4), small_table(batch=7), Clock(20.0)
    low = low_rank_of(validate(*few.observed), None, None, clock)
    assert not isinstance(low, errors.RankError)
    assert low[1].rank == 4
    assert isinstance(full_rank_of(validate(*few.observed), clock), errors.RankError)
    full = full_rank_of(validate(*many.observed), clock)
    assert not isinstance(full, errors.RankError)
    assert full[1].rank == 7
