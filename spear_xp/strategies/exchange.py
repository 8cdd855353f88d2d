"""Enters: rows and random subsets of them. Leaves: directions of weight at most two on some information set.

b independent rows I are an information set: with W = L L_I⁻¹ every direction q has the values L q =
W (L_I q). A column of D with one active row in I is a column of W with many zeros; one with two active
rows a, a' makes -W_ra / W_ra' the same on every row r that it does not activate, so in W_r / W_r' two of
the b ratios agree for any two such rows. One sort of b numbers replaces b²/2 kernels, and swapping a row
of I for another (Canteaut and Chabaud 1998) gives the next set without a factorisation.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spear_xp.geometry.directions import SAME_DIRECTION
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import Array, Host, LinAlgError, Namespace, Space, quiet, space_of, to_host
from spear_xp.numerics.cuda.exchange import LANES, Follow, Rules, Schedule
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.sorting import sort_in_place, sorting_network
from spear_xp.numerics.work import DOUBLE, KeepGoing, calls, elementwise, forever, small_solves
from spear_xp.reduction.problem import Problem

__all__ = ["FEWEST", "Walk", "fused_follow", "gap_of", "sparse_directions", "walk_work"]

# derived: spare rows that must be zero: the two that gave the direction away, and two that confirm it
FEWEST = 4
PIVOT = 0.1  # chosen: |W_rc| below which a swap would lose accuracy; the chain waits for the next one
SINGLES = 4  # chosen: steps between two looks for single columns: a chain that holds one keeps it for a while
# chosen: relative gap of two numbers that are the same: float32 keys, heavy noise; a larger value gives
# false hits
EQUAL, COARSEST = 1e-5, 1e-3
# chosen: noise of an entry of W over the noise of a row; a smaller value misses hits, a larger one gives
# false ones
AMPLIFIED = 30.0
LOOSE = 10.0  # chosen: |row · direction| of unit rows, over the gap, that counts as zero before the refit
# measured: change of unit rows that keeps a singular set from being exactly singular (lab.md, "Sampling")
JITTER = 1e-13
# measured: equal ratios of a step that are kept; multiples of a row give millions (lab.md, "Open")
AT_ONCE = 512
EXAMINED = 512  # chosen: most hits of a chunk that are solved; more cost time and memory
SURVIVORS = 64  # chosen: most directions of a chunk; the rest would be the same few again


class Walk(NamedTuple):
    """Schedule of exchange chains.

    Attributes
    ----------
    steps : int
        Information sets that each chain visits.
    pairs : int
        Pairs of spare rows that are compared at each of them.
    equal : float
        Relative gap of two ratios, or of two terms of a sum, that count as the same.
    """

    steps: int = 40
    pairs: int = 4
    equal: float = EQUAL


def gap_of(problem: Problem) -> float:
    """Relative gap of two entries of W that noise can bridge."""
    return min(max(EQUAL, AMPLIFIED * problem.noise_level), COARSEST)


class _Seen(NamedTuple):
    """Chains at the moment at which two ratios were equal."""

    table: Array  # W, (spare, b, h)
    members: Array  # its row numbers, (b + spare, h)
    top: Array  # rows r and r' of W, (h,)
    bottom: Array
    place: Array  # of the smaller ratio in their order, (h,)


class _Hits(NamedTuple):
    """Information sets and the combination of two unit vectors, first + weight · second, that L q may be."""

    members: Array  # (b + spare, h)
    first: Array  # (h,)
    second: Array
    weight: Array


def sparse_directions(
    xp: Namespace,
    rows: Array,
    sets: Host,
    walk: Walk,
    rng: np.random.Generator,
    keep_going: KeepGoing = forever,
) -> Array:
    """Directions of weight at most two on the information sets along many exchange chains.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, b)
        Unit rows in coordinates without preference, b >= 2.
    sets : NumPy int array, shape (count, b + spare)
        Rows of each chain: the first b are its first information set; at least 4 spare ones.
    walk : Walk
        How far the chains go and how closely they look.
    rng : numpy.random.Generator
        Chooses swaps and pairs, the same for all chains (their rows are in random order).
    keep_going : callable
        Asked before each step of the chains, which ends them when it says no.

    Returns
    -------
    array, shape (b, k)
        Distinct unit directions with at least b + 2 near-zero rows, those with most first; k <= 64.

    Notes
    -----
    2 b · spare operations for a swap, b (log b)² / 2 without a branch for a pair. Chains whose pivot is
    small sit a swap out.
    """
    b = rows.shape[1]
    nothing = xp.zeros((b, 0), dtype=rows.dtype, device=rows.device)
    if not len(sets):
        return nothing
    size = max(JITTER, 4 * float(xp.finfo(rows.dtype).eps))
    jitter = xp.asarray(size * rng.standard_normal((b, b)), dtype=rows.dtype, device=rows.device)
    try:
        with quiet():
            hits = _walk(xp, rows, sets, walk, rng, jitter, keep_going)
            return _solve(xp, rows, hits, jitter, LOOSE * walk.equal)
    except LinAlgError:
        return nothing


def walk_work(b: int, spare: int, chains: int, walk: Walk) -> float:
    """Multiply-adds of so many chains in b dimensions."""
    start = DOUBLE * small_solves(b, chains)
    swap, ratios = 2 * b * spare, walk.pairs * b * (2 + math.log2(b) ** 2)
    each = walk.steps * (40 + walk.pairs * 4 + 3 * len(sorting_network(b)))
    return start + elementwise(chains * walk.steps * (swap + ratios)) + calls(each)


def _walk(
    xp: Namespace,
    rows: Array,
    sets: Host,
    walk: Walk,
    rng: np.random.Generator,
    jitter: Array,
    keep_going: KeepGoing,
) -> _Hits:
    """Start all chains and follow them on one schedule."""
    members = xp.asarray(sets.T, dtype=xp.int64, device=rows.device, copy=True)
    table = _start(xp, rows, members, jitter)
    spare, b, _ = table.shape
    schedule = _schedule(walk, spare, b, rng)
    follow = fused_follow(space_of(rows), b, spare) or _follow
    rules = Rules(PIVOT, walk.equal, FEWEST, SINGLES)
    return _Hits(*follow(xp, table, members, schedule, rules, keep_going))


def fused_follow(space: Space, b: int, spare: int) -> Follow | None:
    """The kernel that follows chains of this shape, where there is one."""
    return space.fused("exchange") if max(b, spare) <= LANES else None


def _schedule(walk: Walk, spare: int, b: int, rng: np.random.Generator) -> Schedule:
    """Swaps and pairs of every step."""
    swaps, pairs = np.zeros((walk.steps, 2), dtype=int), []
    for step in range(walk.steps):
        if step:
            swaps[step] = rng.integers(spare), rng.integers(b)
        order = rng.permutation(spare)
        pairs.append(np.stack([order[: spare // 2], order[spare // 2 :][: spare // 2]], axis=1)[: walk.pairs])
    return Schedule(swaps, np.stack(pairs))


def _follow(
    xp: Namespace, table: Array, members: Array, schedule: Schedule, rules: Rules, keep_going: KeepGoing
) -> _Hits:
    """Collect what the chains come across; changes `table` and `members`."""
    _, b, count = table.shape
    keys = xp.empty((b, schedule.pairs.shape[1], count), dtype=xp.float32, device=table.device)
    doubles: list[_Seen] = []
    hits: list[_Hits] = []
    for step, (swap, pairs) in enumerate(zip(*schedule, strict=True)):
        if step and not keep_going():
            break
        if step:
            _swap(xp, table, members, int(swap[0]), int(swap[1]))
        top, bottom = pairs.T
        doubles += _doubles(xp, table, members, keys, top, bottom, rules.equal)
        if step % rules.singles == 0:
            hits += _singles(xp, table, members, rules.equal)
    hits += [_resolve(xp, _Seen(*_joined(xp, doubles)), rules.equal)] if doubles else []
    return _Hits(*_joined(xp, hits))


def _joined(xp: Namespace, parts: Sequence[tuple[Array, ...]]) -> list[Array]:
    """One batch of chains from several, field by field."""
    return [xp.concat(fields, axis=-1) for fields in zip(*parts, strict=True)]


def _gather(xp: Namespace, rows: Array, members: Array, jitter: Array) -> tuple[Array, Array]:
    """Rows of every chain, shapes (count, b, b) and (count, spare, b).

    Equal rows would make NumPy refuse the whole batch; a change in the last digits only spoils their own.
    """
    b, (total, count) = rows.shape[1], members.shape
    picked = xp.reshape(xp.take(rows, xp.reshape(members.T, (-1,)), axis=0), (count, total, b))
    return picked[:, :b, :] + jitter, picked[:, b:, :]


def _start(xp: Namespace, rows: Array, members: Array, jitter: Array) -> Array:
    """W = L_spare L_I⁻¹ of every chain, shape (spare, b, count)."""
    square, spare = _gather(xp, rows, members, jitter)
    solved = xp.linalg.solve(xp.matrix_transpose(square), xp.matrix_transpose(spare))
    return xp.asarray(xp.permute_dims(solved, (2, 1, 0)), copy=True)


def _swap(xp: Namespace, table: Array, members: Array, r: int, c: int) -> None:
    """Exchange row c of every information set with spare row r, where the pivot allows; in place."""
    pivot = table[r, c, :]
    good = xp.abs(pivot) > PIVOT
    inverse = xp.where(good, 1 / pivot, xp.zeros_like(pivot))
    row = xp.asarray(table[r, :, :], copy=True)
    column = table[:, c, :] * inverse
    kept = xp.where(good, column, table[:, c, :])
    corner = xp.where(good, inverse, pivot)
    table -= column[:, None, :] * row[None, :, :]
    table[:, c, :] = kept
    table[r, :, :] = xp.where(good, -row * inverse, row)
    table[r, c, :] = corner
    b = table.shape[1]
    inside, outside = members[c, :], members[b + r, :]
    members[c, :], members[b + r, :] = xp.where(good, outside, inside), xp.where(good, inside, outside)


def _doubles(
    xp: Namespace, table: Array, members: Array, keys: Array, top: Host, bottom: Host, equal: float
) -> list[_Seen]:
    """Chains in which two entries of W_r / W_r' are equal, for some pairs r, r' of spare rows."""
    _, pairs, count = keys.shape
    for i in range(pairs):
        ratio = table[int(top[i]), :, :] / table[int(bottom[i]), :, :]
        keys[:, i, :] = xp.astype(ratio, xp.float32)
    sort_in_place(xp, keys)
    met = keys[1:, :, :] - keys[:-1, :, :] < equal * xp.abs(keys[1:, :, :])
    at = xp.nonzero(xp.reshape(met, (-1,)))[0]
    if not at.shape[0]:
        return []
    at = at[:: -(-at.shape[0] // AT_ONCE)]
    pair, chain = at // count % pairs, at % count
    upper, lower = (xp.take(xp.asarray(r, device=table.device), pair) for r in (top, bottom))
    place = at // (count * pairs)
    return [_Seen(xp.take(table, chain, axis=2), xp.take(members, chain, axis=1), upper, lower, place)]


def _resolve(xp: Namespace, seen: _Seen, equal: float) -> _Hits:
    """Columns that the equal ratios belong to, where other spare rows confirm their combination."""
    top = xp.take_along_axis(seen.table, seen.top[None, None, :], axis=0)[0, :, :]
    bottom = xp.take_along_axis(seen.table, seen.bottom[None, None, :], axis=0)[0, :, :]
    order = xp.argsort(xp.astype(top / bottom, xp.float32), axis=0)
    first = xp.take_along_axis(order, seen.place[None, :], axis=0)
    second = xp.take_along_axis(order, seen.place[None, :] + 1, axis=0)
    weight = -xp.take_along_axis(bottom, first, axis=0) / xp.take_along_axis(bottom, second, axis=0)
    one = xp.take_along_axis(seen.table, first[None, :, :], axis=1)[:, 0, :]
    other = weight * xp.take_along_axis(seen.table, second[None, :, :], axis=1)[:, 0, :]
    scale = xp.max(xp.abs(one) + xp.abs(other), axis=0)
    zeros = xp.sum(xp.astype(xp.abs(one + other) < equal * scale, xp.int32), axis=0)
    sure = xp.nonzero(zeros >= FEWEST)[0]
    parts = (first[0, :], second[0, :], weight[0, :])
    return _Hits(xp.take(seen.members, sure, axis=1), *(xp.take(part, sure) for part in parts))


def _singles(xp: Namespace, table: Array, members: Array, equal: float) -> list[_Hits]:
    """Columns of W with as many zeros as a direction owes."""
    count = table.shape[2]
    zeros = xp.sum(xp.astype(xp.abs(table) < equal, xp.int32), axis=0)
    at = xp.nonzero(xp.reshape(zeros, (-1,)) >= FEWEST)[0]
    column, chain = at // count, at % count
    nothing = xp.zeros(column.shape, dtype=table.dtype, device=table.device)
    return [_Hits(xp.take(members, chain, axis=1), column, column, nothing)]


def _solve(xp: Namespace, rows: Array, hits: _Hits, jitter: Array, near: float) -> Array:
    """Directions of the hits."""
    b = rows.shape[1]
    every = -(-hits.first.shape[0] // EXAMINED)
    if not every:
        return xp.zeros((b, 0), dtype=rows.dtype, device=rows.device)
    members, first, second, weight = (part[..., ::every] for part in hits)
    square, _ = _gather(xp, rows, members, jitter)
    unit = xp.arange(b, device=rows.device)[None, :]
    zero = xp.zeros_like(weight)[:, None]
    values = xp.where(unit == first[:, None], zero + 1, zero)
    values = values + xp.where(unit == second[:, None], weight[:, None], zero)
    directions = normalize(xp, xp.linalg.solve(square, values[:, :, None])[:, :, 0].T)
    zeros = xp.sum(xp.astype(xp.abs(rows @ directions) < near, xp.int64), axis=0)
    return distinct(xp, directions, zeros, b + CONFIRMING, max(SAME_DIRECTION, near**2))


def distinct(xp: Namespace, directions: Array, counts: Array, least: int, parallel: float) -> Array:
    """Directions with at least so many zero rows, one of each kind, those with most zeros first."""
    number, cosines = to_host(counts), to_host(xp.abs(directions.T @ directions))
    keep: list[int] = []
    for i in (-number).argsort(kind="stable"):
        if number[i] < least or len(keep) == SURVIVORS:
            break
        if not keep or cosines[i, keep].max() <= 1 - parallel:
            keep.append(int(i))
    return xp.take(directions, xp.asarray(keep, dtype=xp.int64, device=directions.device), axis=1)
