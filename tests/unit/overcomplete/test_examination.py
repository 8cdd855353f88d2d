"""Known points against the rows: explained, held, refuted."""

from dataclasses import replace

import numpy as np

from spear_xp.overcomplete.examination import examine
from spear_xp.overcomplete.known import KnownPoints
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import small_table, with_inputs
from tests.unit.overcomplete.test_known import exact, with_known


def test_all_points_explain_all_rows_that_can_tell() -> None:
    known, _, active = with_known(14)
    seen = examine(known)
    assert (seen.tested == (known.freedom >= 1)).mean() > 0.95
    assert seen.explained[seen.tested].all()
    assert (seen.holds == (active & seen.tested[:, None])).mean() > 0.999
    assert not seen.refutes.any()
    assert not seen.dead.any()


def test_rows_of_unknown_points_are_not_explained() -> None:
    known, _, active = with_known(10)
    seen = examine(known)
    assert not seen.explained[active[:, 10:].any(axis=1)].any()
    assert seen.explained[~active[:, 10:].any(axis=1) & seen.tested].all()


def test_a_mixture_is_refuted_by_rows_of_its_parts() -> None:
    """Rows that both parts are active on look like it and one part; rows of that part do not hold it."""
    known, points, _ = with_known(11)
    known.add(exact((points[10] + points[11]) / 2))
    seen = examine(known)
    assert seen.holds[:, 11].any()
    assert seen.refutes[:, 11].any()
    assert not seen.refutes[:, :10].any()


def test_pairs_with_one_ratio_on_all_rows_are_proportional() -> None:
    known, _, _ = with_known(14)
    seen = examine(known)
    proportional, pairs = seen.proportional(np)
    assert pairs > 10
    assert proportional <= 0.05 * pairs
    same = replace(
        seen, shares=seen.shares[:, :1] * np.linspace(1, 2, 14), clear=seen.clear & seen.clear[:, :1]
    )
    proportional, pairs = same.proportional(np)
    assert proportional == pairs > 3


def test_what_the_layer_hardly_sees_of_an_input_may_be_anything() -> None:
    """Twins that differ there alone have one mask, and their mean fits all rows."""
    step = small_table(width=700)
    blurs = []
    for size in (1.0, 1e-2, 0.0):
        weight = step.weight.copy()
        weight[:, 0] *= size
        problem = reduce_overcomplete(validate(step.grad_w, step.grad_b, weight, step.bias))
        known = KnownPoints(problem)
        for point in problem.points(step.inputs.astype(float)):
            known.add(exact(point))
        blurs.append(examine(known).blur)
    assert np.median(blurs[1] / blurs[0]) > 30
    assert np.isinf(blurs[2]).all()


def test_means_of_twins_are_within_their_blur() -> None:
    """Rows that tell twins hold something else than their mean: they may not be taken for rows of others."""
    passed, wrong = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        inputs = rng.uniform(size=(10, 6))
        inputs[9] = inputs[8] + 10 ** rng.uniform(-3, -1.5) * rng.standard_normal(6)
        step = with_inputs(inputs, seed=seed, width=1500)
        problem = reduce_overcomplete(validate(*step.observed))
        known = KnownPoints(problem)
        for point in problem.points(np.concatenate([inputs[:8], inputs[8:].mean(axis=0, keepdims=True)])):
            known.add(exact(point))
        blur, error = examine(known).blur[8], np.sqrt(((inputs[9] - inputs[8]) ** 2).mean()) / 2
        passed += int(blur < 0.02)
        wrong += int(error > blur)
    assert passed > 5
    assert wrong <= 3
