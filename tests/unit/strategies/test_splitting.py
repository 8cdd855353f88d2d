import numpy as np
import pytest

from spear_xp.geometry.directions import in_span
from spear_xp.strategies.splitting import Splitting
from tests.helpers.geometry import columns_found, known_samples
from tests.helpers.settings import reduced, twin_layer


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kernel", [(0, 1), (0, 1, 2)])
def test_the_directions_of_a_shared_kernel_are_found(kernel: tuple[int, ...], seed: int) -> None:
    layer = twin_layer(seed)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, kernels=[kernel])
    found = Splitting().propose(problem, known, 0, 0).directions
    assert columns_found(problem, layer.inputs, found) == set(kernel)


def test_proposals_lie_in_the_kernel_and_have_unit_norm() -> None:
    layer = twin_layer(0)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, kernels=[(0, 1, 2)])
    proposals = Splitting().propose(problem, known, 0, 0)
    assert in_span(np, known.shared[0], proposals.directions).shape == proposals.directions.shape
    np.testing.assert_allclose(np.linalg.norm(proposals.directions, axis=0), 1)
    assert proposals.drawn == proposals.directions.shape[1] > 0


def test_what_is_known_of_a_kernel_helps_to_find_the_rest_and_is_not_found_again() -> None:
    layer = twin_layer(1)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, [0, 1], kernels=[(0, 1, 2)])
    found = Splitting().propose(problem, known, 0, 0).directions
    assert columns_found(problem, layer.inputs, found) == {2}
    assert in_span(np, np.linalg.qr(known.directions).Q, found).shape[1] == 0


@pytest.mark.parametrize(("found", "kernels"), [((), ()), ((0, 1, 2), ((0, 1, 2),))])
def test_without_a_kernel_to_split_there_is_nothing_to_do(
    found: tuple[int, ...], kernels: tuple[tuple[int, ...], ...]
) -> None:
    """No kernel, or one whose samples are all known."""
    layer = twin_layer(0)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, found, kernels=kernels)
    proposals = Splitting().propose(problem, known, 0, 0)
    assert proposals.directions.shape == (6, 0)
    assert proposals.drawn == 0


def test_a_chunk_is_a_function_of_seed_and_number() -> None:
    layer = twin_layer(2)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, kernels=[(0, 1, 2)])
    one, same = (Splitting().propose(problem, known, 3, 1).directions for _ in range(2))
    np.testing.assert_array_equal(one, same)
