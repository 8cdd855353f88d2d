"""Enters: a gradient with more samples than dimensions, perhaps. Leaves: what peeling finds and proves."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from spear_xp.errors import RankError
from spear_xp.numerics.backend import to_host
from spear_xp.numerics.work import KeepGoing, OutOfTime, forever
from spear_xp.overcomplete.behind.chain import Chain
from spear_xp.overcomplete.behind.multiplicity import with_layers_behind
from spear_xp.overcomplete.behind.subtraction import Subtraction
from spear_xp.overcomplete.examination import examine
from spear_xp.overcomplete.flats.opening import first_points
from spear_xp.overcomplete.flats.polish import polish
from spear_xp.overcomplete.known import KnownPoints
from spear_xp.overcomplete.lattice.decoding import Decoder
from spear_xp.overcomplete.peeling import Peeling, peel
from spear_xp.overcomplete.problem import OvercompleteProblem, reduce_overcomplete
from spear_xp.overcomplete.proofs import ACCURACY, Proofs, prove
from spear_xp.overcomplete.regime import Regime, regime_of
from spear_xp.reduction.factorization import Factorization
from spear_xp.reduction.gradient import Gradient

__all__ = ["Table", "table_of"]

AGREED = 2  # derived: points that rounding noise agrees on: no noise of another size does by chance
UNPROVEN = "time was up before it could be proven"


class Table:
    """A search by peeling.

    Parameters
    ----------
    problem : OvercompleteProblem
    regime : Regime
        Why it may be overcomplete.
    rank : int
        Rank of the gradient where it is low.
    decoder : Decoder, optional
        What one-hot columns tell.
    subtraction : Subtraction, optional
        What the layers behind tell.

    Attributes
    ----------
    peeling : Peeling
    """

    def __init__(
        self,
        problem: OvercompleteProblem,
        regime: Regime,
        rank: int,
        decoder: Decoder | None = None,
        subtraction: Subtraction | None = None,
    ) -> None:
        self.problem, self.regime, self.rank, self.decoder = problem, regime, rank, decoder
        self.subtraction = subtraction
        self.peeling = Peeling(problem)
        self._proofs = _unproven(self.known)

    @property
    def known(self) -> KnownPoints:
        """Points found so far."""
        return self.peeling.known

    @property
    def proofs(self) -> Proofs:
        """What is proven of them; nothing before `prove`."""
        return self._proofs if len(self._proofs.reasons) == self.known.count else _unproven(self.known)

    @property
    def exact(self) -> bool:
        """Whether every row is explained by certified points."""
        return self.proofs.complete and not self.proofs.silent

    def search(
        self,
        keep_going: KeepGoing = forever,
        count: Callable[[float], None] = lambda _: None,
        observer: Callable[[Peeling], None] = lambda _: None,
        *,
        flats: bool = True,
    ) -> None:
        """Peel until nothing is found or `keep_going` says no.

        One-hot groups, if there are any, tell the first samples, and so do the layers behind. Where no rows
        agree on a sample, zero hyperplanes may show some that peeling goes on from; not without `flats`.
        """
        before = -1
        while self.known.count > before:
            with suppress(OutOfTime):
                if self.decoder is not None and self.decoder.extend(self.known, keep_going, count):
                    self.peeling.restart()
            if self._taken_out(keep_going, count):
                return
            before = self.known.count
            peel(self.peeling, keep_going=keep_going, count=count, observer=observer)
        if not flats or self.regime is not Regime.SATURATED or self.known.count >= AGREED:
            return
        with suppress(OutOfTime):
            first = first_points(self.problem, keep_going, count)
            if first is not None:
                self.peeling.resume(*first)
                before = 0
                while self.known.count > before:
                    before = self.known.count
                    polish(self.known, keep_going)
                    self.peeling.restart()
                    peel(self.peeling, keep_going=keep_going, count=count, observer=observer)
                    if self._taken_out(keep_going, count):
                        return

    def _taken_out(self, keep_going: KeepGoing, count: Callable[[float], None]) -> bool:
        """Take known samples out of the rows as the layers behind say; whether that is the whole batch."""
        taken, known = self.subtraction, self.known
        if taken is None:
            return False
        with suppress(OutOfTime):
            if known.count:
                seen = examine(known, keep_going)
                taken.confirm(*map(to_host, (known.points, known.bars, seen.shares, seen.holds)))
            taken.extend(keep_going, count)
        asarray = self.problem.space.asarray
        self.peeling.resume(asarray(taken.points), asarray(taken.bars))
        return taken.complete

    def _put_first(self, taken: Subtraction) -> None:
        """Points that were taken out come first, as these were fitted; others only where some are missing."""
        before, asarray = self.known, self.problem.space.asarray
        self.peeling.known = KnownPoints(self.problem)
        for k in range(taken.count):
            self.known.add_rough(asarray(taken.points[k]), asarray(taken.bars[k]))
        if not taken.complete:
            self.peeling.resume(before.points, before.bars)

    def prove(self, keep_going: KeepGoing = forever, accuracy: float = ACCURACY) -> None:
        """Certify what was found to a relative error, if `keep_going` allows."""
        taken = self.subtraction
        if taken is not None and taken.count:
            self._put_first(taken)
        with suppress(OutOfTime):
            self._proofs = prove(self.known, keep_going, accuracy=accuracy)
            if taken is not None and taken.count:
                bars = to_host(self.known.input_bars)[: taken.count]
                self._proofs = with_layers_behind(self._proofs, taken, bars, accuracy)

    def fills(self, batch_size: int | None) -> bool:
        """Whether so many samples are just as many as dimensions, and the rank does not speak against it."""
        return batch_size == self.problem.dimension and self.regime is not Regime.STRUCTURED

    def outdoes(self, certified: int) -> bool:
        """Whether what was found says more than a search for fewer samples that certifies so many.

        Where neither certifies any, samples whose one-hot groups fit do.
        """
        own, told = int(self.proofs.certified.sum()), self.decoder is not None and self.known.count > 0
        return own > certified or (told and not certified)

    def settles(self, batch_size: int | None) -> bool:
        """Whether no search for fewer samples than dimensions is worth while any more."""
        if self.subtraction is not None and self.subtraction.complete:
            return True
        if self.fills(batch_size) and not self.exact:
            return self.known.count > self.problem.dimension
        if self.regime is Regime.STRUCTURED:
            return self.known.count > self.rank
        return self.regime is Regime.SATURATED or self.known.count >= AGREED


def table_of(
    gradient: Gradient,
    factorization: Factorization | None,
    keep_going: KeepGoing = forever,
    kinds: Sequence[str] | None = None,
    behind: Chain | None = None,
) -> Table | None:
    """A gradient as a table, if it may hold more samples than dimensions.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
    factorization : Factorization or None
        None where it has no low rank.
    keep_going : callable
        `OutOfTime` is raised when it says no.
    kinds : sequence of str, length n, optional
        Of the features.
    behind : Chain, optional
        The layers behind.

    Returns
    -------
    Table or None
    """
    regime = regime_of(gradient, factorization)
    if regime is Regime.ORDINARY:
        return None
    try:
        problem = reduce_overcomplete(gradient, keep_going=keep_going)
    except RankError:
        return None
    rank = problem.dimension if factorization is None else factorization.rank
    decoder = None if kinds is None else Decoder(problem, gradient, kinds)
    subtraction = None if behind is None else Subtraction(problem, gradient, behind)
    return Table(problem, regime, rank, decoder, subtraction)


def _unproven(known: KnownPoints) -> Proofs:
    """Proofs where none was found."""
    count, width = known.count, known.problem.width
    return Proofs(
        certified=to_host([False] * count).astype(bool),
        reasons=(UNPROVEN,) * count,
        error_bars=to_host(known.input_bars),
        rows=to_host([0] * count).astype(int),
        exact=False,
        unexplained=width,
        silent=0,
    )
