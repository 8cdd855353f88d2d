"""Every stage of the pipeline by itself, with what goes in and comes out.

python examples/stages.py
"""

import numpy as np

from spear_xp.candidates import Pool, filter_directions, greedy_selection
from spear_xp.certification.certify import certify
from spear_xp.recovery import recover, refine, to_inputs
from spear_xp.reduction import factorize, reduce, validate
from spear_xp.reporting import metrics
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.peeling import Peeling
from spear_xp.updates import synthetic


def main() -> None:
    """Recover 20 inputs behind 200 neurons without calling `invert`."""
    truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(20, 100, rng=0), width=200, rng=0)

    gradient = validate(*truth.observed)
    print(f"validate: {len(gradient.live)} live rows, {len(gradient.dead)} dead")

    factorization = factorize(gradient)
    values = factorization.singular_values
    print(
        f"factorize: rank {factorization.rank}, singular values {values[0]:.2g} to {values[-1]:.2g}, "
        f"noise {factorization.noise_level:.1e} an entry ({factorization.noise_model})"
    )

    problem = reduce(gradient, factorization)
    print(f"reduce: rows {problem.rows.shape}, layer in the same coordinates {problem.layer.shape}")

    pool, strategies = Pool(problem), (Peeling(), Descent())
    for chunk in range(20):
        for strategy in strategies:
            proposals = strategy.propose(problem, pool.known, seed=0, chunk=chunk)
            found = filter_directions(
                problem, pool.new(proposals.directions), threshold=problem.rank + 2, source=strategy.name
            )
            new = sum(pool.add(candidate) for candidate in found)
            print(f"search: {strategy.name} proposed {proposals.directions.shape[1]}, {new} new in the pool")
        if len(pool) >= problem.rank:
            break

    chosen, score = greedy_selection(problem, pool.candidates)
    print(f"select: {len(chosen)} independent directions, sparsity matching score {score:.3f}")
    recovery = recover(problem, np.stack([c.direction for c in chosen], axis=1))
    if recovery is None:
        print("recover: the directions are dependent")
        return
    recovery = refine(problem, recovery)
    certificate = certify(problem, recovery)
    print(
        f"certify: {certificate.certified.sum()} of {problem.rank}, "
        f"largest error bar {certificate.error_bars.max():.0e}"
    )
    psnr = metrics.compare(truth.inputs, to_inputs(problem, recovery.duals)).psnr
    print(f"against the truth: PSNR {psnr.min():.0f} to {psnr.max():.0f} dB")


if __name__ == "__main__":
    main()
