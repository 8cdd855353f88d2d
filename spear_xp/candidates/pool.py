"""Enters: candidates. Leaves: the distinct ones, and what is known of their duals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spear_xp.candidates.candidate import Candidate, stacked_directions, stacked_zeros
from spear_xp.candidates.selection import sparsest_independent
from spear_xp.candidates.shared_kernels import SharedKernels
from spear_xp.geometry.directions import SAME_DIRECTION, columns_of
from spear_xp.geometry.duals import PartialDuals, solve_duals
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known

__all__ = ["Entry", "Pool"]

# chosen: share of equal rows from which zero patterns are of one column; a smaller value merges near-twins
SAME_PATTERN = 0.995
# chosen: one in so many doubtful candidates goes when nothing moves; more at once takes true ones along
DROP = 12


@dataclass(frozen=True, slots=True, eq=False)
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
    """Distinct candidates of one problem, in the order in which they were found.

    Only its methods write it. What is worked out from all entries is kept until one of them changes.
    """

    def __init__(self, problem: Problem, candidates: tuple[Candidate, ...] = ()) -> None:
        self.problem = problem
        self.shared = SharedKernels(problem)
        self._write([])
        self.extend(candidates)

    def _write(self, entries: list[Entry]) -> None:
        self._entries = tuple(entries)
        self._directions: Array | None = None
        self._zero: Array | None = None
        self._columns: Array | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, in the order in which they came."""
        return self._entries

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates, without what is known about them."""
        return [entry.candidate for entry in self._entries]

    @property
    def directions(self) -> Array:
        """Directions as columns, shape (b, k)."""
        if self._directions is None:
            self._directions = stacked_directions(self.problem, self.candidates)
        return self._directions

    @property
    def zero(self) -> Array:
        """Zero patterns as columns, shape (m_live, k)."""
        if self._zero is None:
            self._zero = stacked_zeros(self.problem, self.candidates)
        return self._zero

    @property
    def columns(self) -> Array:
        """Columns of D, up to the scale of each, shape (m_live, k)."""
        if self._columns is None:
            self._columns = columns_of(self.problem, self.directions, self.zero)
        return self._columns

    @property
    def known(self) -> Known:
        """What strategies may build on."""
        partial = self._duals()
        return Known(
            directions=self.directions,
            coefficients=self.columns,
            duals=partial.duals,
            solved=tuple(bool(s) for s in partial.solved),
            shared=self.shared.pending(self.directions),
        )

    def _duals(self) -> PartialDuals:
        space = self.problem.space
        empty = space.xp.zeros((self.problem.rank,), dtype=space.dtype, device=space.device)
        columns = [empty if entry.dual is None else entry.dual for entry in self._entries]
        duals = space.xp.stack(columns, axis=1) if columns else self.directions
        return PartialDuals(duals, to_host([entry.dual is not None for entry in self._entries]).astype(bool))

    @property
    def solved(self) -> Array:
        """Duals that are known, as columns, shape (b, k)."""
        space = self.problem.space
        columns = [entry.dual for entry in self._entries if entry.dual is not None]
        if not columns:
            return space.xp.zeros((self.problem.rank, 0), dtype=space.dtype, device=space.device)
        return space.xp.stack(columns, axis=1)

    def solve_duals(self) -> None:
        """Read off the duals that rows determine by now; what turns out to be mixed is unknown again."""
        if not self._entries:
            return
        partial = solve_duals(self.problem, self.directions, self.zero, self._duals())
        duals = [partial.duals[:, k] if s else None for k, s in enumerate(partial.solved)]
        pairs = zip(self._entries, duals, strict=True)
        self._entries = tuple(replace(entry, dual=dual) for entry, dual in pairs)

    def new(self, directions: Array, *, unmixed: bool = True) -> Array:
        """Those of the unit directions, shape (b, k), that the pool does not hold already.

        Unless told otherwise without those that are likely to be mixtures of samples which share a kernel.
        """
        xp = self.problem.space.xp
        if not self._entries or not directions.shape[1]:
            return directions
        closest = xp.max(xp.abs(self.directions.T @ directions), axis=0)
        directions = xp.take(directions, xp.nonzero(closest <= 1 - SAME_DIRECTION)[0], axis=1)
        return self.shared.unmixed(directions) if unmixed else directions

    def find(self, candidate: Candidate, *, by_zeros: bool = True) -> Entry | None:
        """The entry of the same column, by direction or, unless told otherwise, zero pattern; None if new."""
        if not self._entries:
            return None
        places = self._same([candidate], by_zeros=by_zeros)[: len(self), 0].nonzero()[0]
        return self._entries[int(places[0])] if len(places) else None

    def _same(self, candidates: Sequence[Candidate], *, by_zeros: bool = True) -> Host:
        """Whether entries, and below them candidates, are of the same column as each candidate."""
        problem, xp, m = self.problem, self.problem.space.xp, self.problem.width
        new = stacked_directions(problem, candidates)
        same = xp.abs(xp.concat([self.directions, new], axis=1).T @ new) > 1 - SAME_DIRECTION
        if by_zeros:
            zero = stacked_zeros(problem, candidates)
            sides = 2 * xp.astype(xp.concat([self.zero, zero], axis=1), problem.space.dtype) - 1
            equal = (m + sides.T @ sides[:, len(self) :]) / 2  # rows on which patterns agree
            same = same | (equal / m > SAME_PATTERN)
            if problem.noise_hides:
                same = same | (self._apart(new) <= (1 - SAME_PATTERN) * m)
        return to_host(same)

    def _apart(self, new: Array) -> Array:
        """Rows on which one of two directions vanishes and the other one shows for certain.

        Noise turns each direction by a little every time that it is found, and moves entries over the limit.
        """
        problem, xp = self.problem, self.problem.space.xp
        both = xp.concat([self.directions, new], axis=1)
        zero = xp.astype(problem.zeros_of(both), problem.space.dtype)
        shown = xp.astype(~problem.zeros_of(both, widen=AMBIGUOUS_WIDTH), problem.space.dtype)
        here = slice(len(self), None)
        return zero.T @ shown[:, here] + shown.T @ zero[:, here]

    def add(self, candidate: Candidate, *, may_be_twin: bool = False) -> bool:
        """Add a candidate if it is new; whether it was.

        Zero patterns tell columns apart more surely than directions do, unless a candidate may be the
        near-twin of one that is here: then its direction alone decides.
        """
        return self.extend([candidate], may_be_twin=may_be_twin)[0]

    def extend(self, candidates: Sequence[Candidate], *, may_be_twin: bool = False) -> list[bool]:
        """Add those that are new, also beside those before them; which were."""
        if not candidates:
            return []
        same, here = self._same(candidates, by_zeros=not may_be_twin), list(range(len(self)))
        new = []
        for k in range(len(candidates)):
            new.append(not same[here, k].any())
            here += [len(self) + k] if new[-1] else []
        added = [Entry(candidate) for candidate, is_new in zip(candidates, new, strict=True) if is_new]
        if added:
            self._write([*self._entries, *added])
        return new

    def keep(self, which: Host) -> None:
        """Let go of all other entries."""
        if not which.all():
            self._write([entry for entry, kept in zip(self._entries, which, strict=True) if kept])

    def freeze(self, proven: dict[Candidate, Entry]) -> None:
        """Put what is proven in the place of its candidates, or first if the pool does not hold these."""
        directions = stacked_directions(self.problem, [entry.candidate for entry in proven.values()])
        xp = self.problem.space.xp
        same = to_host(xp.abs(self.directions.T @ directions)) > 1 - SAME_DIRECTION
        rest = [
            (entry, proven.get(entry.candidate))
            for k, entry in enumerate(self._entries)
            if entry.candidate in proven or not same[k].any()
        ]
        here = {entry.candidate for entry in self._entries}
        first = [entry for old, entry in proven.items() if old not in here]
        self._write([*first, *(new or old for old, new in rest)])

    def renew(self, proven: list[Entry], repaired: list[Candidate], dropped: set[Candidate]) -> list[bool]:
        """Begin with what is proven and repaired, and keep what differs from it of all that is not dropped.

        Returns which of the repaired candidates are new beside the proven ones.
        """
        before = self._entries
        self._write(proven)
        new = self.extend(repaired)
        others = [entry for entry in before if entry.candidate not in dropped]
        if others:
            same = self._same([entry.candidate for entry in others])[: len(self), :]
            others = [entry for entry, known in zip(others, same.T, strict=True) if not known.any()]
            self._write([*self._entries, *others])
        return new

    def drop_mixtures(self) -> None:
        """Let go of candidates that sparser ones span: mixtures are less sparse than their parts."""
        parts = set(self.independent())
        self.keep(to_host([e.dual is not None or e.candidate in parts for e in self._entries]).astype(bool))

    def drop_doubtful(self, spare: list[Candidate]) -> None:
        """Let go of the least sparse candidates without a dual: false ones block the search."""
        spared = set(spare)
        doubtful = [e for e in self._entries if e.dual is None and e.candidate not in spared]
        doubtful.sort(key=lambda entry: entry.candidate.zeros)
        out = set(doubtful[: max(1, len(doubtful) // DROP)])
        self._write([entry for entry in self._entries if entry not in out])

    def independent(self) -> list[Candidate]:
        """Independent candidates, at most b: those with a dual first, then the sparsest."""
        first = [entry.candidate for entry in self._entries if entry.dual is not None]
        return sparsest_independent(self.problem, self.candidates, first=first)

    def full_set(self) -> list[Candidate] | None:
        """As many independent candidates as there are samples; None if there are fewer."""
        chosen = self.independent() if len(self) >= self.problem.rank else []
        return chosen if len(chosen) == self.problem.rank else None
