"""Enters: known points, and which features are one-hot. Leaves: points that single rows tell by integers.

A row is Σ c_k x_k over the samples that are active on it. Let one of them be unknown. In one-hot columns
that no known one has, the row is zero or the coefficient of the unknown one. That coefficient and the columns
where it stands give the coefficients of the known ones, these the categories that known ones share with it,
and what is left of the other columns is the sample. A mixture of several unknown samples passes where all of
them have the same categories: then its categories are right and its real columns are not. So the points are
proposals, and the certificate asks for what it asks of all others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.work import KeepGoing, ask, calls, decompositions, forever, product
from spear_xp.overcomplete.clusters import LOUD
from spear_xp.overcomplete.flats.polish import polish
from spear_xp.overcomplete.known import UNSURE, Fit, KnownPoints
from spear_xp.overcomplete.lattice.pairs import Pairs
from spear_xp.overcomplete.lattice.rounding import BARS, REAL, ROUNDS, on_lattice
from spear_xp.overcomplete.lattice.rows import BLOCKS, OneHotRows, solved
from spear_xp.overcomplete.peeling import SPARE, acceptable
from spear_xp.overcomplete.problem import OvercompleteProblem
from spear_xp.reduction.gradient import Gradient

__all__ = ["Decoder"]

PASSES = 3  # cosmetic: least squares of a row


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """A sample that one row tells.

    `spare` are the dimensions of the categories that its coefficients leave, `misfit` what is left there in
    standard deviations. `others` are what further rows tell of the same sample.
    """

    row: int
    sample: Host
    errors: Host
    misfit: float
    spare: int
    others: list["_Told"] = field(default_factory=list)

    def agrees(self, other: "_Told") -> bool:
        """Whether both may be one sample."""
        return bool((abs(self.sample - other.sample) <= BARS * (self.errors + other.errors)).all())


class Decoder:
    """Rows of a gradient with one-hot groups among its columns.

    Parameters
    ----------
    problem : OvercompleteProblem
    gradient : Gradient
        From which it comes.
    kinds : sequence of str, length n
        As for `on_lattice`, in the units of the inputs.
    """

    def __init__(self, problem: OvercompleteProblem, gradient: Gradient, kinds: Sequence[str]) -> None:
        self.problem, self.kinds = problem, kinds
        self.rows = OneHotRows(problem, gradient, kinds)

    def extend(
        self,
        known: KnownPoints,
        keep_going: KeepGoing = forever,
        count: Callable[[float], None] = lambda _: None,
    ) -> int:
        """Add points until single rows tell no more; their number.

        `OutOfTime` is raised when `keep_going` says no.
        """
        before = start = known.count
        while (self._once(known, keep_going, count) and known.count > before) or self._pairs(
            known, keep_going, count
        ):
            before = known.count
        return known.count - start

    def _exact(self, known: KnownPoints) -> tuple[Host, Host, Host]:
        """Known samples with integers where they must be such, their error bars, which have whole groups."""
        inputs, bars = to_host(self.problem.inputs(known.points)), to_host(known.input_bars)
        wide = (bars + self.problem.unit_roundoff)[:, None] + 0 * inputs
        exact, left = on_lattice(inputs, wide, self.kinds)
        return exact, bars, (left[:, self.rows.hot] == 0).all(axis=1)

    def _pairs(self, known: KnownPoints, keep_going: KeepGoing, count: Callable[[float], None]) -> bool:
        """Add what rows with two unknown samples tell; whether that is any."""
        before, active = known.count, to_host(known.active)
        exact, bars, whole = self._exact(known)
        usable = np.asarray(~active[:, ~whole].any(axis=1))
        pairs = Pairs(self.problem, self.rows, exact, bars, active & usable[:, None], usable)
        for one in pairs.tell(keep_going, count):
            if self._is_whole(one.sample, one.errors):
                rounded, left = on_lattice(one.sample[None, :], one.errors[None, :], self.kinds)
                fit = self._fit(_Told(one.row, rounded[0], left[0], 0.0, SPARE))
                if acceptable(known, fit):
                    known.add(fit)
        if known.count > before:  # errors of numbers add up from round to round
            polish(known, keep_going)
        return known.count > before

    def _once(self, known: KnownPoints, keep_going: KeepGoing, count: Callable[[float], None]) -> bool:
        """Add what rows tell beside the points known now; whether any row was worth a look."""
        problem = self.problem
        exact, bars, whole = self._exact(known)
        active = to_host(known.active)
        rows = self._promising(active, exact[:, self.rows.hot], whole)
        count(product(len(self.rows.sums), known.count, len(self.rows.hot)))
        told: list[_Told] = []
        for row in rows:
            ask(keep_going)
            own = np.flatnonzero(active[row])
            count(PASSES * decompositions(len(self.rows.hot), len(own) + 1) + calls(50))
            found = self._decoded(row, exact[own], bars[own])
            if found is not None:
                same = next((one for one in told if one.agrees(found)), None)
                (told if same is None else same.others).append(found)
        for one in told:
            ask(keep_going)
            shared = known.fit(problem.space.indices([one.row, *(other.row for other in one.others)]))
            count(decompositions(problem.dimension, problem.dimension, 3) + calls(200))
            fits = [fit for fit in (self._fit(one), shared) if fit is not None and acceptable(known, fit)]
            if fits:
                known.add(min(fits, key=lambda fit: fit.bar(problem.space.xp)))
        return len(rows) > 0

    def _fit(self, told: "_Told") -> Fit:
        """A sample from its own row alone."""
        problem, asarray = self.problem, self.problem.space.asarray
        shares = problem.basis[:-1, :] * (asarray(told.errors) / problem.spread)[:, None]
        return Fit(
            point=problem.points(asarray(told.sample[None, :]))[0, :],
            covariance=shares.T @ shares,
            rows=problem.space.indices([told.row]),
            distances=asarray(np.asarray([told.misfit])),
            equations=problem.dimension - 1 + told.spare,
        )

    def _promising(self, active: Host, known: Host, whole: Host) -> Host:
        """Rows that show one coefficient in columns of no known sample; those with few known ones first."""
        values, limit = self.rows.categories, self.rows.noise[:, None]
        numbers = active.sum(axis=1)
        fits = (self.rows.dimension - numbers - 1 >= SPARE) & ~active[:, ~whole].any(axis=1)
        hits = (active.astype(np.float32) @ (known != 0).astype(np.float32) == 0) & (
            np.abs(values) > LOUD * limit
        )
        groups = np.arange(len(self.rows.blocks)) == self.rows.block[:, None]
        each = hits.astype(np.float32) @ groups.astype(np.float32)
        shown = each.sum(axis=1)
        fits &= (each.max(axis=1, initial=0) == 1) & (shown >= BLOCKS)
        mean = np.where(hits, values, 0).sum(axis=1) / np.maximum(shown, 1)
        fits &= (hits * np.abs(values - mean[:, None]) < UNSURE * limit).all(axis=1)
        chosen = np.flatnonzero(fits)
        return chosen[np.argsort(numbers[chosen], kind="stable")]

    def _decoded(self, row: int, known: Host, bars: Host) -> "_Told | None":
        """What a row tells beside its known samples."""
        noise, values = self.rows.noise[row], self.rows.categories[row]
        whole = known[:, self.rows.hot]
        hits = ~(whole != 0).any(axis=0) & (np.abs(values) > LOUD * noise)
        own = np.median(values[hits])
        shown = np.isin(self.rows.block, self.rows.block[hits])
        sample = hits.astype(float)
        first = solved(whole[:, shown].T, (values - own * sample)[shown], self.rows.sums[row] - own)
        if first is None:
            return None
        rest = (values - first[0] @ whole) / own
        for block in set(range(len(self.rows.blocks))) - set(self.rows.block[hits].tolist()):
            columns = np.flatnonzero(self.rows.block == block)
            sample[columns[np.argmin(np.abs(rest[columns] - 1))]] = 1.0
        whole_row = solved(np.vstack([whole, sample]).T, values, self.rows.sums[row])
        if whole_row is None:
            return None
        shares, misfits, covariance = whole_row
        freedom = max(1, self.rows.dimension - len(shares))
        misfit = float(np.sqrt((misfits**2).sum() / freedom) / noise)
        found = np.zeros(len(self.kinds))
        found[self.rows.hot] = sample
        others = known[:, self.rows.other]
        found[self.rows.other] = (self.rows.numbers[row] - shares[:-1] @ others) / shares[-1]
        each = np.vstack([others, found[self.rows.other]])
        variance = noise**2 * (1 + np.einsum("kr,kl,lr->r", each, covariance, each))
        variance += ((shares[:-1] * bars) ** 2).sum()
        errors = np.zeros(len(self.kinds))
        errors[self.rows.other] = np.sqrt(variance) / abs(shares[-1])
        if not self._is_whole(found, errors):
            return None
        rounded, left = on_lattice(found[None, :], errors[None, :], self.kinds)
        return _Told(int(row), rounded[0], left[0], misfit, self.rows.dimension - len(shares))

    def _is_whole(self, found: Host, errors: Host) -> bool:
        """Whether what has to be an integer is one, as far as its error tells."""
        told = np.asarray([kind != REAL for kind in self.kinds]) & (errors < ROUNDS / BARS)
        return bool((np.abs(found - found.round()) <= BARS * errors)[told].all())
