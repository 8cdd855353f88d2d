"""Enters: a set of samples. Leaves: what the rows that determined each direction are worth."""

from typing import NamedTuple

from spear_xp.geometry.kernels import Kernels, batches
from spear_xp.geometry.nullspaces import INFLUENTIAL, is_unique
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.linalg import inverse, normalize, smallest_singular
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["Support", "supported"]

OPEN = 1e-10  # chosen: share of the largest eigenvalue below which rows say nothing about a direction


class Support(NamedTuple):
    """What rows say of the directions that they determine.

    Attributes
    ----------
    unique : NumPy array of bool, shape (b,)
        Whether each direction is the only one that vanishes on its rows, as `is_unique` has it.
    spread : array, shape (b, b)
        p_jᵀ(U_ZᵀU_Z)⁺p_j of dual j on the rows Z of direction k, in row k: how noise moves it there.
    """

    unique: Host
    spread: Array


def supported(samples: SampleSet, keep_going: KeepGoing = forever) -> Support:
    """Both for all directions of a full set.

    Parameters
    ----------
    samples : SampleSet
        With the rows that determined each direction.
    keep_going : callable
        Asked before each part of the set, and before each direction that takes long.

    Raises
    ------
    OutOfTime
        If `keep_going` says no.

    Notes
    -----
    Cost: the inverse of a (b, b) matrix for each direction, and three more where uniqueness is in doubt.
    """
    problem, xp, b = samples.problem, samples.problem.space.xp, samples.problem.rank
    if b == 1:
        return Support(to_host(samples.real), xp.ones_like(samples.duals))
    unit = normalize(xp, samples.directions)
    counts = to_host(xp.sum(xp.astype(samples.support, xp.int64), axis=0))

    def examined(part: slice) -> tuple[Host, list[Array]]:
        ask(keep_going)
        kernels = Kernels.of(problem, samples.support[:, part], unit[:, part])
        # b - 1 rows define a kernel, one more has to confirm it.
        enough = counts[part] >= b
        all_alike = counts[part] * 0 + INFLUENTIAL
        sure = kernels.surely_unique(all_alike, kernels.tests(all_alike, strict=True)) & enough
        sure &= not problem.noise_hides
        rows, spread = kernels.spread(samples.duals), []
        for here, k in enumerate(range(part.start, part.stop)):
            if enough[here] and not sure[here]:
                ask(keep_going)
                sure[here] = _is_unique(problem, samples.support[:, k])
            # Nuisance directions share kernels: what rows leave open has to be told from what they settle.
            plain = kernels.told[here] and k < samples.count
            spread.append(rows[here, :] if plain else _spread(samples, k, unit[:, k]))
        return sure, spread

    found = each(examined, batches(problem, b))
    unique = to_host([one for sure, _ in found for one in sure.tolist()])
    return Support(unique, xp.stack([row for _, spread in found for row in spread]))


def _is_unique(problem: Problem, which: Array) -> bool:
    xp = problem.space.xp
    rows = xp.take(problem.rows, xp.nonzero(which)[0], axis=0)
    kernel = smallest_singular(xp, rows).vectors
    return is_unique(problem, rows, kernel[:, 0], kernel[:, 1])


def _spread(samples: SampleSet, k: int, unit: Array) -> Array:
    """One row of `Support.spread`, shape (b,): infinite where the rows leave a dual open."""
    problem, xp, duals = samples.problem, samples.problem.space.xp, samples.duals
    rows = problem.rows * xp.astype(samples.support[:, k], problem.space.dtype)[:, None]
    gram = rows.T @ rows + unit[:, None] * unit[None, :]
    inverted, valid = inverse(xp, gram)
    if valid:
        return xp.sum(duals * (inverted @ duals), axis=0)
    values, vectors = xp.linalg.eigh(gram)
    settled = values > OPEN * values[-1]
    shares = (vectors.T @ duals) ** 2
    zeros = xp.zeros_like(shares)
    finite = xp.where(settled[:, None], shares / xp.where(settled, values, values[-1])[:, None], zeros)
    left_open = xp.any(~settled[:, None] & (shares > OPEN * xp.sum(duals**2, axis=0)), axis=0)
    return xp.where(left_open, xp.full_like(finite[0, :], float("inf")), xp.sum(finite, axis=0))
