import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import errors
from spear_xp.updates.noise_models import rounding_of_difference, rounding_of_quantisation
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.optional import need


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("steps", [1, 5])
def test_noise_of_steps_that_are_rounded_each(dtype: str, steps: int) -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(-0.05, 0.05, (200, 300)).astype(dtype)
    updates = rng.standard_normal((steps, 200, 300)) * (1e-3 if dtype == "float16" else 1e-5)
    after = before
    for update in updates:
        after = (after.astype(float) - update).astype(dtype)
    error = (before.astype(float) - after.astype(float) - updates.sum(axis=0)) / 0.1
    found = rounding_of_difference(before, after, 0.1, steps=steps)
    assert error.std() == pytest.approx(np.sqrt((found**2).mean()), rel=0.02)


@given(strategies.seeds, st.integers(-20, 20))
def test_noise_has_the_unit_of_the_weights(seed: int, power: int) -> None:
    after = np.random.default_rng(seed).standard_normal((3, 4)).astype("float32")
    one, other = (rounding_of_difference(unit * after, unit * after) for unit in np.float32([1, 2.0**power]))
    np.testing.assert_array_equal(2.0**power * one, other)


def test_weights_stay_in_their_library(space: Backend) -> None:
    before, after = space.arrays(np.ones((2, 3)), np.full((2, 3), 0.75))
    found = rounding_of_difference(before, after, -0.5)
    unit = float(space.xp.finfo(after.dtype).eps)
    np.testing.assert_allclose(space.to_numpy(found), unit / 12**0.5, rtol=1e-6)  # 2^-1 over .5


def test_a_weight_of_zero_has_hardly_any_noise() -> None:
    assert rounding_of_difference(np.ones((1, 1)), np.zeros((1, 1)))[0, 0] < 1e-300


def test_noise_of_multiples_of_a_step() -> None:
    values = np.random.default_rng(0).standard_normal(100_000)
    error = np.round(values / 0.1) * 0.1 - values
    assert error.std() == pytest.approx(rounding_of_quantisation(0.1), rel=0.01)


@pytest.mark.parametrize("step", [-1.0, float("nan"), float("inf")])
def test_steps_out_of_range(step: float) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=f"step={step}: need"):
        rounding_of_quantisation(step)


def test_arguments_out_of_range() -> None:
    weight = np.ones((2, 3))
    for scale in (0.0, float("nan"), float("inf")):
        with pytest.raises(errors.ArgumentRangeError, match=f"scale={scale}"):
            rounding_of_difference(weight, weight, scale)
    with pytest.raises(errors.ArgumentRangeError, match="steps=0"):
        rounding_of_difference(weight, weight, steps=0)
    with pytest.raises(errors.ShapeError, match=r"before has shape \(2, 3\) and after \(3, 2\)"):
        rounding_of_difference(weight, weight.T)


def test_a_difference_of_bfloat16_has_the_noise_of_bfloat16() -> None:
    torch = need("torch")
    weight = torch.full((2, 3), 0.5, dtype=torch.bfloat16)
    found = rounding_of_difference(weight, weight)
    np.testing.assert_allclose(np.asarray(found), 2**-8 / 12**0.5)
