"""Strategies, and problems so easy that each finds every column of D within a few chunks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.reduction.protocol import Known, Strategy
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.information_sets import GuidedSets, InformationSet
from spear_xp.strategies.mask_regression import MaskRegression
from spear_xp.strategies.peeling import Peeling
from spear_xp.strategies.sampling import Sampling
from spear_xp.strategies.splitting import Splitting
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.helpers.geometry import columns_found, known_samples
from tests.helpers.networks import Floats

CHUNKS = 20  # by then every easy column is found
EASY = 0.3  # share of zeros


@dataclass(frozen=True)
class Setting:
    """A strategy, what it is told beforehand, and the width of a layer that suits it."""

    strategy: Strategy
    found: Sequence[int] = ()
    solved: Sequence[int] = ()
    kernel: Sequence[int] = ()
    width: int = 90

    def layer(self, seed: int) -> LayerGradient:
        return twin_layer(seed) if self.kernel else easy_layer(seed, self.width)

    def known(self, problem: Problem, inputs: Floats, more: Iterable[int] = ()) -> Known:
        kernels = (self.kernel,) if self.kernel else ()
        return known_samples(problem, inputs, [*self.found, *more], solved=self.solved, kernels=kernels)

    def wanted(self, problem: Problem, inputs: Floats) -> set[int]:
        """Samples left to find whose columns have zeros enough to be easy and are accepted by the filter."""
        everything = known_samples(problem, inputs, range(len(inputs))).directions
        easy = np.nonzero(problem.zeros_of(everything).mean(axis=0) > EASY)[0].tolist()
        accepted = columns_found(problem, inputs, everything) & set(easy) - set(self.found)
        return accepted & set(self.kernel) if self.kernel else accepted

    def columns(self, problem: Problem, inputs: Floats, wanted: set[int]) -> set[int]:
        """Samples whose columns a few chunks find, each told what those before it have found."""
        new: set[int] = set()
        for chunk in range(CHUNKS):
            known = self.known(problem, inputs, sorted(new))
            proposals = self.strategy.propose(problem, known, 0, chunk).directions
            new |= columns_found(problem, inputs, proposals) - set(self.found)
            if new >= wanted:
                break
        return new

    def check(self, problem: Problem, inputs: Floats) -> None:
        wanted = self.wanted(problem, inputs)
        assert wanted
        assert self.columns(problem, inputs, wanted) >= wanted


CHAINS = InformationSet(chains=48, steps=12)
STARTS = Descent(starts=48, steps=120)
GUIDED = GuidedSets(starts=32, descent_steps=80, iterates=12, chains=6, steps=10)
# Strategies with randomness: what they find, not how, is the same in other coordinates.
SETTINGS = {
    "sampling": Setting(Sampling(chunk_size=512)),
    "information_set": Setting(CHAINS),
    "information_set, two solved": Setting(CHAINS, found=(0, 1), solved=(0, 1)),
    "descent": Setting(STARTS),
    "descent, one found, one solved": Setting(STARTS, found=(0, 1), solved=(1,)),
    "guided_sets": Setting(GUIDED, width=32),
    "guided_sets, one found, one solved": Setting(GUIDED, found=(0, 1), solved=(1,), width=32),
    "estimation, two missing": Setting(MaskRegression(), found=(0, 1, 2)),
    "splitting, twins": Setting(Splitting(), kernel=(0, 1)),
    "splitting, triplet": Setting(Splitting(), kernel=(0, 1, 2)),
}
# What is computed from the geometry, and what never leaves the balanced rows.
EXACT = {
    "sampling": Setting(Sampling(chunk_size=256)),
    "information_set": Setting(InformationSet(chains=24, steps=6)),
    "peeling": Setting(Peeling()),
    "peeling, two solved": Setting(Peeling(), (0, 1, 2), (0, 2)),
}
GEOMETRIC = [name for name in EXACT if name.startswith("peeling")]  # nothing drawn


def easy_layer(seed: int, width: int = 90, dtype: str = "float32") -> LayerGradient:
    """Five samples of different classes."""
    inputs = gaussian_inputs(5, 30, rng=seed).astype(dtype)
    return mlp_gradient(inputs, width=width, classes=20, rng=seed)


def twin_layer(seed: int, both: int = 0) -> LayerGradient:
    """Six samples; the first three share a mask up to twelve rows each, the first two `both` rows more."""
    rng = np.random.default_rng(seed)
    pattern = rng.random((140, 6)) < 0.4
    pattern[:, 1] = pattern[:, 2] = pattern[:, 0]
    active = rng.permutation(np.nonzero(~pattern[:, 0])[0])
    for k in range(3):
        pattern[active[12 * k : 12 * (k + 1)], k] = True
    pattern[np.ix_(active[36 : 36 + both], (0, 1))] = True
    return planted_problem(pattern, gaussian_inputs(6, 30, rng=seed), rng=seed)


def reduced(truth: LayerGradient) -> Problem:
    return reduce(validate(*truth.observed))
