"""A strategy of one's own: row subsets drawn from the rows that few samples activate.

python examples/custom_strategy.py

A strategy is any object with a name and a pure method `propose`; filter, pool, recovery and certificate are
shared, so a poor strategy costs time and never correctness.
"""

from dataclasses import dataclass

import numpy as np

from spear_xp import strategies
from spear_xp.candidates import Pool, filter_directions
from spear_xp.numerics.elimination import kernel_directions
from spear_xp.reduction import Problem, reduce, validate
from spear_xp.reduction.protocol import Known
from spear_xp.updates import synthetic


@dataclass(frozen=True)
class QuietRows:
    """Kernels of (b - 1)-row subsets of the quietest share of the rows (NumPy only, for brevity)."""

    share: float = 0.3
    count: int = 512
    name: str = "quiet rows"

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int) -> strategies.Proposals:  # noqa: ARG002
        """Directions that vanish on some of the rows that are predicted active for few samples."""
        rng = np.random.default_rng([seed, chunk])
        quiet = np.argsort(problem.activity)[: int(self.share * problem.width)]
        subsets = rng.permuted(np.tile(quiet, (self.count, 1)), axis=1)[:, : problem.rank - 1]
        kernels = kernel_directions(np, problem.balanced, subsets)
        directions = problem.unbalance @ kernels
        directions = directions / np.linalg.norm(directions, axis=0)
        zeros = problem.zeros_of(directions, widen=30.0).sum(axis=0)
        return strategies.Proposals(directions[:, zeros > problem.rank + 2], self.count)


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


if __name__ == "__main__":
    main()
