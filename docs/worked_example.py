"""Print the numbers of the worked example in method.md, as the functions of the library find them.

python docs/worked_example.py

Three samples behind eight neurons, small enough to check by hand. Signs of singular vectors and of unit
directions are arbitrary; here the largest entry of each row of Vᵀ, and of each column of U Q, is positive.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

import spear_xp
from spear_xp.candidates.candidate import stacked_directions
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import refit
from spear_xp.candidates.separability import SeparabilityTest
from spear_xp.certification.certify import certify
from spear_xp.geometry.deflation import remaining_activity
from spear_xp.recovery.samples import SampleSet, recover, refine, to_inputs
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.strategies.peeling import Peeling
from spear_xp.updates.synthetic import LayerGradient, planted_problem

Matrix = NDArray[np.float64]
INPUTS = np.array([[2, 1, 0, 1], [0, 2, 1, -1], [1, 0, 2, 1]], dtype=float)
D = np.array(
    [[3, 0, 0], [1, 0, 0], [2, 1, 0], [0, 2, 0], [0, -1, 0], [0, 0, 1], [0, 0, 2], [0, 0, -2]], dtype=float
)
ROW = 4  # the row of the gradient that is followed through the stages, counted from 1


def planted(copies: int = 1) -> LayerGradient:
    """The batch behind a layer whose ReLU has the zero pattern of D, each row of D so many times."""
    d = np.tile(D, (copies, 1))
    layer = planted_problem(d == 0, INPUTS, rng=0)
    return replace(layer, grad_w=d @ INPUTS, grad_b=d.sum(axis=1))


def show(name: str, values: Matrix, digits: int = 3) -> None:
    """Print a vector or a matrix under its name."""
    print(name)
    for row in np.atleast_2d(np.round(values, digits) + 0.0):
        print("  " + " ".join(f"{entry:7.{digits}f}" if digits else f"{entry:4.0f}" for entry in row))


def upright(columns: Matrix) -> Matrix:
    """Signs that make the largest entry of each column positive."""
    largest = np.abs(np.round(columns, 9)).argmax(axis=0)
    return np.sign(columns[largest, range(columns.shape[1])])


def rows_of(flags: NDArray[np.bool_]) -> str:
    """Numbers of the rows that are marked, counted from 1."""
    return " ".join(str(i + 1) for i in flags.nonzero()[0])


def reduction(layer: LayerGradient) -> Problem:
    """From the four arrays to a problem."""
    print("== gradient")
    show("D", D, 0)
    show("[X | 1]", np.column_stack([INPUTS, np.ones(3)]), 0)
    extended = np.column_stack([layer.grad_w, layer.grad_b])
    show("[G | g] = D [X | 1]", extended, 0)
    gradient = validate(*layer.observed)
    print(f"{len(gradient.live)} live rows, {len(gradient.dead)} dead")
    print("== rank and noise")
    factors = factorize(gradient)
    show("E, rows of norm 1", extended * factors.scale[:, None])
    show("singular values", factors.singular_values)
    noise = f"σ below 1e-15: {factors.noise_level < 1e-15}"
    print(f"numerical rank {factors.numerical_rank}, noise model {factors.noise_model!r}, {noise}")
    print("== problem")
    problem = reduce(gradient, factors)
    signs = upright(problem.right.T)
    show("U", problem.rows * signs)
    show("Vᵀ", problem.right * signs[:, None])
    return problem


def search(problem: Problem) -> SampleSet:
    """From a problem to a full set."""
    print("== proposal")
    signs, pool = upright(problem.right.T), Pool(problem)
    order = np.argsort(remaining_activity(problem, problem.rows))
    place = int((order == ROW - 1).nonzero()[0][0])
    row = problem.rows[ROW - 1]
    dual = row / (row @ problem.last)
    show(f"dual of row {ROW}", dual * signs)
    show("its pre-activations", problem.layer @ dual)
    proposals = Peeling().propose(problem, pool.known, 0, 0).directions
    q = proposals[:, place]
    q = q * upright(problem.rows @ q[:, None])
    show("proposed direction q", q * signs)
    show("U q", problem.rows @ q)
    print("== screen")
    for i in order.argsort():
        zero = problem.zeros_of(proposals[:, i], widen=30.0)
        found = refit(problem, proposals[:, i], zero)
        new = found is not None and pool.add(found)
        said = "refused" if found is None else f"vanishes on rows {rows_of(found.zero)}" + ", new" * new
        print(f"row {order[i] + 1} taken for a sample: {said}")
    misfits = SeparabilityTest(problem).misfits(pool.directions)
    print(f"rows on which the best hyperplane errs: {[int(8 * misfit) for misfit in misfits]}")
    print("== pool")
    pool.solve_duals()
    show("directions Q", pool.directions * signs[:, None] * upright(pool.columns))
    show("columns U Q", pool.columns * upright(pool.columns))
    read = pool.solved[:, 1] / (problem.last @ pool.solved[:, 1])
    print("dual of direction 2, read off a row on which no other direction is active")
    show("p", read * signs)
    show("[x | 1] = V S p", problem.right.T @ (problem.singular_values * read))
    print("== full set")
    samples = recover(problem, stacked_directions(problem, pool.full_set() or []))
    assert samples is not None
    show("P, scaled by the bias", samples.duals * signs[:, None])
    show("Q, scaled likewise", samples.directions * signs[:, None])
    show("Pᵀ Q", samples.duals.T @ samples.directions)
    return samples


def main() -> None:
    """Print every stage."""
    layer = planted()
    problem = reduction(layer)
    samples = search(problem)
    refined = refine(problem, samples)
    print("== samples")
    show("X", to_inputs(problem, refined.duals))
    moved = float(np.abs(refined.duals - samples.duals).max())
    print(f"refinement moves the duals by less than 1e-12: {moved < 1e-12}")
    print("== certificate")
    found = certify(problem, refined)
    for k in range(3):
        tests = {"a": found.masks, "b": found.kernel, "c": found.accuracy, "d": found.row_span}
        failed = ", ".join(f"({name})" for name, holds in tests.items() if not holds[k])
        print(f"sample {k + 1} fails {failed}: {found.reason(k).partition(' (SNR')[0]}")
    print("== result")
    for copies in (1, 5):
        result = spear_xp.invert(*planted(copies).observed, rng=0, work_limit=1e9)
        directions = f"{int(result.direction_certified.sum())} of {result.batch_size} directions certified"
        error = np.abs(np.sort(result.inputs, axis=0) - np.sort(INPUTS, axis=0)).max()
        print(
            f"{8 * copies} neurons: {result.status.name}, {directions}; errors below 1e-12: {error < 1e-12}"
        )


if __name__ == "__main__":
    main()
