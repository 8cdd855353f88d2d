"""Enters: a set of which some samples are not certified. Leaves: how much of these the others may hold.

The directions q̂_u of a set are Σ_k c_uk q_k of the true ones, and x_j - x̂_j = Σ_u c_uj (x̂_u - x̂_j), exactly.
Of unproven directions that vanish on nearly the same rows only the span counts, never its basis: what noise
mixes within a pair of near-twins moves no third sample by more than their difference. So they are one group.
"""

import math

from spear_xp.certification.row_span import SEPARATE
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.recovery.samples import SampleSet

__all__ = ["contamination", "groups_of", "proportional"]

ALIKE = 0.1  # chosen: share of rows on which columns of a group differ; a larger value makes groups larger
# chosen: norms of rows up to so many times their noise may be zero, as the test of a kernel has it
WIDE = 8.0
LEAK = 1e-6  # chosen: squared cosine up to which a dual is orthogonal to directions that vanish
TWICE = 2.0  # derived: what shows and what noise hides of it, each at most the larger of the two
SETTLED = 1e-4  # cosmetic: part of a dimension that is left without three rows, if these alone tell it
NEARLY = 1e-12  # cosmetic: least part of a dimension that a row is taken to leave to others
EQUAL = 1e-3  # measured: relative difference of two quotients that are the same (lab.md, "Certificate")


def contamination(samples: SampleSet, proven: Host, keep_going: KeepGoing = forever) -> Array:
    """How much of unproven samples each sample may hold, as a norm, shape (b,): a bound, no deviation.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples.
    proven : NumPy array of bool, shape (b,)
        Samples that are taken for right, up to noise; the bound is for these.
    keep_going : callable
        Asked before each group.

    Returns
    -------
    array, shape (b,)
        Infinite where rows do not tell.

    Raises
    ------
    OutOfTime
        If `keep_going` says no.

    Notes
    -----
    On z rows Z all directions of a group g vanish. For a vector a of its span, U_Z q̂_a shows at most its root
    mean square on Z and hides as much as its noise, and holds c_aj times column j of D, less what all others
    can take back there: its part r_j outside of them. So |c_aj| ≤ 2√z (aᵀHa)^½ / ‖r_j‖, H the second moments
    on Z and the covariance of the noise added up, and no c moves x_j by more than
    2√z tr(H M_jᵀM_j)^½ / ‖r_j‖, M_j of columns x̂_u - x̂_j. What the rows leave open may be in the group as
    well: the dual of j has a part of it, noise if j is right, and that adds ‖part‖ ‖M_j Q_gᵀ‖. Nothing of
    this depends on the basis.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    total = xp.zeros((problem.rank,), dtype=problem.space.dtype, device=problem.space.device)
    zero = to_host(samples.zero)
    for group in groups_of(zero, ~proven, samples.count):
        ask(keep_going)
        total = total + _held(samples, group, to_host(zero[:, group].all(axis=1)))
    return total


def groups_of(zero: Host, unproven: Host, count: int) -> list[list[int]]:
    """Unproven samples whose columns vanish on nearly the same rows, chains included.

    Parameters
    ----------
    zero : NumPy array of bool, shape (m_live, b)
        Zero patterns.
    unproven : NumPy array of bool, shape (b,)
        Samples to sort.
    count : int
        Samples from this number on are nuisance directions, any basis of a space: one group.
    """
    left, groups = unproven.nonzero()[0].tolist(), []
    while left:
        group = [left.pop(0)]
        for u in group:
            near = [v for v in left if min(u, v) >= count or (zero[:, u] != zero[:, v]).mean() <= ALIKE]
            group += near
            left = [v for v in left if v not in near]
        groups.append(sorted(group))
    return groups


def _held(samples: SampleSet, group: list[int], vanish: Host) -> Array:
    """The bound for one group, from the rows on which all of it vanishes, shape (b,)."""
    problem, space, xp = samples.problem, samples.problem.space, samples.problem.space.xp
    take, index = space.indices(group), space.indices(vanish.nonzero()[0])
    z, b = int(index.shape[0]), problem.rank
    if z < max(b + 2 - len(group), SEPARATE + 1):
        return xp.full((b,), math.inf, dtype=space.dtype, device=space.device)
    # Rows in units of their noise: an equation of a row of twice the noise counts half.
    rows = xp.take(problem.rows, index, axis=0) / xp.take(problem.row_noise, index)[:, None]
    needed, beyond = _needed(samples, rows, len(group))
    own = xp.take(samples.directions, take, axis=1)
    noise = problem.noise_level * own / problem.singular_values[:, None]
    shown = xp.linalg.qr(xp.concat([rows @ own / z**0.5, noise], axis=0)).R  # a root of H
    told = xp.isfinite(needed)
    bound = TWICE * (z * xp.where(told, needed, xp.zeros_like(needed))) ** 0.5 * _moved(samples, take, shown)
    bound = bound + beyond * _moved(samples, take, xp.linalg.qr(own).R)
    return xp.where(told, bound, xp.full_like(bound, math.inf))


def _moved(samples: SampleSet, group: Array, root: Array) -> Array:
    """Norms ‖M_j rootᵀ‖, shape (b,): how far each sample moves by what a group holds of it, per unit."""
    xp, x = samples.problem.space.xp, samples.coordinates
    spread = xp.take(x, group, axis=1) @ root.T
    lasts = root @ (samples.problem.last @ xp.take(samples.duals, group, axis=1))
    squares = [xp.sum((spread[:, w][:, None] - lasts[w] * x) ** 2, axis=0) for w in range(root.shape[0])]
    return xp.sqrt(sum(squares))


def _needed(samples: SampleSet, rows: Array, count: int) -> tuple[Array, Array]:
    """What it takes to see one of each sample on some rows, whatever others take back there.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples.
    rows : array, shape (z, b)
        Rows on which a group vanishes, in units of their noise.
    count : int
        Directions of the group; what else vanishes as they do is not told from them.

    Returns
    -------
    needed : array, shape (b,)
        1/‖r_j‖² for directions scaled to their duals, without the three rows that tell most of it; infinite
        where the rows leave part of a sample open.
    beyond : array, shape (b,)
        Norm of what its dual has in the space that the rows leave open: noise, where that is the group.
    """
    problem, xp, b = samples.problem, samples.problem.space.xp, samples.problem.rank
    z = int(rows.shape[0])
    padding = xp.zeros((max(0, b - z), b), dtype=rows.dtype, device=problem.space.device)
    frame, triangle = xp.linalg.qr(xp.concat([rows, padding], axis=0))
    left, values, right = xp.linalg.svd(triangle)
    place = xp.arange(b, device=problem.space.device)
    silent = (values < WIDE * z**0.5 * problem.noise_of(right.T)) | (place >= b - count)
    parts, loud = right @ samples.duals, xp.astype(~silent, rows.dtype)
    lengths = xp.sum(parts * parts, axis=0)
    squares = xp.sum(parts * parts * (1 - loud)[:, None], axis=0)
    shrunk = loud / xp.where(silent, xp.ones_like(values), values)
    more, hanging = _by_three_rows(xp, (frame @ left)[:z, :] * loud, parts * shrunk[:, None], shrunk)
    squares, needed = squares + hanging, xp.sum((parts * shrunk[:, None]) ** 2, axis=0) + more
    return xp.where(squares > LEAK * lengths, xp.full_like(needed, math.inf), needed), xp.sqrt(squares)


def _by_three_rows(xp: Namespace, frame: Array, parts: Array, shrunk: Array) -> tuple[Array, Array]:
    """What changes without the three rows that tell most of each sample.

    Parameters
    ----------
    frame : array, shape (z, b)
        Left singular vectors of the rows, zero for silent dimensions.
    parts : array, shape (b, b)
        Duals over singular values in the basis of the right singular vectors, as columns.
    shrunk : array, shape (b,)
        Inverse singular values, zero for silent dimensions.

    Returns
    -------
    more : array, shape (b,)
        How much more it takes to show each sample.
    hanging : array, shape (b,)
        Squared norm of what its dual has in dimensions that these rows alone tell, open without them.

    Notes
    -----
    Chance, or a choice within the group, makes some rows vanish that need not: a proof must not hang on them.
    Without rows R of leverages W = F_R F_Rᵀ, ‖parts‖² grows by aᵀ(I - W)⁻¹a for a = F_R parts.
    """
    b = parts.shape[1]
    shares = frame @ parts
    free = 1 - xp.sum(frame * frame, axis=1)
    gains = shares**2 / xp.where(free > NEARLY, free, xp.full_like(free, NEARLY))[:, None]
    top = xp.argsort(gains, axis=0, descending=True)[:SEPARATE, :].T  # (b, 3)
    chosen = xp.reshape(xp.take(frame, xp.reshape(top, (-1,)), axis=0), (b, SEPARATE, b))
    leverages, turns = xp.linalg.eigh(chosen @ xp.matrix_transpose(chosen))
    turned = xp.matrix_transpose(turns) @ chosen  # (b, 3, b)
    along = (turned @ parts.T[:, :, None])[:, :, 0] ** 2
    alone = 1 - leverages < SETTLED
    zero, one = xp.zeros_like(along), xp.ones_like(along)
    more = xp.where(alone, zero, along / xp.where(alone, one, 1 - leverages))
    sizes = xp.sum((turned * shrunk) ** 2, axis=2)
    hanging = xp.where(alone, along / xp.where(alone, sizes, one), zero)
    return xp.sum(more, axis=1), xp.sum(hanging, axis=1)


def proportional(entries: Host, proven: Host) -> Host:
    """Which proven samples an unproven one may be hidden in, shape (b,).

    Where columns of D are proportional on the rows that two samples share, as behind two classes,
    one of the two can take up the other: what is left of that vanishes on these rows, and both may have masks
    that fit. Quotients of the entries of two such columns are none, or the same again and again; those of
    others are all different.

    Parameters
    ----------
    entries : NumPy array, shape (m_live, b)
        Columns of D, exactly zero on their zero rows.
    proven : NumPy array of bool, shape (b,)
    """
    found = proven & False
    for u in (~proven).nonzero()[0]:
        for j in (proven & ~found).nonzero()[0]:
            both = (entries[:, u] != 0) & (entries[:, j] != 0)
            quotients = entries[both, u] / entries[both, j]
            quotients.sort()
            gaps = abs(quotients[1:] - quotients[:-1]) > EQUAL * abs(quotients[1:])
            found[j] = 1 + gaps.sum() < max(SEPARATE, len(quotients) / 2)
    return to_host(found)
