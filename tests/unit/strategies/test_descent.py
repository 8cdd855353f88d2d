import numpy as np
import pytest
from hypothesis import given, settings

from spear_xp.geometry.deflation import Deflated, deflated
from spear_xp.geometry.directions import APPROACHING
from spear_xp.numerics.cuda.activity import conflicts, look
from spear_xp.numerics.cuda.descent import pull
from spear_xp.numerics.linalg import normalize, outside
from spear_xp.numerics.random import generator
from spear_xp.strategies import descent
from spear_xp.strategies.descent import PULL, Descent, descend, distinct, iterates
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.geometry import columns_found, known_samples
from tests.helpers.networks import Floats
from tests.helpers.sets import solved
from tests.helpers.settings import easy_layer, reduced
from tests.helpers.strategies import seeds

BATCH = 6


def planted(seed: int = 0) -> tuple[Floats, Floats]:
    """Rows whose columns in an orthonormal basis are seven tenths zeros, and that basis."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.standard_normal((BATCH, BATCH))).Q
    d = rng.standard_normal((300, BATCH)) * (rng.random((300, BATCH)) < 0.3)
    return d @ directions.T * (BATCH / 300) ** 0.5, directions


def starts(count: int, seed: int = 0) -> Floats:
    return normalize(np, np.random.default_rng(seed).standard_normal((BATCH, count)))


def test_descents_end_at_sparse_columns() -> None:
    rows, directions = planted()
    end = descend(np, rows, None, starts(60))
    np.testing.assert_allclose(np.linalg.norm(end, axis=0), 1)
    close = np.abs(directions.T @ end)
    assert (close.max(axis=0) > 0.999).mean() > 0.9
    assert (close.max(axis=1) > 0.999).all()  # and each column is the end of some


@settings(max_examples=8)
@given(seeds)
def test_the_l1_norm_goes_down(seed: int) -> None:
    rows, _ = planted(seed)
    first = starts(20, seed)
    end = descend(np, rows, None, first)
    assert (np.abs(rows @ end).sum(axis=0) < np.abs(rows @ first).sum(axis=0) * (1 + 1e-3)).all()


def test_descents_keep_away_from_what_they_are_told_to_avoid() -> None:
    rows, directions = planted()
    avoid = directions[:, :3]
    end = descend(np, rows, None, normalize(np, outside(avoid, starts(60))), avoid=avoid)
    close = np.abs(directions.T @ end)
    assert close[:3].max() < 0.9
    assert (close[3:].max(axis=1) > 0.999).all()


@pytest.mark.parametrize("chunk", [0, 1])
def test_iterates_are_distinct_and_the_best_come_first(chunk: int) -> None:
    layer = easy_layer(0)
    problem = reduced(layer)
    face = deflated(problem, known_samples(problem, layer.inputs))
    found = iterates(problem.space, face, generator(0, 2, chunk), 40, steps=120, temperature=0.4)
    cosines = np.abs(found.T @ found) - np.eye(found.shape[1])
    assert cosines.max() <= APPROACHING
    assert (np.diff(np.abs(face.rows @ found).sum(axis=0)) >= 0).all()
    twice = np.c_[found[:, ::-1], -found]
    np.testing.assert_allclose(np.abs(distinct(np, face, twice)), np.abs(found), atol=1e-12)


@pytest.mark.parametrize("solved", [0, 2])
def test_a_chunk_finds_the_samples_that_are_left_and_none_that_is_solved(solved: int) -> None:
    layer = easy_layer(1)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, range(solved), solved=range(solved))
    proposals = Descent(starts=48).propose(problem, known, 0, 0)
    np.testing.assert_allclose(np.linalg.norm(proposals.directions, axis=0), 1)
    found = columns_found(problem, layer.inputs, proposals.directions)
    assert found <= set(range(solved, 5))
    assert len(found) >= 3
    assert 0 < proposals.drawn <= 48


def test_nothing_is_proposed_once_every_sample_is_solved() -> None:
    layer = easy_layer(0)
    problem = reduced(layer)
    known = known_samples(problem, layer.inputs, range(5), solved=range(5))
    proposals = Descent().propose(problem, known, 0, 0)
    assert proposals.directions.shape == (5, 0)
    assert proposals.drawn == 0


def test_descents_on_every_backend(space: Backend) -> None:
    rows, directions = planted()
    end = space.to_numpy(descend(space.xp, space.asarray(rows), None, space.asarray(starts(40))))
    close = np.abs(directions.T @ end)
    assert (close.max(axis=0) > 0.999).mean() > 0.8


def gaussian_rest(batch: int, width: int, seed: int = 0) -> tuple[Deflated, Floats]:
    """A batch of which nothing is known, and its unit directions in these coordinates."""
    layer = mlp_gradient(gaussian_inputs(batch, 300, rng=seed), width=width, depth=3, rng=seed)
    problem, directions = solved(layer)
    rest = deflated(problem, known_samples(problem, layer.inputs, ()))
    return rest, normalize(np, np.linalg.solve(rest.lift, directions))


def test_the_layer_pulls_iterates_towards_the_columns_next_to_them() -> None:
    rest, true = gaussian_rest(40, 200)
    rng = np.random.default_rng(0)
    current = normalize(np, true + normalize(np, rng.standard_normal(true.shape)))
    residual = rest.rows @ current
    weights = 1 / (1 + np.exp(rest.predict(np, current) / 0.3))
    gradient = rest.rows.T @ np.copysign(weights, residual)
    share = look(np, residual, rest.layer.implied @ current).share
    way = rest.layer.back @ conflicts(np, residual, weights)
    way = pull(np, way, current, gradient, np.copysign(PULL, share))
    across = gradient - current * (current * gradient).sum(axis=0)
    np.testing.assert_allclose((way * current).sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(way, axis=0), PULL * np.linalg.norm(across, axis=0))
    assert ((way * true).sum(axis=0) > 0).mean() > 0.9


def test_more_starts_arrive_with_the_pull_of_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    rest, true = gaussian_rest(80, 260)
    first = normalize(np, np.random.default_rng(1).standard_normal((80, 200)))

    def arrived() -> int:
        end = descend(np, rest.rows, rest.layer, first, steps=200, temperature=0.3)
        return int((np.abs(true.T @ end).max(axis=0) > 0.99).sum())

    with_pull = arrived()
    monkeypatch.setattr(descent, "PULL", 0.0)
    assert with_pull > 1.2 * arrived() > 0
