from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp import LayerUpdate, invert
from spear_xp.certification.certify import certify
from spear_xp.recovery.samples import recover, refine, to_inputs
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates import images
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.benchmarks.problems import faces_averaged
from tests.benchmarks.training import local_steps, multilayer
from tests.helpers.networks import Floats
from tests.helpers.truth import relative_errors, true_recovery


def certificate(truth: LayerGradient, inputs: Floats | None = None) -> Any:
    problem = reduce(validate(*truth.observed))
    recovery = true_recovery(problem, truth.inputs if inputs is None else inputs)
    return certify(problem, refine(problem, recovery))


def test_the_truth_is_certified(problem: Problem, layer: LayerGradient) -> None:
    found = certify(problem, refine(problem, true_recovery(problem, layer.inputs)))
    assert found.certified.all()
    for condition in (found.masks, found.kernel, found.accuracy, found.row_span):
        assert condition.all()
    assert (found.agreement == 1).all()
    assert found.residuals.shape == (problem.width,)
    assert found.residuals.max() < 1e-5
    assert [found.reason(k) for k in range(6)] == [""] * 6


def test_certified_means_all_four_conditions(problem: Problem, layer: LayerGradient) -> None:
    rng = np.random.default_rng(0)
    for size in 10.0 ** np.arange(-9, 0):
        inputs = layer.inputs + size * rng.standard_normal(layer.inputs.shape)
        found = certify(problem, true_recovery(problem, inputs))
        all_four = found.masks & found.kernel & found.accuracy & found.row_span
        assert (found.certified == all_four).all()
        assert all((found.reason(k) == "") == found.certified[k] for k in range(6))


@pytest.mark.parametrize("share", [1e-3, 0.1, 0.5])
def test_mixed_inputs_are_not_certified(problem: Problem, layer: LayerGradient, share: float) -> None:
    inputs = layer.inputs.astype("float64").copy()
    inputs[0] = (1 - share) * inputs[0] + share * inputs[1]
    assert not certify(problem, true_recovery(problem, inputs)).certified[0]


@pytest.mark.parametrize("active", [1, 2, 3, 6])
def test_a_dead_row_contradicts_one_or_two_and_is_silent_for_more(layer: LayerGradient, active: int) -> None:
    """Of a neuron that reports nothing: masks that activate it are wrong, or nothing hangs on it."""
    pattern = np.random.default_rng(0).random((90, 6)) < 0.5
    pattern[7] = np.arange(6) >= active
    truth = planted_problem(pattern, layer.inputs, rng=0)
    grad_w, grad_b = truth.grad_w.copy(), truth.grad_b.copy()
    grad_w[7], grad_b[7] = 0, 0
    found = certificate(replace(truth, grad_w=grad_w, grad_b=grad_b))
    np.testing.assert_array_equal(found.masks, (np.arange(6) >= active) | (active > 2))


def test_a_pruned_layer_has_rows_of_zeros_that_say_nothing() -> None:
    truth = mlp_gradient(gaussian_inputs(8, 60, rng=0), width=300, rng=0)
    grad_w, grad_b = truth.grad_w.copy(), truth.grad_b.copy()
    grad_w[::3], grad_b[::3] = 0, 0
    assert certificate(replace(truth, grad_w=grad_w, grad_b=grad_b)).certified.all()


def nested_masks() -> LayerGradient:
    """Sample 1 is active wherever sample 0 is: its zero rows have a kernel of two dimensions."""
    rng = np.random.default_rng(0)
    pattern = rng.random((200, 5)) < 0.5
    pattern[:, 0] |= pattern[:, 1]
    return planted_problem(pattern, gaussian_inputs(5, 40, rng=0), rng=0)


def test_a_kernel_of_two_columns_is_not_certified() -> None:
    found = certificate(nested_masks())
    assert not found.certified[1]
    assert not found.kernel[1]
    assert found.reason(1)


def test_samples_apart_from_a_kernel_of_two_keep_their_certificate() -> None:
    truth = nested_masks()
    problem = reduce(validate(*truth.observed))
    assert certify(problem, true_recovery(problem, truth.inputs)).certified[2:].all()


def test_a_wide_error_bar_is_named_as_the_reason() -> None:
    """Added noise of a tenth of the gradient."""
    truth = mlp_gradient(gaussian_inputs(6, 40, rng=1), width=200, rng=1)
    noise = 0.1 * truth.grad_w.std() * np.random.default_rng(0).standard_normal(truth.grad_w.shape)
    noisy = replace(truth, grad_w=(truth.grad_w + noise).astype("float32"))
    problem = reduce(validate(*noisy.observed))
    assert problem.rank == 6
    found = certify(problem, true_recovery(problem, truth.inputs))
    assert not found.accuracy.all()
    assert not (found.certified & ~found.accuracy).any()


def test_unexplained_rows_spoil_the_samples_active_on_them(layer: LayerGradient) -> None:
    """A tenth of the rows belongs to other, unknown inputs that are mixtures of the batch."""
    rng = np.random.default_rng(0)
    rows = rng.choice(90, 9, replace=False)
    d = 1e-2 * rng.standard_normal((9, 6))
    grad_w, grad_b = layer.grad_w.copy(), layer.grad_b.copy()
    grad_w[rows], grad_b[rows] = d @ layer.inputs, d.sum(axis=1)
    found = certificate(replace(layer, grad_w=grad_w, grad_b=grad_b))
    assert not found.certified.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_of_another_layer_prove_nothing(layer: LayerGradient, dtype: str) -> None:
    other = mlp_gradient(gaussian_inputs(6, 40, rng=1).astype(dtype), width=90, rng=2)
    mine = mlp_gradient(gaussian_inputs(6, 40, rng=1).astype(dtype), width=90, rng=1)
    found = certificate(replace(mine, weight=other.weight, bias=other.bias))
    assert not found.certified.any()
    assert "mask contradicts" in found.reason(0)


def test_samples_without_support_are_not_certified(problem: Problem, layer: LayerGradient) -> None:
    recovery = true_recovery(problem, layer.inputs)
    found = certify(problem, replace(recovery, support=np.zeros_like(recovery.support)))
    assert not found.certified.any()
    assert not found.kernel.any()


def test_the_order_of_the_samples_does_not_matter(problem: Problem, layer: LayerGradient) -> None:
    inputs = layer.inputs.astype("float64").copy()
    inputs[4] = inputs[4] + 0.3 * inputs[2]
    order = np.array([3, 4, 0, 5, 1, 2])
    one = certify(problem, true_recovery(problem, inputs))
    other = certify(problem, true_recovery(problem, inputs[order]))
    assert (one.certified[order] == other.certified).all()


def test_directions_that_recover_nothing_are_never_certified(problem: Problem) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        recovery = recover(problem, rng.standard_normal((6, 6)))
        assert recovery is not None
        assert not certify(problem, recovery).certified.any()
        assert not certify(problem, refine(problem, recovery)).certified.any()


def test_a_batch_of_one() -> None:
    truth = mlp_gradient(gaussian_inputs(1, 30, rng=0), width=60, rng=0)
    assert certificate(truth).certified.tolist() == [True]
    wrong = replace(truth, weight=-truth.weight, bias=-truth.bias)
    assert certificate(wrong).certified.tolist() == [False]


class Counting:
    """Rows that count how often they are multiplied from the right by a full set of directions."""

    __array_priority__ = 1000

    def __init__(self, rows: Floats) -> None:
        self.rows, self.products = rows, 0

    def __matmul__(self, other: Floats) -> Floats:
        self.products += int(other.shape == (self.rows.shape[1],) * 2)
        return self.rows @ other

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows, name)

    def __getitem__(self, key: Any) -> Floats:
        return self.rows[key]

    def __mul__(self, other: Any) -> Floats:
        return self.rows * other

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        return np.asarray(self.rows, dtype=dtype)


def test_columns_of_d_are_formed_once_for_a_set(layer: LayerGradient) -> None:
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs)
    plain = certify(problem, truth)
    rows = Counting(problem.rows)
    counted = replace(problem, rows=rows)
    found = certify(counted, replace(truth, problem=counted))
    np.testing.assert_array_equal(found.certified, plain.certified)
    assert plain.certified.all()
    assert rows.products == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_masks_that_local_steps_have_changed_are_open_within_the_drift(seed: int) -> None:
    truth = faces_averaged(seed, 16, 400)
    gradient = validate(*truth.observed)
    plain = reduce(gradient)
    moved = np.linalg.norm(np.c_[truth.grad_w, truth.grad_b].astype(float), axis=1)[np.asarray(gradient.live)]
    problem = replace(plain, drift=5 * 0.01 * moved)
    samples = refine(problem, true_recovery(problem, truth.inputs))
    found = certify(problem, samples)
    error = relative_errors(truth.inputs, to_inputs(problem, samples.duals))
    assert (error[found.certified] < 1e-3).all()
    assert found.masks.sum() > certify(plain, replace(samples, problem=plain)).masks.sum()
    assert found.certified.all()


@pytest.mark.parametrize("data", ["faces", "gaussian"])
def test_both_ends_of_large_steps_tell_samples_apart(data: str) -> None:
    """Five steps with a learning rate of .3 move rows by more than most pre-activations are large."""
    inputs = images.faces(10, rng=2) if data == "faces" else gaussian_inputs(10, 300, rng=2)
    rng = np.random.default_rng(2)
    net = multilayer(inputs.shape[1], 300, 3, 10, rng)
    labels = rng.integers(0, 10, 10)
    truth, last = local_steps(net, inputs, labels, steps=5, rate=0.3), net
    for _ in range(5):
        last = last.step(inputs, labels, 0.3)
    result = invert(
        LayerUpdate(*truth.observed, last.weights[0], last.biases[0]), rng=0, accuracy=0.3, work_limit=2e10
    )
    assert result.direction_certified.sum() >= 8
    found = result.inputs[np.asarray(result.direction_certified)]
    assert (relative_errors(inputs, found) < 1e-3).all()
