"""Enters: several sets of rows, each with a rough direction. Leaves: their kernels, all worked out at once.

For each set one Gram matrix and one inverse: the kernel, how much hangs on single rows, and what noise of the
rows does to a dual all follow from them. Arrays of a batch lie along the first axis.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from spear_xp.geometry.nullspaces import BRIDGED, INFLUENTIAL, NEARLY, PLENTY, VANISHING, left_open
from spear_xp.numerics.backend import Array, Host, Namespace, on_device, to_host
from spear_xp.numerics.linalg import RESIDUAL, inverses, normalize
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.reduction.problem import Problem

__all__ = ["Kernels", "batches"]

STEPS = 3  # chosen: steps towards a direction; more cost time
ROUNDED = 1e-4  # chosen: most that rounding of a Gram matrix may be of its least eigenvalue beside the kernel
LIFTED = 1e-10  # chosen: of the trace of a singular Gram matrix, far above its rounding, far below its rows
SMALL = 4  # cosmetic: so many times smaller than a block are the rows of a batch
CLEARLY = 2.0  # chosen: a bound this many times beyond a limit is beyond it, whatever rounding does
SETTLED = 0.01  # derived: share left of rows, far above what an inverse with that error makes of none


Tests = list[tuple[Host, Array]]  # which sets are tested, and what their rows weigh


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """The kernels of s sets of rows.

    Attributes
    ----------
    problem : Problem
        The reduced gradient.
    rows : array, shape (s, z, b)
        Rows of each set, zero rows below them where a set has fewer than another.
    counts : array of int, shape (s,)
        Rows of each set.
    inverted : array, shape (s, b, b)
        Inverse of (Gram matrix + g gᵀ), g a rough direction: off the kernel, that of the Gram matrix.
    directions : array, shape (s, b)
        Unit vectors of the kernels.
    valid : NumPy array of bool, shape (s,)
        Whether the inverse is one; where not, more than one direction vanishes on the rows.
    told : NumPy array of bool, shape (s,)
        Whether rounding of the Gram matrix is far below all that it has beside the kernel: only then does the
        inverse say what the rows say.
    """

    problem: Problem
    rows: Array
    counts: Array
    inverted: Array
    directions: Array
    valid: Host
    told: Host

    @classmethod
    def of(cls, problem: Problem, chosen: Array, guess: Array) -> "Kernels":
        """Kernels of the rows that columns of a boolean array choose.

        Parameters
        ----------
        problem : Problem
            The reduced gradient, of rank 2 at least.
        chosen : array of bool, shape (m_live, s)
            Rows of each set.
        guess : array, shape (b, s)
            A rough direction of each kernel: any that is not orthogonal to it, the closer the better.
        """
        xp = problem.space.xp
        counts = xp.sum(xp.astype(chosen, xp.int64), axis=0)
        rows = _gathered(xp, problem.rows, chosen, counts)
        return cls._of_rows(problem, rows, counts, normalize(xp, guess).T[:, :, None])

    @classmethod
    def _of_rows(cls, problem: Problem, rows: Array, counts: Array, rough: Array) -> "Kernels":
        """Kernels of rows, shape (s, z, b), from rough ones, shape (s, b, 1)."""
        space, xp = problem.space, problem.space.xp
        gram = xp.matrix_transpose(rows) @ rows
        shift = space.eps * xp.sum(xp.linalg.diagonal(gram), axis=1)[:, None, None]
        eye = xp.eye(problem.rank, dtype=space.dtype, device=space.device)
        gram = gram + shift * eye + rough @ xp.matrix_transpose(rough)
        inverted, _ = inverses(xp, gram)
        error = xp.max(xp.abs(gram @ inverted - eye), axis=(1, 2))
        valid = to_host(error < RESIDUAL)  # NaN compares false
        if not valid.all():
            inverted = cls._lifted(problem, gram, inverted, valid)
        # In few dimensions rounding errors of a singular matrix may cancel to the last bit: its size tells.
        traces = (xp.sum(xp.abs(xp.linalg.diagonal(one)), axis=1) for one in (gram, inverted))
        told = valid & to_host(space.eps * math.prod(traces) < ROUNDED)
        found = cls(problem, rows, counts, inverted, rough[:, :, 0], valid, told)
        return replace(found, directions=found._directions(rough))

    @staticmethod
    def _lifted(problem: Problem, gram: Array, inverted: Array, valid: Host) -> Array:
        """Inverses, those that are none of them lifted: they still show the directions that vanish."""
        space, xp = problem.space, problem.space.xp
        order = (~valid).argsort(kind="stable")
        first, rest = order[: valid.sum()], order[valid.sum() :]
        open_ = xp.take(gram, space.indices(rest), axis=0)
        lift = LIFTED * xp.sum(xp.linalg.diagonal(open_), axis=1)[:, None, None]
        eye = xp.eye(problem.rank, dtype=space.dtype, device=space.device)
        both = [xp.take(inverted, space.indices(first), axis=0), inverses(xp, open_ + lift * eye)[0]]
        return xp.take(xp.concat(both, axis=0), space.indices(order.argsort()), axis=0)

    def _directions(self, rough: Array) -> Array:
        """Kernels from rough ones: inverse iteration, then corrections without a Gram matrix's errors."""
        xp = self.problem.space.xp
        vectors = normalize(xp, self.inverted @ rough, axis=1)
        for _ in range(STEPS - 1):
            slope = xp.matrix_transpose(self.rows) @ (self.rows @ vectors)
            step = self.inverted @ _off(xp, vectors, slope)
            vectors = normalize(xp, vectors - _off(xp, vectors, step), axis=1)
        return vectors[:, :, 0]

    def take(self, which: Host) -> "Kernels":
        """Some of them, by a boolean array."""
        if which.all():
            return self
        xp, index = self.problem.space.xp, self.problem.space.indices(which.nonzero()[0])
        some = {
            name: xp.take(getattr(self, name), index, axis=0)
            for name in ("rows", "counts", "inverted", "directions")
        }
        return replace(self, valid=self.valid[which], told=self.told[which], **some)

    def spread(self, vectors: Array) -> Array:
        """vᵀ (Gram matrix)⁻¹ v, shape (s, k), for vectors off the kernels, shape (b, k)."""
        return self.problem.space.xp.sum(vectors * (self.inverted @ vectors), axis=1)

    def leverages(self) -> Array:
        """Variance of each row as the others predict it, shape (s, z): 1 if it settles a dimension alone."""
        return self.problem.space.xp.sum((self.rows @ self.inverted) * self.rows, axis=2)

    def may_grow(self, zero: Array) -> Array:
        """Whether `grown` would look beyond the zero rows of the directions, (m_live, s); shape (s,)."""
        problem, xp = self.problem, self.problem.space.xp
        columns, noise = problem.rows @ self.directions.T, problem.noise_of(self.directions.T)
        near = problem.vanish(columns, noise, widen=NEARLY) & ~zero
        found = xp.sum(xp.astype(near, xp.int64), axis=0) >= 2
        for k in (to_host(found) & self.told).nonzero()[0].tolist():
            places = xp.nonzero(near[:, k])[0]
            picked = xp.take(problem.rows, places, axis=0)
            leverage = xp.sum((picked @ self.inverted[k, ...]) * picked, axis=1)
            open_ = left_open(problem, self.directions[k, :], places, leverage)
            found[k] = xp.sum(xp.astype(open_, xp.int64)) >= 2
        return found

    def surely_unique(self, influential: Host, tests: Tests) -> Host:
        """Where a bound shows what `is_unique` asks for, shape (s,); elsewhere that has to be worked out.

        Parameters
        ----------
        influential : NumPy array of int, shape (s,)
            Rows that may not decide alone, at most `INFLUENTIAL`.
        tests : list
            What `tests` has for them.

        Notes
        -----
        With the inverse A, off the kernel, and a diagonal matrix T: ‖R v‖² ≥ ‖T v‖² / tr(T A T). Without some
        rows V no less than 1 - λ of it is left, λ the largest eigenvalue of V A Vᵀ. Where these rows alone
        tell a direction, 1 - λ is rounding, in double precision far above the noise: it says nothing then.
        """
        space, xp = self.problem.space, self.problem.space.xp
        left = xp.ones_like(self.directions[:, 0])
        for which, weight in tests:
            other = xp.minimum(left, self._left(weight, influential))
            left = xp.where(space.asarray(which, dtype=xp.bool), other, left)
        diagonal = xp.linalg.diagonal(self.inverted)
        noise = self.problem.noise_level / self.problem.singular_values
        limit = CLEARLY * self._limit()
        own = self.problem.noise_of(self.directions.T)
        largest = xp.maximum(xp.sum(diagonal * noise**2, axis=1), xp.sum(diagonal, axis=1) * own**2)
        sure = left > xp.maximum(limit**2 * largest, xp.full_like(left, SETTLED))
        return self.told & (self._spare() >= influential) & to_host(sure)

    def surely_bridged(self, influential: Host, tests: Tests) -> Host:
        """Where two directions vanish on all but the rows that may not decide alone, shape (s,).

        `is_unique` says no there. The arguments are those of `surely_unique`.
        """
        xp = self.problem.space.xp
        found = self._spare() < influential
        allowed = self.problem.space.asarray(influential, dtype=xp.int64)
        for which, weight in tests:
            kept = xp.argsort(xp.argsort(-weight, axis=1), axis=1) >= allowed[:, None]
            rows = self.rows * xp.astype(kept, self.rows.dtype)[:, :, None]
            rest = self._of_rows(self.problem, rows, self.counts - allowed, self.directions[:, :, None])
            found = found | (which & rest.surely_shared())
        return found

    def _spare(self) -> Host:
        """Rows beyond the b - 1 that define a kernel, shape (s,)."""
        spare: Host = to_host(self.counts) - (self.problem.rank - 1)
        return spare

    def tests(self, influential: Host, *, strict: bool) -> Tests:
        """Which sets are tested without their heaviest rows, and what the rows weigh, as `is_unique` has it.

        Parameters
        ----------
        influential : NumPy array of int, shape (s,)
            Rows that may not decide alone, at most `INFLUENTIAL`.
        strict : bool
            As for `is_unique`.

        Returns
        -------
        list of pairs
            NumPy array of bool, shape (s,), and array, shape (s, z).
        """
        plenty = self._spare() >= PLENTY * influential
        kinds = ((~plenty | strict, self._against_second), (plenty, self.leverages))
        return [(which, weight()) for which, weight in kinds if which.any()]

    def surely_shared(self) -> Host:
        """Where two directions vanish on the rows as far as noise tells, shape (s,): none is unique there."""
        xp, limit = self.problem.space.xp, self._limit()
        within = limit > 0
        for vector in (self.directions[:, :, None], self._second()):
            size = xp.linalg.vector_norm((self.rows @ vector)[:, :, 0], axis=1)
            within = within & (CLEARLY * size < limit * self.problem.noise_of(vector[:, :, 0].T))
        return to_host(within)

    def _limit(self) -> Array:
        """Size of the rows in a direction over its noise, from which noise cannot bridge it, shape (s,)."""
        xp = self.problem.space.xp
        count = xp.astype(self.counts, self.problem.space.dtype)
        return xp.maximum(VANISHING * xp.sqrt(count), xp.full_like(count, BRIDGED))

    def _second(self) -> Array:
        """The direction that the rows tell least beside the kernel, shape (s, b, 1)."""
        xp, kernel = self.problem.space.xp, self.directions[:, :, None]
        least = xp.argmax(xp.linalg.diagonal(self.inverted), axis=1)[:, None, None]
        second = xp.take_along_axis(self.inverted, least, axis=2)
        for _ in range(STEPS):
            second = normalize(xp, _off(xp, kernel, self.inverted @ second), axis=1)
        return second

    def _against_second(self) -> Array:
        """Squares of what the rows have in that direction, shape (s, z)."""
        return (self.rows @ self._second())[:, :, 0] ** 2

    def _left(self, weight: Array, influential: Host) -> Array:
        """Share left of ‖R v‖², whatever v, without the rows of largest weight, shape (s, z); shape (s,)."""
        space, xp = self.problem.space, self.problem.space.xp
        top = xp.argsort(-weight, axis=1)[:, :INFLUENTIAL]
        within = (
            xp.arange(top.shape[1], device=space.device) < space.asarray(influential, dtype=xp.int64)[:, None]
        )
        rows = (
            xp.take_along_axis(self.rows, top[:, :, None], axis=1)
            * xp.astype(within, space.dtype)[:, :, None]
        )
        return 1 - xp.linalg.eigvalsh(rows @ self.inverted @ xp.matrix_transpose(rows))[:, -1]


def batches(problem: Problem, count: int) -> Iterator[slice]:
    """Parts of so many sets of rows that are worked out together."""
    entries = SMALL * problem.width * problem.rank
    return blocks(count, entries, device=on_device(problem.space.xp))


def _gathered(xp: Namespace, rows: Array, chosen: Array, counts: Array) -> Array:
    """Rows of each set, shape (s, z, b), with zero rows below them."""
    most = max(int(xp.max(counts)), INFLUENTIAL)
    order = xp.argsort(xp.astype(~chosen, xp.int8), axis=0, stable=True)[:most, :].T
    padding = xp.arange(order.shape[1], device=rows.device)[None, :] >= counts[:, None]
    order = xp.where(padding, xp.full_like(order, rows.shape[0]), order)
    padded = xp.concat([rows, xp.zeros_like(rows[:1, :])], axis=0)
    return xp.reshape(xp.take(padded, xp.reshape(order, (-1,)), axis=0), (*order.shape, rows.shape[1]))


def _off(xp: Namespace, unit: Array, vectors: Array) -> Array:
    """Part of vectors off unit vectors, shape (s, b, 1) each."""
    return vectors - unit * (xp.matrix_transpose(unit) @ vectors)
