"""A strategy of one's own: row subsets drawn from the rows that few samples activate.

python examples/custom_strategy.py

A strategy is any object with a name, two traits and a pure method `propose`. Screen, pool, recovery and
certificate are shared, so a poor strategy costs time and never correctness. `invert(search=...)` takes it
like a built-in one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import spear_xp
from spear_xp import strategies
from spear_xp.candidates import Pool, filter_directions
from spear_xp.numerics.elimination import kernel_directions
from spear_xp.numerics.work import KeepGoing, forever, product, small_solves
from spear_xp.reduction import Known, Problem, Proposals, reduce, validate
from spear_xp.updates import synthetic


@dataclass(frozen=True)
class QuietRows:
    """Kernels of (b - 1)-row subsets of the quietest share of the rows (NumPy only, for brevity)."""

    share: float = 0.3
    count: int = 512
    name: str = "quiet rows"
    uses_layer: ClassVar[bool] = True  # zero patterns that no input can cause are turned away
    whole_masks: ClassVar[bool] = False  # its directions may be mixtures by chance

    def propose(
        self,
        problem: Problem,
        known: Known,  # noqa: ARG002
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,  # noqa: ARG002 - a chunk takes a few hundredths of a second
    ) -> Proposals:
        """Directions that vanish on some of the rows that are predicted active for few samples."""
        rng = np.random.default_rng([seed, chunk])
        quiet = np.argsort(problem.activity)[: int(self.share * problem.width)]
        subsets = rng.permuted(np.tile(quiet, (self.count, 1)), axis=1)[:, : problem.rank - 1]
        kernels = kernel_directions(np, problem.balanced, subsets)
        directions = problem.unbalance @ kernels
        directions = directions / np.linalg.norm(directions, axis=0)
        zeros = problem.zeros_of(directions, widen=30.0).sum(axis=0)
        work = small_solves(problem.rank, self.count) + product(problem.width, problem.rank, self.count)
        return Proposals(directions[:, zeros > problem.rank + 2], self.count, work)


def main() -> None:
    """Count the subsets that uniform sampling and the quiet rows need for the same batch."""
    rng = np.random.default_rng(0)
    inputs = (rng.standard_normal((14, 80)) + 0.4).astype("float32")  # not centred: activity is predictable
    truth = synthetic.mlp_gradient(inputs, width=200, rng=0)
    problem = reduce(validate(*truth.observed))
    for strategy in (strategies.Sampling(chunk_size=512), QuietRows()):
        pool, drawn, chunk = Pool(problem), 0, 0
        while len(pool) < problem.rank and chunk < 300:
            proposals = strategy.propose(problem, pool.known, seed=0, chunk=chunk)
            for candidate in filter_directions(problem, proposals.directions, threshold=problem.rank + 2):
                pool.add(candidate)
            drawn, chunk = drawn + proposals.drawn, chunk + 1
        print(f"{strategy.name}: {len(pool)} of {problem.rank} directions after {drawn} subsets")
    result = spear_xp.invert(*truth.observed, search=(QuietRows(), strategies.Peeling()), rng=0)
    print(f"quiet rows and peeling in turns, certified: {int(result.certified.sum())} of {result.batch_size}")


if __name__ == "__main__":
    main()
