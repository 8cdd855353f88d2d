"""Enters: rows and random sets of b of them. Leaves: sets in which all rows but one share a sparse kernel.

With the rows I of a set, W = L_t L_I⁻¹ holds the values of b directions on rows t that no set contains: the
direction of column i vanishes on all rows of the set but row i. One elimination looks at b kernels. Sets are
defined by a counter, so that a device draws its own and every library looks at the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spear_xp.numerics.backend import Array, Host, Namespace, quiet, to_host
from spear_xp.numerics.cuda.source import Compile, Unit, packed
from spear_xp.numerics.elimination import draw_subsets
from spear_xp.numerics.random import Stream, Words, counter_of, key_of, shuffled
from spear_xp.numerics.work import KeepGoing, forever

__all__ = ["RowSets", "SparseSets", "draw_row_sets", "fits", "fused_sampler", "sparse_sets"]

PER_SHUFFLE = 256  # chosen: sets of one shuffle; fewer cost time for shuffles, more share its rows set aside
CACHED = 2**18  # measured: entries that are eliminated at once (lab.md, "Row sets")
REGISTERS = 200  # chosen: entries that a lane holds; 255 registers are all that it has
SINGULAR = 1e-8  # chosen: pivot in place of zero: about what rounding leaves where rows share a kernel
LANES = (4, 8, 16, 32)  # derived: powers of two; fewer than 4 would hold few batches in registers
WARPS = 4  # chosen: warps of a block, which share one shuffle; the source says the same
LARGEST = 40  # chosen: rows of a set; above, no device draws enough of them
WIDEST = 4096  # chosen: rows of a layer whose order fits into shared memory beside others

SparseSets = Callable[..., Host]  # `sparse_sets`, or the same on a device


@dataclass(frozen=True, slots=True, eq=False)
class RowSets:
    """Uniform sets of b rows, defined by a counter: set n of a shuffle is where `places[n]` points to.

    Attributes
    ----------
    width : int
        Rows to choose from.
    aside : int
        Rows that no set of a shuffle contains: the first of its order.
    places : NumPy int array, shape (sets, b)
        Where in the order of a shuffle its sets find their rows, behind those set aside.
    shuffles : int
        Number of shuffles; there are `shuffles * sets` sets.
    key, counter : NumPy uint32 arrays, shape (2,)
        Of the random keys that the rows of a shuffle are sorted by.
    """

    width: int
    aside: int
    places: Host
    shuffles: int
    key: Words
    counter: Words

    def __len__(self) -> int:
        return self.shuffles * len(self.places)

    def members(self, numbers: Host) -> Host:
        """Rows of some sets, and behind them the rows that their shuffles set aside; (k, b + aside)."""
        shuffle, place = np.divmod(numbers, len(self.places))
        used, which = np.unique(shuffle, return_inverse=True)
        orders = shuffled(self.width, used, self.key, self.counter)[which]
        inside = np.take_along_axis(orders, self.aside + self.places[place], axis=1)
        return np.concatenate([inside, orders[:, : self.aside]], axis=1)


def draw_row_sets(
    width: int, size: int, count: int, *, stream: Stream, seed: int, chunk: int, aside: int
) -> RowSets:
    """At least `count` sets of `size` rows. Each is uniform; two share rows as two independent ones do."""
    shuffles = -(-count // PER_SHUFFLE)
    sets = -(-count // shuffles)
    places, _ = draw_subsets(width - aside, size, sets, stream=stream, seed=seed, chunk=chunk)
    return RowSets(width, aside, places, shuffles, key_of(seed), counter_of(stream, chunk))


def sparse_sets(
    xp: Namespace,
    rows: Array,
    sets: RowSets,
    near: float,
    needed: int,
    keep_going: KeepGoing = forever,
    *,
    among: Host | None = None,
) -> Host:
    """Sets of which all rows but one have a kernel that vanishes on rows set aside.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, b), float32 or float64
        Rows in coordinates without preference.
    sets : RowSets
        Sets of b rows.
    near : float
        Part of the largest entry of a column of W, or of the row left out, that counts as zero.
    needed : int
        Zeros that a kernel needs among the rows set aside.
    keep_going : callable
        Asked on the way; what was found so far is returned when it says no.
    among : NumPy int array, optional
        Numbers of the sets to look at; all sets without it.

    Returns
    -------
    NumPy int array, shape (k, 2)
        Number of a set, and the place of its row that such a kernel does not vanish on, in order.

    Notes
    -----
    b³/2 multiply-adds, and b² for each row set aside, for b kernels. No pivoting: in single precision a wide
    `near` makes up for what bad pivots blur, and what passes is looked at again in double precision. Where
    all rows of a set share a kernel, every column of W is a multiple of its values.
    """
    b, found = rows.shape[1], []
    step = max(1, CACHED // (b * (b + sets.aside)))
    looked_at = np.arange(len(sets)) if among is None else among
    for start in range(0, len(looked_at), step):
        if not keep_going():
            break
        numbers = looked_at[start : start + step]
        columns = xp.asarray(sets.members(numbers).T.reshape(-1), device=rows.device)
        work = xp.reshape(xp.take(rows.T, columns, axis=1), (b, b + sets.aside, len(numbers)))
        values = xp.abs(_eliminated(xp, work))
        scale = xp.max(values, axis=1, keepdims=True)
        scale = near * xp.where(scale > 1, scale, xp.ones_like(scale))
        zeros = to_host(xp.sum(xp.astype(values < scale, xp.int32), axis=1) >= needed)
        which, row = np.nonzero(zeros.T)
        found.append(np.stack([numbers[which], row], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)


def _eliminated(xp: Namespace, work: Array) -> Array:
    """Wᵀ of many matrices [L_Iᵀ | L_tᵀ], shape (b, b + t, count), by Gauss-Jordan steps; (b, t, count)."""
    work = xp.asarray(work, copy=True)
    b = work.shape[0]
    with quiet():
        for j in range(b):
            pivot = work[j, j, :]
            pivot = xp.where(pivot == 0, xp.full_like(pivot, SINGULAR), pivot)
            line = work[j, j + 1 :, :] * (1 / pivot)
            work[:, j + 1 :, :] -= work[:, j : j + 1, :] * line[None, :, :]
            work[j, j + 1 :, :] = line
    return work[:, b:, :]


def fits(b: int, width: int) -> bool:
    """Whether sets of b of so many rows fit into a kernel."""
    return b <= LARGEST and width <= WIDEST


def fused_sampler(compiled: Compile) -> SparseSets:
    """`sparse_sets` as one launch, where it `fits`."""

    def launched(
        xp: Namespace,
        rows: Array,
        sets: RowSets,
        near: float,
        needed: int,
        keep_going: KeepGoing = forever,  # noqa: ARG001  # a launch is over before anybody could ask
    ) -> Host:
        (m, b), count = rows.shape, len(sets)
        padded = xp.zeros((m, -(-b // 4) * 4), dtype=xp.float32, device=rows.device)
        padded[:, :b] = rows
        places = packed(xp, sets.places, xp.uint16, rows.device)
        counter, key = (packed(xp, words, xp.uint32, rows.device) for words in (sets.counter, sets.key))
        hits = xp.zeros((count, 2), dtype=xp.uint64, device=rows.device)
        number = xp.zeros(1, dtype=xp.uint32, device=rows.device)
        arguments = (padded, np.int32(m), places, np.int32(len(sets.places)), counter, key)
        compiled(unit(b, sets.aside))(
            (sets.shuffles,),
            (32 * WARPS,),
            (*arguments, np.float32(near), np.int32(needed), hits, number),
        )
        found = to_host(hits[: int(number[0]), :])
        found = found[found[:, 0].argsort()]  # blocks report in any order
        which, row = np.nonzero(found[:, 1:] >> np.arange(b, dtype=np.uint64) & np.uint64(1))
        return np.stack([found[which, 0].astype(np.int64), row], axis=1)

    return launched


def unit(b: int, aside: int) -> Unit:
    """The kernel for sets of b rows: as few lanes a set as hold it in registers."""
    lanes = next(n for n in LANES if b * -(-(b + aside) // n) <= REGISTERS)
    sizes: dict[str, int | str] = {"B": b, "LANES": lanes, "TESTS": aside, "WIDEST": WIDEST}
    sizes["SINGULAR"] = f"{SINGULAR}f"
    return Unit("sampler", "sparse_sets", tuple(sizes.items()))
