"""What is written down of a call is enough to make it again."""

import platform

import numpy as np
import pytest

import spear_xp
from spear_xp import LayerUpdate, invert
from spear_xp.strategies import Sampling
from spear_xp.updates.synthetic import LayerGradient


def test_the_call_that_is_written_down_gives_the_result_again(layer: LayerGradient) -> None:
    result = invert(*layer.observed, batch_size=6, data_range=2.0)
    names = dict(zip(("grad_w", "grad_b", "weight", "bias"), layer.observed, strict=True))
    again = eval(result.trace.call, {"spear_xp": spear_xp, **names})
    np.testing.assert_array_equal(again.inputs, result.inputs)
    np.testing.assert_array_equal(again.psnr, result.psnr)
    assert result.trace.shape == layer.grad_w.shape


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": np.full((90, 1), 1e-9)}, "noise=noise"),
        ({"noise": np.float64(1e-9)}, "noise=1e-09"),
        ({"behind": [(np.ones((3, 90)), np.ones(3))], "batch_size": 6}, "batch_size=6, behind=behind,"),
        ({"search": Sampling(false_rejection=0.5)}, "false_rejection=0.5"),
        ({"rng": np.random.default_rng(0)}, "rng=...)"),
    ],
)
def test_what_cannot_be_written_down_has_its_name(layer: LayerGradient, options: dict, words: str) -> None:
    result = invert(*layer.observed, **{"rng": 0, "time_limit": 0.5, **options})
    assert words in result.trace.call


def test_versions_and_assumptions_are_kept(layer: LayerGradient) -> None:
    known = {"name": "fc2", "features": "behind 'fc1'", "assumptions": ("one step",)}
    result = invert(LayerUpdate(*layer.observed, **known), rng=0)
    trace = result.trace
    assert (trace.layer, trace.features, trace.assumptions) == ("fc2", "behind 'fc1'", ("one step",))
    assert "features, not the data: inputs of a layer behind 'fc1'" in result.summary()
    assert trace.versions["spear_xp"] == spear_xp.__version__
    assert trace.versions["Python"] == platform.python_version()
    assert trace.versions["NumPy"] == np.__version__
    assert trace.versions["BLAS"]
