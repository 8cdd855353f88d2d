"""Samples that single rows tell by their one-hot groups."""

import numpy as np
import pytest

from spear_xp.numerics.work import OutOfTime
from spear_xp.overcomplete.known import KnownPoints
from spear_xp.overcomplete.lattice.decoding import Decoder
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.networks import Floats, network
from tests.helpers.tables import FEW_KINDS, distances, few_categories

BATCH, NUMBERS = 26, 2


def told(inputs: Floats, kinds: list[str], *, faint: float = 1.0) -> tuple[KnownPoints, Decoder]:
    rng = np.random.default_rng(0)
    net = network((inputs.shape[1], 1500, 64, 3), rng, "float32")
    net.weights[0][:, -NUMBERS:] *= faint
    observed = net.observed(inputs.astype("float32"), np.zeros(len(inputs), int))
    gradient = validate(*observed)
    problem = reduce_overcomplete(gradient)
    return KnownPoints(problem), Decoder(problem, gradient, kinds)


def inputs_of(known: KnownPoints) -> Floats:
    return np.asarray(known.problem.inputs(known.points))


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_tell_the_whole_batch_within_its_error_bars(seed: int) -> None:
    records = few_categories(np.random.default_rng(seed), BATCH).astype("float32")
    known, decoder = told(records, FEW_KINDS)
    work: list[float] = []
    assert decoder.extend(known, count=work.append) == known.count
    assert known.count == BATCH
    assert sum(work) > 0
    found = inputs_of(known)
    assert distances(found, records).max() < 1e-4
    apart = np.sqrt(((found[:, None] - records[None]) ** 2).mean(axis=2)).min(axis=1)
    assert (apart < 6 * known.input_bars + 1e-7).all()


def test_nothing_is_told_where_groups_are_few_or_are_none() -> None:
    records = few_categories(np.random.default_rng(0), BATCH)
    for kinds in (["real"] * 26, ["one-hot:a"] * 4 + ["real"] * 22, ["integer"] * 24 + ["real"] * 2):
        known, decoder = told(records, kinds)
        assert decoder.extend(known) == 0
    shifted = records + 0.5  # no group is 0 and 1
    known, decoder = told(shifted, FEW_KINDS)
    assert decoder.extend(known) == 0


def test_an_integer_has_to_be_one() -> None:
    rng = np.random.default_rng(0)
    records, kinds = few_categories(rng, BATCH), [*FEW_KINDS[:-1], "integer"]
    known, decoder = told(records, kinds)
    assert decoder.extend(known) == 0
    records[:, -1] = rng.integers(0, 9, BATCH)
    known, decoder = told(records, kinds)
    assert decoder.extend(known) > BATCH / 2
    ages = inputs_of(known)[:, -1]
    np.testing.assert_allclose(ages, ages.round(), atol=1e-5)


def test_samples_with_equal_categories_can_be_told_as_one() -> None:
    """What integers cannot exclude, and why a certificate asks for more: the numbers are a mixture."""
    records = few_categories(np.random.default_rng(0), BATCH, same=1)
    known, decoder = told(records, FEW_KINDS, faint=0.0)  # the two are active on the same rows
    decoder.extend(known)
    found = inputs_of(known)
    pair = (found[:, :-NUMBERS].round() == records[0, :-NUMBERS]).all(axis=1)
    assert pair.sum() == 1
    assert distances(found[pair], records)[0] > 1e-3


def test_points_that_are_not_whole_keep_rows_from_telling() -> None:
    records = few_categories(np.random.default_rng(0), BATCH)
    known, decoder = told(records, FEW_KINDS)
    wrong = known.problem.points(records[:2].mean(axis=0)[None])[0]
    known.add_rough(wrong, known.problem.noise[0])
    known.active = known.active | True  # it may be active everywhere
    assert decoder.extend(known) == 0


def test_it_ends_when_it_has_to() -> None:
    known, decoder = told(few_categories(np.random.default_rng(0), BATCH), FEW_KINDS)
    with pytest.raises(OutOfTime):
        decoder.extend(known, lambda: False)
    assert known.count == 0
