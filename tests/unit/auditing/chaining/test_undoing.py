from typing import Any

import numpy as np
import pytest

from spear_xp import Result, invert
from spear_xp.auditing.chaining import chain, none_chained
from spear_xp.errors import ShapeError
from spear_xp.updates.front import Affine, Dense, Front, Lookup, Relu, Standardise
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats

BATCH, FEATURES, WIDTH = 6, 20, 80


def dense(m: int, n: int, seed: int = 0) -> Dense:
    rng = np.random.default_rng(seed)
    weight = (rng.standard_normal((m, n)) * np.sqrt(2 / n)).astype("float32")
    return Dense(weight, (0.1 * rng.standard_normal(m)).astype("float32"))


def forward(data: Floats, front: Front) -> Floats:
    """What stands in front of a layer, in the precision of the data."""
    for step in front:
        if isinstance(step, Dense):
            data = data @ step.weight.T + step.bias
        elif isinstance(step, Relu):
            data = np.maximum(data, 0)
        elif isinstance(step, Affine):
            shape = (len(data), len(step.scale), -1) if np.ndim(step.scale) == 2 else data.shape
            data = (data.reshape(shape) * step.scale + step.shift).reshape(len(data), -1).astype(data.dtype)
        elif isinstance(step, Standardise):
            data = data - data.mean(axis=1, keepdims=True)
            data = data / np.sqrt((data**2).mean(axis=1, keepdims=True) + 1e-5) * step.scale + step.shift
            data = data.astype("float32")
        else:
            data = step.table[data]
    return data


def recovered(features: Floats, *, noise: float = 0.0, seed: int = 0) -> Result:
    """What a search gives for a layer that these features enter."""
    truth = mlp_gradient(features, width=300, rng=seed)
    rng = np.random.default_rng(seed)
    size = noise * np.sqrt((truth.grad_w**2).mean())
    rows = [(one + size * rng.standard_normal(one.shape)).astype(one.dtype) for one in truth.observed[:2]]
    return invert(*rows, *truth.observed[2:], rng=0, time_limit=20.0, accuracy=0.3 if noise else 0.01)


def errors(found: Any, data: Floats) -> Floats:
    """Distance of each chained sample to the truth, in its error bars."""
    distance = np.sqrt(((found.inputs[:, None] - data) ** 2).mean(axis=2)).min(axis=1)
    return distance / found.error_bars


ONE = (dense(WIDTH, FEATURES), Relu())
TWO = (*ONE, dense(200, WIDTH, 1), Relu())
NORM = (Affine(np.array([[2.0], [-0.5]]), np.array([[0.3], [1.0]])),)
INSIDE = (dense(WIDTH, FEATURES), Affine(np.linspace(-2, 2, WIDTH), np.linspace(0, 1, WIDTH)), Relu())


@pytest.mark.parametrize("front", [ONE, TWO, NORM, (*NORM, *ONE), INSIDE])
def test_data_come_back_within_their_error_bars(front: Front) -> None:
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    result = recovered(forward(data, front))
    found = chain(result, front)
    assert found.certified.sum() == BATCH
    assert errors(found, data).max() < 6
    assert (found.error_bars < 1e-5).all()
    assert (found.residuals < 2).all()
    assert found.reasons == ("",) * BATCH


def test_error_bars_hold_under_noise() -> None:
    off = []
    for seed in range(10, 14):
        for front in (ONE, TWO, (*NORM, *ONE), INSIDE):
            data = gaussian_inputs(BATCH, FEATURES, rng=seed)
            result = recovered(forward(data, front), noise=1e-3, seed=seed)
            found = chain(result, front)
            assert found.certified.sum() == result.certified.sum()
            off += errors(found, data)[found.certified].tolist()
    assert len(off) > 90
    assert max(off) < 6
    assert np.mean(np.asarray(off) < 2) >= 0.95
    assert np.median(off) > 0.3  # nor are they far too wide


def test_a_layer_that_is_too_narrow_says_what_is_missing() -> None:
    front = (dense(30, FEATURES), Relu())
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    found = chain(recovered(forward(data, front)), front)
    assert len(found.inputs) == 0
    assert all("of 30 neurons in front are active, for 20 unknowns" in why for why in found.reasons)


def test_dependent_neurons_do_not_count_twice() -> None:
    narrow = dense(40, FEATURES)
    narrow.weight[:, 0] = 0
    front = (Dense(np.tile(narrow.weight, (3, 1)), np.tile(narrow.bias, 3)), Relu())
    found = chain(recovered(forward(gaussian_inputs(BATCH, FEATURES, rng=0), front)), front)
    assert all("determine" in why for why in found.reasons)


def test_another_layer_in_front_is_noticed() -> None:
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    wrong = (dense(WIDTH, FEATURES, seed=7), Relu())
    found = chain(recovered(forward(data, ONE)), wrong)
    assert len(found.inputs) == 0
    assert all("contradicts the others" in why for why in found.reasons)


def test_features_that_are_negative_do_not_come_from_a_relu() -> None:
    found = chain(recovered(gaussian_inputs(BATCH, WIDTH, rng=0)), ONE)
    assert set(found.reasons) == {"features are negative behind a ReLU"}


def test_a_relu_alone_cannot_be_undone() -> None:
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    found = chain(recovered(forward(data, (Relu(),))), (Relu(),))
    assert set(found.reasons) == {"the ReLU in front of the layer hides what is not positive"}
    dead = (Affine(np.zeros(()), np.zeros(())),)
    assert "multiplied by zero" in chain(recovered(data), dead).reasons[0]


def test_tokens_are_rows_of_the_table_in_front() -> None:
    table = np.random.default_rng(0).standard_normal((30, FEATURES)).astype("float32")
    table[29] = table[28]  # never to be told apart
    tokens = np.array([3, 1, 4, 15, 9, 28])
    front = (Lookup(table), *ONE)
    found = chain(recovered(forward(tokens, front)), front)
    assert found.matches is not None
    assert sorted(found.matches.rows.tolist())[:5] == [1, 3, 4, 9, 15]
    assert found.certified.sum() == 5
    assert not found.certified[found.matches.rows >= 28].any()


def test_sequences_of_tokens_are_claimed_as_a_whole() -> None:
    table = np.random.default_rng(0).standard_normal((30, 5)).astype("float32")
    table[29] = table[28]
    tokens = np.array([[3, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 28]])
    features = forward(table[tokens].reshape(3, FEATURES), ONE)
    found = chain(recovered(features), (Lookup(table), *ONE))
    assert found.matches is not None
    rows = [tuple(row) for row in found.matches.rows.reshape(3, 4).tolist()]
    assert {(3, 1, 4, 1), (5, 9, 2, 6)} <= set(rows)
    for row, certified, inputs in zip(rows, found.certified, found.inputs, strict=True):
        assert certified == (max(row) < 28)
        np.testing.assert_array_equal(inputs.reshape(4, 5), table[list(row)])


def test_what_is_not_certified_stays_so() -> None:
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    result = recovered(forward(data, ONE))
    unproven = Result(
        result.inputs, ~result.certified, result.direction_certified, result.error_bars, result.status,
        result.batch_size, result.reasons, result.missing, None, None, result.trace,
    )  # fmt: skip
    found = chain(unproven, ONE)
    assert len(found.inputs) == BATCH
    assert not found.certified.any()
    tentative = Result(
        result.inputs, result.certified, result.direction_certified, np.full(BATCH, np.inf), result.status,
        result.batch_size, result.reasons, result.missing, None, None, result.trace,
    )  # fmt: skip
    assert set(chain(tentative, ONE).reasons) == {"its features are tentative"}


def test_weights_that_are_not_finite_undo_nothing() -> None:
    broken = dense(WIDTH, FEATURES)
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    result = recovered(forward(data, ONE))
    broken.weight[3, 4] = np.nan
    assert set(chain(result, (broken, Relu())).reasons) == {"weights in front of the layer are not finite"}


def test_time_may_run_out() -> None:
    data = gaussian_inputs(BATCH, FEATURES, rng=0)
    answers = iter([True, True, False, False, False, False])
    found = chain(recovered(forward(data, ONE)), ONE, keep_going=lambda: next(answers))
    assert len(found.inputs) == 2
    assert found.reasons[2:] == ("no time was left: raise time_limit",) * 4


@pytest.mark.parametrize(
    "front",
    [
        (dense(WIDTH + 1, FEATURES), Relu()),
        (Affine(np.ones((7, 1)), np.ones((7, 1))),),
        (Affine(np.ones(4), np.ones(4)),),
    ],
)
def test_steps_that_do_not_fit_raise(front: Front) -> None:
    result = recovered(forward(gaussian_inputs(BATCH, FEATURES, rng=0), ONE))
    with pytest.raises(ShapeError, match="in front of 80 features"):
        chain(result, front)
    assert none_chained(result, "why").reasons == ("why",) * BATCH


@pytest.mark.parametrize("before", [(), ONE])
@pytest.mark.parametrize("behind", [(), (dense(80, FEATURES, 3), Relu())])
def test_a_layer_norm_leaves_mean_and_scale_open(before: Front, behind: Front) -> None:
    rng = np.random.default_rng(0)
    width = WIDTH if before else FEATURES
    norm = Standardise(rng.standard_normal(width) + 2, rng.standard_normal(width))
    if before and behind:
        behind = (dense(220, WIDTH, 3), Relu())
    front = (*before, norm, *behind)
    data = 3 * gaussian_inputs(BATCH, FEATURES, rng=0) + (5 if before else 200)  # large means round more
    result = recovered(forward(data, front))
    found = chain(result, front)
    assert result.certified.sum() == BATCH
    assert found.up_to == "mean and scale of each sample"
    assert not found.certified.any()
    assert len(found.samples) == BATCH, found.reasons
    entered = forward(data, before)
    entered = entered - entered.mean(axis=1, keepdims=True)
    assert (errors(found, entered / np.sqrt((entered**2).mean(axis=1, keepdims=True) + 1e-5)) < 6).all()


@pytest.mark.parametrize("change", [{"shift": 0.5}, {"scale": 0.9}])
def test_a_layer_norm_with_other_parameters_is_noticed(change: dict[str, float]) -> None:
    norm = Standardise(np.ones(FEATURES), np.zeros(FEATURES))
    result = recovered(forward(gaussian_inputs(BATCH, FEATURES, rng=0), (norm,)))
    other = Standardise(norm.scale * change.get("scale", 1.0), norm.shift + change.get("shift", 0.0))
    found = chain(result, (other,))
    assert len(found.samples) == 0
    assert all("a LayerNorm with other parameters" in why for why in found.reasons)
    hidden = chain(
        recovered(forward(gaussian_inputs(BATCH, FEATURES, rng=0), (norm, Relu()))), (norm, Relu())
    )
    assert len(hidden.samples) == 0
    assert all("hides what is not positive" in why for why in hidden.reasons)
