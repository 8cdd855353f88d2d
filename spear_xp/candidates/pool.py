"""Enters: candidates. Leaves: the distinct ones, and what is known of their duals."""

from dataclasses import dataclass

from spear_xp.candidates.refit import Candidate
from spear_xp.candidates.selection import sparsest_independent
from spear_xp.geometry.directions import SAME_DIRECTION, columns_of, in_span
from spear_xp.geometry.duals import PartialDuals, solve_duals
from spear_xp.geometry.nullspaces import in_shared_nullspace, same_space
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known

__all__ = ["Entry", "Pool"]

SAME_PATTERN = 0.995  # share of equal rows from which two zero patterns belong to one column
DROP = 12  # one in so many doubtful candidates goes when nothing moves
SPLITS, OFFERED = 24, 6  # attempts at one kernel, and kernels offered to a strategy at once
LARGEST_SHARED = 24  # dimension of a kernel that is worth splitting


@dataclass(slots=True, eq=False)
class Entry:
    """A candidate and what has been learnt about it.

    Attributes
    ----------
    candidate : Candidate
    dual : array, shape (b,) or None
        Dual with dual · direction = 1, where rows determine it or the certificate proved it.
    """

    candidate: Candidate
    dual: Array | None = None


class Pool:
    """Distinct candidates of one problem, in the order in which they were found."""

    def __init__(self, problem: Problem, candidates: tuple[Candidate, ...] = ()) -> None:
        self.problem = problem
        self.entries: list[Entry] = []
        self.shared: list[Array] = []
        self.attempts: list[int] = []
        for candidate in candidates:
            self.add(candidate)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates, without what is known about them."""
        return [entry.candidate for entry in self.entries]

    @property
    def directions(self) -> Array:
        """Directions as columns, shape (b, k)."""
        space = self.problem.space
        if not self.entries:
            return space.xp.zeros((self.problem.rank, 0), dtype=space.dtype, device=space.device)
        return space.xp.stack([c.direction for c in self.candidates], axis=1)

    @property
    def zero(self) -> Array:
        """Zero patterns as columns, shape (m_live, k)."""
        space = self.problem.space
        if not self.entries:
            return space.xp.zeros((self.problem.width, 0), dtype=space.xp.bool, device=space.device)
        return space.xp.stack([c.zero for c in self.candidates], axis=1)

    @property
    def known(self) -> Known:
        """What strategies may build on."""
        directions = self.directions
        partial = self._duals()
        return Known(
            directions=directions,
            coefficients=columns_of(self.problem, directions, self.zero),
            duals=partial.duals,
            solved=tuple(bool(s) for s in partial.solved),
            shared=tuple(self.shared[i] for i in self._pending()),
        )

    def _duals(self) -> PartialDuals:
        space = self.problem.space
        empty = space.xp.zeros((self.problem.rank,), dtype=space.dtype, device=space.device)
        columns = [empty if entry.dual is None else entry.dual for entry in self.entries]
        duals = space.xp.stack(columns, axis=1) if columns else self.directions
        return PartialDuals(duals, to_host([entry.dual is not None for entry in self.entries]).astype(bool))

    def _pending(self) -> list[int]:
        """Shared kernels that hold unknown directions: a few, the least tried first, of these the easiest."""
        xp, directions = self.problem.space.xp, self.directions
        unknown = [k.shape[1] - in_span(xp, k, directions).shape[1] for k in self.shared]
        open_ = [i for i, count in enumerate(unknown) if count and self.attempts[i] < SPLITS]
        return sorted(open_, key=lambda i: (self.attempts[i], unknown[i]))[:OFFERED]

    def settle(self) -> None:
        """Note that the pending kernels have been split once more."""
        for i in self._pending():
            self.attempts[i] += 1

    def share(self, kernels: list[Array]) -> None:
        """Keep kernels of several dimensions that are not kept already; one may be within another."""
        xp = self.problem.space.xp
        for kernel in kernels:
            size = kernel.shape[1]
            if 1 < size <= LARGEST_SHARED and not any(same_space(xp, kernel, k) for k in self.shared):
                self.shared.append(kernel)
                self.attempts.append(0)

    @property
    def solved(self) -> Array:
        """Duals that are known, as columns, shape (b, k)."""
        space = self.problem.space
        columns = [entry.dual for entry in self.entries if entry.dual is not None]
        if not columns:
            return space.xp.zeros((self.problem.rank, 0), dtype=space.dtype, device=space.device)
        return space.xp.stack(columns, axis=1)

    def solve(self) -> None:
        """Read off the duals that rows determine by now, and let go of those that turn out to be mixed."""
        if not self.entries:
            return
        partial = solve_duals(self.problem, self.directions, self.zero, self._duals())
        for k, entry in enumerate(self.entries):
            entry.dual = partial.duals[:, k] if partial.solved[k] else None

    def new(self, directions: Array, *, unmixed: bool = True) -> Array:
        """Those of the unit directions, shape (b, k), that the pool does not hold already.

        Unless told otherwise without those that are likely to be mixtures of samples which share a kernel.
        """
        xp = self.problem.space.xp
        if not self.entries or not directions.shape[1]:
            return directions
        closest = xp.max(xp.abs(self.directions.T @ directions), axis=0)
        directions = xp.take(directions, xp.nonzero(closest <= 1 - SAME_DIRECTION)[0], axis=1)
        return self._unmixed(directions) if unmixed else directions

    def _unmixed(self, directions: Array) -> Array:
        """Without the directions of a shared kernel that vanish on no more rows than all of it does."""
        xp = self.problem.space.xp
        if not self.shared or not directions.shape[1]:
            return directions
        mixed = in_shared_nullspace(self.problem, self.shared, directions)
        return xp.take(directions, xp.nonzero(~mixed)[0], axis=1)

    def find(self, candidate: Candidate) -> Entry | None:
        """The entry of the same column, by direction or zero pattern; None if it is new."""
        if not self.entries:
            return None
        xp, dtype = self.problem.space.xp, self.problem.space.dtype
        cosine = to_host(xp.abs(self.directions.T @ candidate.direction))
        equal = to_host(xp.mean(xp.astype(self.zero == candidate.zero[:, None], dtype), axis=0))
        same = ((cosine > 1 - SAME_DIRECTION) | (equal > SAME_PATTERN)).nonzero()[0]
        return self.entries[int(same[0])] if len(same) else None

    def keep(self, which: Host) -> None:
        """Let go of all other entries."""
        self.entries = [entry for entry, kept in zip(self.entries, which, strict=True) if kept]

    def drop_mixtures(self) -> None:
        """Let go of candidates that sparser ones span: mixtures are less sparse than their parts."""
        parts = {id(candidate) for candidate in self.select()}
        self.entries = [e for e in self.entries if e.dual is not None or id(e.candidate) in parts]

    def drop_doubtful(self, spare: list[Candidate]) -> None:
        """Let go of the least sparse candidates without a dual: false ones block the search."""
        spared = {id(candidate) for candidate in spare}
        doubtful = [e for e in self.entries if e.dual is None and id(e.candidate) not in spared]
        doubtful.sort(key=lambda entry: entry.candidate.zeros)
        out = {id(entry) for entry in doubtful[: max(1, len(doubtful) // DROP)]}
        self.entries = [entry for entry in self.entries if id(entry) not in out]

    def select(self) -> list[Candidate]:
        """Independent candidates, at most b: those with a dual first, then the sparsest."""
        first = [entry.candidate for entry in self.entries if entry.dual is not None]
        return sparsest_independent(self.problem, self.candidates, first=first)

    def add(self, candidate: Candidate) -> bool:
        """Add a candidate if it is new; whether it was."""
        if self.find(candidate) is not None:
            return False
        self.entries.append(Entry(candidate))
        return True
