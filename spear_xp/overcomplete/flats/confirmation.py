"""Enters: candidates for samples. Leaves: those that the rank of the rows they are inactive on confirms.

Let c = b - d + 1. Rows on which c samples are inactive hold at most d - 1 others: their rank is below d. So c
points are samples, or have their masks, where the rows that they predict as common inactive ones have a
kernel; rows of other samples have none.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array
from spear_xp.numerics.random import Generator, Stream, generator
from spear_xp.numerics.work import KeepGoing, ask
from spear_xp.overcomplete.flats.hyperplanes import kernel
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["Group", "confirmed", "first_group"]

MOST = 12  # chosen: samples beyond what the dimension holds
SURELY = 0.01  # chosen: pre-activation of a unit row of the layer, below which a point is inactive
SPARE = 8  # chosen: rows beyond the dimension
FIRST, TRIES = 14, 150  # chosen: candidates of a first group, and sets of them
TESTS, HITS, RATE = 12, 3, 0.7  # chosen: sets of each candidate, and how many must have a kernel
STAYS = 0.5  # chosen: the same share for those that have been confirmed before
FEWEST = 3  # chosen: sets with a kernel that show c


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Candidates that confirm each other.

    Attributes
    ----------
    excess : int
        c: as many samples leave a kernel where they are inactive.
    points : array, shape (k, d)
    kernels : list of array, shape (d,)
        Of sets of them: hyperplanes that hold all samples but those of a set.
    """

    excess: int
    points: Array
    kernels: list[Array]


class _Sets:
    """Sets of candidates that are inactive on many common rows."""

    def __init__(self, problem: OvercompleteProblem, points: Array, draw: Generator) -> None:
        self.problem, self.draw = problem, draw
        self.idle = problem.layer @ points.T < -SURELY * problem.layer_norms[:, None]
        self.count = int(points.shape[0])

    def draw_set(self, first: int, among: int, size: int) -> tuple[tuple[int, ...], Array]:
        """One candidate and others among the first ones, with the rows on which all are inactive."""
        xp, chosen = self.problem.space.xp, [first]
        rows = self.idle[:, first]
        while len(chosen) < size:
            common = xp.sum(xp.astype(rows[:, None] & self.idle[:, :among], xp.int64), axis=0)
            ranked = [k for k in (int(i) for i in xp.argsort(-common, stable=True)) if k not in chosen]
            if not ranked:
                break
            chosen.append(int(self.draw.choice(ranked[: max(3, among // 2)])))
            rows = rows & self.idle[:, chosen[-1]]
        return tuple(sorted(chosen)), rows

    def kernel(self, rows: Array) -> tuple[bool, Array | None]:
        """Whether there are enough rows, and their kernel."""
        xp = self.problem.space.xp
        enough = int(xp.sum(xp.astype(rows, xp.int64))) >= self.problem.dimension + SPARE
        return enough, kernel(self.problem, rows) if enough else None


def first_group(
    problem: OvercompleteProblem, points: Array, chunk: int, keep_going: KeepGoing
) -> Group | None:
    """The largest part of candidates, best first, of which sets of the least size have kernels."""
    points = points[: min(FIRST, points.shape[0]), :]
    sets = _Sets(problem, points, generator(0, Stream.CONFIRMATION, chunk))
    for size in range(1, min(MOST, sets.count) + 1):
        seen: dict[tuple[int, ...], Array | None] = {}
        for _ in range(TRIES):
            chosen, rows = sets.draw_set(int(sets.draw.integers(sets.count)), sets.count, size)
            if chosen in seen or len(chosen) < size:
                continue
            ask(keep_going)
            enough, found = sets.kernel(rows)
            if enough:
                seen[chosen] = found
        used, kernels = _mostly(seen, set(range(sets.count)))
        if used:
            return Group(size, points[problem.space.indices(sorted(used)), :], kernels)
    return None


def _mostly(seen: dict[tuple[int, ...], Array | None], kept: set[int]) -> tuple[set[int], list[Array]]:
    """Candidates of which most sets have kernels, and these: without the worst one, as long as need be.

    A smaller set has a kernel, too, where another sample happens to be inactive with it: most sets have none.
    """
    while True:
        inside = {chosen: found for chosen, found in seen.items() if set(chosen) <= kept}
        kernels = {chosen: found for chosen, found in inside.items() if found is not None}
        if len(kernels) < FEWEST:
            return set(), []
        if len(kernels) >= RATE * len(inside):
            return {k for chosen in kernels for k in chosen}, list(kernels.values())
        shares = {}
        for k in kept:
            mine = [found is not None for chosen, found in inside.items() if k in chosen]
            shares[k] = sum(mine) / max(1, len(mine))
        kept = kept - {min(sorted(kept), key=lambda k: shares[k])}


def confirmed(
    problem: OvercompleteProblem, group: Group, points: Array, chunk: int, keep_going: KeepGoing
) -> Group:
    """Those of a group, and of further candidates, whose sets with members of the group have kernels."""
    xp, size = problem.space.xp, group.excess
    everything = xp.concat([group.points, points], axis=0)
    known = int(group.points.shape[0])
    sets = _Sets(problem, everything, generator(1, Stream.CONFIRMATION, chunk))
    kept, kernels = [], []
    for k in range(sets.count):
        tests, found = 0, []
        for _ in range(TESTS):
            ask(keep_going)
            chosen, rows = sets.draw_set(k, known, size)
            enough, one = sets.kernel(rows) if len(chosen) == size else (False, None)
            tests += enough
            found += [one] if one is not None else []
        if len(found) < max(HITS, (STAYS if k < known else RATE) * tests):
            continue
        kept.append(k)
        kernels += found[:HITS]
    return Group(size, everything[problem.space.indices(kept), :], kernels) if kept else group
