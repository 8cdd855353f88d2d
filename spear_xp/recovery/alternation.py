"""Enters: a full set of directions, some wrong. Leaves: one whose masks and zero patterns agree better.

The dual of a direction is orthogonal to all others, so a sample comes out right, and its mask, whatever its
own direction holds. That mask has a kernel, the direction anew: one direction at a time, as long as zero
patterns and predicted masks contradict each other on fewer rows, of all samples together. The truth hardly
has any contradiction.
"""

from spear_xp.geometry.directions import INDEPENDENT_IN_SET, SAME_SPACE
from spear_xp.geometry.nullspaces import VANISHING, kernel_of
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.linalg import inverse, normalize
from spear_xp.numerics.random import Generator, Stream, generator
from spear_xp.numerics.work import KeepGoing, calls, decompositions, elementwise, forever, product
from spear_xp.recovery.mask_fit import MaskFit, cost_of
from spear_xp.recovery.single_rows import basis_of
from spear_xp.reduction.problem import Problem

__all__ = ["alternate", "change_work", "tentative_set"]

# measured: pre-activations over their median from which a row is inactive, three levels in turn (lab.md,
# "All directions at once, and rows as samples")
SURE = (0.0, 1e-2, 1e-1)
TRIES = 100_000  # chosen: changes at random, so many that time ends them
CALLS = 60  # measured: calls on arrays in one change (lab.md, "Counted work")
PATIENCE = 400  # chosen: changes without a gain, after which a set without contradictions stays as it is
# measured: doubt that a change at random may add, on average, and still be gone on from (lab.md, "All
# directions at once, and rows as samples")
WARMTH = 1.0
MOST = 3  # chosen: most directions changed at random at once, and most rows on which each is made to vanish


def alternate(
    problem: Problem,
    directions: Array,
    *,
    beside: Array | None = None,
    faint: float = 1.0,
    tries: int = 0,
    seed: int = 0,
    keep_going: KeepGoing = forever,
) -> MaskFit | None:
    """Mask alternation, one direction at a time, and again from changes at random.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, t)
        Independent unit vectors.
    beside : array, shape (b, b - t), optional
        Directions that stay; then the others stay in the space that they span. None if t = b.
    faint : float
        Weight of zeros on active rows.
    tries : int
        Random changes to try once nothing else helps.
    seed : int
        Of these.
    keep_going : callable
        Asked before each change; False ends with what there is.

    Returns
    -------
    MaskFit or None
        None if the directions are dependent.
    """
    current = MaskFit.of(problem, directions, beside, faint)
    if current is None:
        return None
    space = None if beside is None else problem.space.xp.linalg.qr(directions).Q
    within = None if space is None else (space, problem.rows @ space)
    current = _settled(problem, current, within, keep_going)
    best, rng, in_vain = current, generator(seed, Stream.ALTERNATION, 0), 0
    for _ in range(tries):
        if (in_vain >= PATIENCE and not best.total_contradictions) or not keep_going():
            break
        changed = _settled(problem, _changed(problem, current, rng), within, keep_going, SURE[:1])
        if changed.cost <= current.cost + WARMTH * rng.exponential():  # simulated annealing
            current = changed
        in_vain = 0 if changed.order < best.order else in_vain + 1
        best = min(best, changed, key=lambda one: one.order)
    return MaskFit.of(problem, best.directions, beside, faint)  # updates of an inverse add up rounding


def _settled(
    problem: Problem,
    current: MaskFit,
    within: tuple[Array, Array] | None,
    keep_going: KeepGoing,
    levels: tuple[float, ...] = SURE,
) -> MaskFit:
    """Directions from masks until no one of them brings the contradictions down.

    They lie in a space, given by an orthonormal basis and the rows in its coordinates, or anywhere.
    """
    while True:
        before = current
        for j in (-current.contradictions).argsort(kind="stable").tolist():
            if not (current.contradictions[j] and keep_going()):
                continue
            for sure in levels:
                rows = current.inactive(problem, j, sure)
                direction = _nearest(problem, rows, within, current.directions[:, j])
                other = None if direction is None else current.replaced(problem, j, direction)
                if other is not None and other.total_contradictions < current.total_contradictions:
                    current = other
                    break
        if current is before:
            return current


def _nearest(
    problem: Problem, rows: Array, within: tuple[Array, Array] | None, direction: Array
) -> Array | None:
    """What a direction keeps in the kernel of some rows, at unit norm; None if nothing."""
    xp = problem.space.xp
    space, coordinates = within or (None, problem.rows)
    if rows.shape[0] < coordinates.shape[1]:
        return None
    picked = xp.take(coordinates, rows, axis=0)
    if space is None:
        kernel = kernel_of(problem, picked)
    else:
        _, values, right = xp.linalg.svd(picked, full_matrices=False)
        vectors = space @ right.T
        vanishing = values < VANISHING * rows.shape[0] ** 0.5 * problem.noise_of(vectors)
        count = max(1, int(xp.sum(xp.astype(vanishing, xp.int64))))
        kernel = vectors[:, -count:]
    part = kernel @ (kernel.T @ direction)
    size = float(xp.sqrt(xp.sum(part**2)))
    return part / size if size > INDEPENDENT_IN_SET else None


def _changed(problem: Problem, current: MaskFit, rng: Generator) -> MaskFit:
    """Some contradictory directions, or any, mixed with others so as to vanish on rows where they do not."""
    space = problem.space
    xp = space.xp
    entries, zero = to_host(problem.rows @ current.directions), to_host(current.zero)
    everyone = to_host(range(len(current.contradictions)))
    doubtful = current.contradictions.nonzero()[0] if current.total_contradictions else everyone
    for j in rng.permutation(doubtful)[: rng.integers(1, MOST)].tolist():
        others = rng.permutation(everyone[everyone != j])[: rng.integers(1, MOST + 1)]
        active = (~zero[:, j] & ~zero[:, others].all(axis=1)).nonzero()[0]
        picked = rng.permutation(active)[: len(others)]
        if not 0 < len(others) == len(picked):
            continue
        system, valid = inverse(xp, space.asarray(entries[picked][:, others]))
        if valid:
            shares = system @ space.asarray(entries[picked, j])
            added = xp.take(current.directions, space.indices(others), axis=1) @ shares
            mixed = normalize(xp, (current.directions[:, j] - added)[:, None])[:, 0]
            current = current.replaced(problem, j, mixed) or current
    return current


def tentative_set(
    problem: Problem,
    directions: Array,
    rest: Array,
    *,
    before: Array | None = None,
    faint: float = 1.0,
    seed: int = 0,
    keep_going: KeepGoing = forever,
) -> MaskFit | None:
    """A full set with few contradictions, from some directions and a basis of a space that holds the others.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, k)
        Independent unit vectors.
    rest : array, shape (b, b - k)
        Independent of these.
    before : array, shape (b, b), optional
        An earlier set, from which to go on if as many of its directions lie in the space.
    faint : float
        Weight of zeros on active rows.
    seed : int
        Of changes at random.
    keep_going : callable
        Asked before each change; False ends with what there is.

    Returns
    -------
    MaskFit or None
        None if everything is dependent.
    """
    xp = problem.space.xp

    def mended(open_: Array) -> MaskFit | None:
        whole = xp.concat([directions, open_], axis=1)
        return alternate(problem, whole, faint=faint, keep_going=keep_going)

    rest = xp.linalg.qr(rest).Q
    start = basis_of(problem, directions, rest, seed)
    first = mended(start)
    if before is not None:
        held = xp.nonzero(xp.sum((rest.T @ before) ** 2, axis=0) > 1 - SAME_SPACE)[0]
        start = xp.take(before, held, axis=1) if held.shape[0] == rest.shape[1] else start
    more = {"beside": directions, "faint": faint, "tries": TRIES, "seed": seed, "keep_going": keep_going}
    within = alternate(problem, start, **more)
    then = None if within is None else mended(within.directions)
    return min(first, then, key=cost_of)


def change_work(problem: Problem) -> float:
    """Multiply-adds of one change, which follows each question whether to go on."""
    m, b = problem.width, problem.rank
    return product(m, b, b) / 2 + decompositions(b, b) + elementwise(m * b, 10) + calls(CALLS)
