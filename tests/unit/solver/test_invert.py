from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spear_xp import LayerUpdate, Progress, Result, Status, errors, invert
from spear_xp.reporting import metrics
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks.problems import faces_averaged
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.truth import relative_errors


def test_the_whole_batch_on_every_backend(space: Backend, solve: Callable[..., Any]) -> None:
    truth = space.mlp(8, 150, 60, depth=3)
    result = solve(*truth.observed)
    assert result.status is Status.EXACT
    comparison = metrics.compare(space.to_numpy(truth.inputs), space.to_numpy(result.inputs))
    assert comparison.psnr.min() > space.least_psnr
    assert comparison.exact_share == 1


def test_arrays_without_axes_are_refused() -> None:
    with pytest.raises(errors.ShapeError, match="grad_w has shape"):
        invert(*4 * (np.ones(()),), rng=0)


def test_types_of_the_result(space: Backend, solve: Callable[..., Any]) -> None:
    truth = space.mlp(4, 80, 30)
    result = solve(*truth.observed)
    for array in (result.inputs, result.certified, result.error_bars, result.trace.directions):
        assert type(array) is type(truth.grad_w)
        assert array.device == truth.grad_w.device
    assert result.inputs.dtype == truth.grad_w.dtype
    assert result.certified.dtype == space.xp.bool
    assert (result.inputs.shape, result.trace.directions.shape) == ((4, 30), (4, 4))
    assert result.certified.shape == result.error_bars.shape == (4,)
    assert type(result.batch_size) is int
    for name in ("samples_drawn", "candidates", "threshold"):
        assert type(getattr(result.trace, name)) is int
    assert type(result.trace.noise_level) is float
    assert result.reasons == ("",) * 4
    assert result.trace.residuals.max() < 1e-3
    assert 0.99 < result.trace.score <= 1
    assert set(result.trace.seconds) >= {"factorize", "screen", "certify", "total"}
    assert all(value >= 0 for value in result.trace.seconds.values())


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_tiny_batches(space: Backend, batch: int, solve: Callable[..., Any]) -> None:
    truth = space.mlp(batch, 100, 30)
    result = solve(*truth.observed)
    assert result.status is Status.EXACT
    assert result.batch_size == batch


@pytest.mark.parametrize("seed", [2, 6])
def test_a_sample_on_rows_that_are_next_to_nothing_does_not_hold_back_the_others(
    seed: int, solve: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((6, 40))
    weight, bias = rng.standard_normal((150, 40)), rng.standard_normal(150)
    alone = np.linalg.pinv(inputs) @ np.array([1.0, -1, -1, -1, -1, -1])
    weight[:2], bias[:2] = alone + 1e-3 * rng.standard_normal((2, 40)), 0.0
    d = rng.standard_normal((150, 6)) * (inputs @ weight.T + bias > 0).T
    d[:, 0] *= 1e-9
    result = solve(*(a.astype("float32") for a in (d @ inputs, d.sum(axis=1), weight, bias)))
    assert result.certified.tolist() == [True] * 5
    assert metrics.compare(inputs[1:], result.inputs).psnr.min() > 90


def test_the_batch_size_may_be_given(layer: LayerGradient, solve: Callable[..., Any]) -> None:
    result = solve(*layer.observed, batch_size=6)
    assert (result.status, result.batch_size) == (Status.EXACT, 6)


@pytest.mark.parametrize("search", ["auto", "sampling", "descent"])
def test_every_search_solves_a_small_problem(
    layer: LayerGradient, search: str, solve: Callable[..., Any]
) -> None:
    assert solve(*layer.observed, search=search).status is Status.EXACT


def test_the_same_seed_gives_the_same_result(layer: LayerGradient) -> None:
    one, other = (invert(*layer.observed, rng=7) for _ in range(2))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert one.trace.samples_drawn == other.trace.samples_drawn
    assert one.trace.candidates == other.trace.candidates


def test_every_kind_of_seed(layer: LayerGradient) -> None:
    for rng in (None, 3, np.random.default_rng(3), np.random.SeedSequence(3)):
        assert invert(*layer.observed, rng=rng).status is Status.EXACT
    seeded = [invert(*layer.observed, rng=r).trace.samples_drawn for r in (3, np.random.default_rng(3))]
    assert seeded[0] == seeded[1]


def test_running_out_of_time_is_a_result() -> None:
    truth = mlp_gradient(gaussian_inputs(40, 100, rng=0), width=120, rng=0)
    result = invert(*truth.observed, time_limit=0.1, rng=0, search="sampling")
    assert result.status is Status.TIME_LIMIT
    assert "time_limit" in result.status.value
    assert result.inputs.shape == (0, 100)
    assert result.certified.shape == result.error_bars.shape == (0,)
    assert result.reasons == ()
    assert result.trace.samples_drawn > 0
    assert result.trace.directions.shape[0] == 40


def test_a_limit_before_the_rank_is_known_is_a_result_too(layer: LayerGradient) -> None:
    result = invert(*layer.observed, time_limit=1e-9, rng=0)
    assert (result.status, result.batch_size, result.success) == (Status.TIME_LIMIT, None, False)
    assert result.inputs.shape == (0, 40)
    assert result.reasons == ()
    assert "rank" in result.missing[0]
    assert "0 of an unknown number certified" in repr(result)


def test_wrong_weights_end_uncertified(layer: LayerGradient) -> None:
    result = invert(*layer.observed[:2], -layer.weight, -layer.bias, time_limit=0.5, rng=0)
    assert result.status in {Status.UNCERTIFIED, Status.TIME_LIMIT}
    assert not result.certified.any()
    assert all(result.reasons)


def test_certified_samples_come_first() -> None:
    """Sample 1 cannot be told from sample 0; the others can."""
    rng = np.random.default_rng(0)
    inputs = gaussian_inputs(6, 60, rng=0)
    inputs[1] = inputs[0] + 0.1 * rng.standard_normal(60)
    truth = mlp_gradient(inputs, width=150, labels=np.zeros(6, dtype=int), rng=0)
    result = invert(*truth.observed, time_limit=1.0, rng=0)
    assert (np.diff(result.certified.astype(int)) <= 0).all()
    assert [text == "" for text in result.reasons] == result.certified.tolist()


def test_progress_is_told_in_plain_numbers(layer: LayerGradient) -> None:
    events: list[Progress] = []
    result = invert(*layer.observed, rng=0, on_progress=events.append)
    assert events[-1].stage == "done"
    assert events[-1].certified == events[-1].batch_size == 6
    assert events[-1].samples_drawn == result.trace.samples_drawn
    for event in events:
        assert all(type(getattr(event, name)) in {int, float, str} for name in Progress.__slots__)
    assert [e.samples_drawn for e in events] == sorted(e.samples_drawn for e in events)


def test_an_interruption_keeps_what_there_is() -> None:
    truth = mlp_gradient(gaussian_inputs(24, 60, rng=0), width=120, rng=0)

    def interrupt(event: Progress) -> None:
        if event.samples_drawn:
            raise KeyboardInterrupt

    result = invert(*truth.observed, rng=0, on_progress=interrupt, time_limit=20.0)
    assert result.status is Status.INTERRUPTED
    assert result.trace.samples_drawn > 0


def test_errors_of_the_callback_are_the_callers(layer: LayerGradient) -> None:
    def fail(event: Progress) -> None:
        msg = "mine"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="mine"):
        invert(*layer.observed, rng=0, on_progress=fail)


def test_statuses_are_sentences() -> None:
    for status in Status:
        assert status.value[0].isupper()
        assert status.value.endswith(".")
        assert len(status.value) > 40


def test_results_are_frozen(layer: LayerGradient) -> None:
    result: Result = invert(*layer.observed, rng=0)
    with pytest.raises(AttributeError):
        result.status = Status.PARTIAL  # type: ignore[misc]


def test_a_memory_mapped_gradient(tmp_path: Any, layer: LayerGradient) -> None:
    np.save(tmp_path / "grad_w.npy", layer.grad_w)
    mapped = np.load(tmp_path / "grad_w.npy", mmap_mode="r")
    assert invert(mapped, *layer.observed[1:], rng=0).status is Status.EXACT


@pytest.mark.parametrize("order", ["F", "strided"])
def test_memory_layout_does_not_matter(layer: LayerGradient, order: str) -> None:
    def laid_out(a: Any) -> Any:
        return np.asfortranarray(a) if order == "F" else np.repeat(a, 2, axis=0)[::2]

    assert invert(*map(laid_out, layer.observed), rng=0).status is Status.EXACT


def test_mixed_precisions(layer: LayerGradient) -> None:
    grad_w, grad_b, weight, bias = layer.observed
    result = invert(grad_w, grad_b.astype("float64"), weight.astype("float64"), bias, rng=0)
    assert result.status is Status.EXACT
    assert result.inputs.dtype == np.float32


def test_a_bias_gradient_of_zero_is_refused(layer: LayerGradient) -> None:
    with pytest.raises(errors.ZeroGradientError, match="grad_b is zero"):
        invert(layer.grad_w, 0 * layer.grad_b, layer.weight, layer.bias, time_limit=0.5, rng=0)


def test_more_features_than_neurons(solve: Callable[..., Any]) -> None:
    truth = mlp_gradient(gaussian_inputs(5, 2000, rng=0), width=100, rng=0)
    assert solve(*truth.observed).status is Status.EXACT


def test_every_sample_names_its_strategy(layer: LayerGradient) -> None:
    sampled = invert(*layer.observed, search="sampling", rng=0)
    assert sampled.trace.sources == ("sampling",) * 6
    assert len(invert(*layer.observed, rng=0).trace.sources) == 6


def test_an_update_stands_for_its_arrays_and_its_noise(layer: LayerGradient) -> None:
    update = LayerUpdate(*layer.observed, noise=1e-9)
    one, other = invert(update, rng=0), invert(*update, noise=1e-9, rng=0)
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert one.success
    with pytest.raises(errors.ArgumentRangeError, match="bias is given beside a LayerUpdate"):
        invert(update, bias=layer.bias)


def test_an_update_without_its_bias_is_refused_by_name(layer: LayerGradient) -> None:
    with pytest.raises(errors.ArgumentRangeError, match="grad_b is given without bias"):
        invert(layer.grad_w, layer.grad_b, layer.weight)


@pytest.mark.parametrize("expected", [4, 9])
def test_a_clear_gap_beats_the_batch_size_that_was_given_and_both_are_told(
    layer: LayerGradient, expected: int
) -> None:
    result = invert(*layer.observed, batch_size=expected, rng=0)
    assert (result.batch_size, result.trace.expected, result.trace.numerical_rank) == (6, expected, 6)
    assert result.success
    assert f"the gradient shows 6 samples, {expected} were expected" in result.summary()


def test_local_steps_are_certified_where_both_ends_of_the_layer_are_known() -> None:
    """Masks change on the way; how far the layer has moved says where they may."""
    truth = faces_averaged(0, 16, 400)
    after = [
        (old - 5 * 0.01 * step).astype("float32")
        for old, step in ((truth.weight, truth.grad_w), (truth.bias, truth.grad_b))
    ]
    plain = invert(*truth.observed, rng=0, work_limit=2e10)
    known = invert(*truth.observed, weight_after=after[0], bias_after=after[1], rng=0, work_limit=2e10)
    again = invert(LayerUpdate(*truth.observed, *after), rng=0, work_limit=2e10)
    assert known.success
    assert int(plain.certified.sum()) < 16
    np.testing.assert_array_equal(known.inputs, again.inputs)
    error = relative_errors(truth.inputs, known.inputs)
    assert (error < 1e-3).all()


@pytest.mark.parametrize("name", ["weight_after", "bias_after"])
def test_a_layer_after_the_update_of_another_shape_is_refused(layer: LayerGradient, name: str) -> None:
    after = {"weight_after": layer.weight, "bias_after": layer.bias}
    after[name] = after[name][:-1]
    with pytest.raises(errors.ShapeError, match=f"{name} has shape"):
        invert(*layer.observed, **after)


def noisy(size: float, seed: int = 0) -> tuple[LayerGradient, list[Floats]]:
    """A batch, and its update with so much noise in units of the root mean square entry."""
    truth = mlp_gradient(gaussian_inputs(10, 300, rng=seed), width=300, rng=seed)
    rng = np.random.default_rng(seed)
    level = size * float(np.sqrt((truth.grad_w.astype(float) ** 2).mean()))
    parts = [g + level * rng.standard_normal(g.shape).astype("float32") for g in (truth.grad_w, truth.grad_b)]
    return truth, [*parts, truth.weight, truth.bias]


@pytest.mark.parametrize("size", [1e-2, 3e-2])
def test_a_noisy_update_is_certified_to_the_accuracy_that_is_asked_for(size: float) -> None:
    truth, update = noisy(size)
    plain = invert(*update, rng=0, time_limit=2)
    result = invert(*update, rng=0, time_limit=10, accuracy=0.3)
    assert not plain.certified.any()
    assert (result.status, result.success) == (Status.CERTIFIED, True)
    error = np.linalg.norm(truth.inputs[:, None] - result.inputs[None], axis=2).min(axis=0) / 300**0.5
    assert (error < 6 * result.error_bars).all()
    own = float(np.ptp(result.inputs)) * 10 ** (-result.psnr / 20)  # without what masks leave of the scale
    assert (error < 6 * own).all()
    assert np.median(error / own) > 0.5
    assert (result.error_bars > own).all()
    compared = metrics.compare(truth.inputs, result.inputs)
    predicted = result.psnr[compared.recovered]
    assert np.abs(np.median(compared.psnr - predicted)) < 3


def test_the_predicted_psnr_counts_from_the_range_that_is_given() -> None:
    truth = mlp_gradient(gaussian_inputs(4, 40, rng=0), width=100, rng=0)
    for peak in (None, 1.0, 10.0):
        result = invert(*truth.observed, rng=0, data_range=peak)
        own = float(result.inputs.max() - result.inputs.min())
        np.testing.assert_allclose(
            result.psnr, 20 * np.log10((peak or own) / np.asarray(result.error_bars)), rtol=1e-5
        )


@pytest.mark.parametrize(("name", "value"), [("accuracy", 0.0), ("accuracy", 0.31), ("data_range", -1.0)])
def test_an_accuracy_or_a_range_out_of_bounds_is_refused(
    layer: LayerGradient, name: str, value: float
) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=f"{name}={value}"):
        invert(*layer.observed, **{name: value})


def test_kinds_of_features_are_written_down_and_checked() -> None:
    truth = mlp_gradient(gaussian_inputs(4, 12, rng=0), width=60, rng=0)
    result = invert(*truth.observed, rng=0, feature_kinds=["real"] * 12)
    assert result.success
    assert "feature_kinds=['real', " in result.trace.call
    with pytest.raises(errors.ShapeError, match="feature_kinds has 3 entries: need 12"):
        invert(*truth.observed, feature_kinds=["real"] * 3)
    with pytest.raises(errors.ArgumentRangeError, match="feature_kinds"):
        invert(*truth.observed, feature_kinds=["number"] * 12)
    with pytest.raises(errors.ShapeError):
        invert(*(np.ones(()) for _ in range(4)), feature_kinds=["real"])
