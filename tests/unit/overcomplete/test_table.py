"""A search by peeling from a gradient to proofs, and what it settles."""

from spear_xp.overcomplete.regime import Regime
from spear_xp.overcomplete.table import Table, table_of
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import small_table
from tests.zoo.tables import TABLE_TRAPS


def searched(width: int = 400) -> Table:
    table = table_of(validate(*small_table(width=width).observed), None)
    assert table is not None
    table.search()
    return table


def test_a_search_finds_and_proves() -> None:
    table = searched(4000)
    assert table.regime is Regime.SATURATED
    assert not table.proofs.certified.any()
    table.prove()
    assert table.proofs.certified.sum() > 6
    assert table.settles(None)
    assert table.exact == (table.proofs.complete and not table.proofs.silent)


def test_without_time_nothing_is_proven() -> None:
    table = searched()
    table.prove(lambda: False)
    assert not table.proofs.certified.any()
    assert set(table.proofs.reasons) == {"time was up before it could be proven"}


def test_a_batch_as_large_as_the_dimension_is_searched_otherwise_unless_more_are_found() -> None:
    table = searched()
    table.prove()
    assert table.fills(table.problem.dimension)
    assert not table.fills(None)
    dimension = table.problem.dimension
    assert table.settles(dimension) == (table.exact or table.known.count > dimension)


def test_a_gradient_with_few_rows_is_no_table() -> None:
    assert table_of(validate(*small_table(width=7).observed), None) is None


def test_one_hot_groups_tell_what_peeling_does_not_find() -> None:
    trap = TABLE_TRAPS["categories, shares of one size, integers"](0)
    gradient = validate(*trap.observed)
    counts = []
    for kinds in (None, trap.kinds):
        table = table_of(gradient, None, kinds=kinds)
        assert table is not None
        table.search(flats=False)
        counts.append(table.known.count)
        assert table.outdoes(0) == (kinds is not None)  # nothing is proven yet
        assert not table.outdoes(1)
    assert counts[0] < len(trap.inputs) <= counts[1]
