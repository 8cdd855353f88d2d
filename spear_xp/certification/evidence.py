"""Enters: masks and limits as a certificate found them. Leaves: the counts that its strength depends on."""

from dataclasses import dataclass, fields, replace

from spear_xp.numerics.backend import Host, to_host

__all__ = ["FLIPS_AT_MOST", "Evidence", "allowed_flips"]

# chosen: share of rows that may contradict a sample: D has no density gap at zero; a larger value proves
# less
FLIPS = 0.01
FLIPS_AT_MOST = 2  # derived: fewer rows than `row_span.SEPARATE`, so that flips do not hide another sample


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a certificate rests on: m live rows, b samples, arrays of NumPy.

    Attributes
    ----------
    active, inactive : array of bool, shape (m, b)
        Rows on which the sign of a pre-activation is beyond its error bar.
    zero : array of bool, shape (m, b)
        Rows on which a direction vanishes within the noise.
    possible : array of bool, shape (m, b)
        Rows on which a sample may add something: where it may be active, or, unless it is certified, where
        its direction does not vanish.
    informative : array of bool, shape (m,)
        Rows that can prove something by the samples they lie in the span of, so few that others would show.
    limits : array, shape (m,)
        Relative distance from that span that noise and rounding allow.
    tolerances : array, shape (b,)
        Width of the zero test, relative to the root mean square of the entries beyond it.
    lost : array of int, shape (b,)
        Entries of an active sample that noise may hide.
    spare : array of int, shape (b,)
        Rows that must vanish by chance for a mixture to pass the test of its kernel.
    elsewhere : tuple
        For each sample None, or the evidence of the set that it was proven in and its number there; empty
        for none.
    """

    active: Host
    inactive: Host
    zero: Host
    possible: Host
    informative: Host
    limits: Host
    tolerances: Host
    lost: Host
    spare: Host
    elsewhere: "tuple[tuple[Evidence, int] | None, ...]" = ()

    @property
    def unambiguous(self) -> Host:
        """Rows whose sign is known, shape (b,)."""
        return count(self.active | self.inactive)

    @property
    def flips(self) -> Host:
        """Of these, rows that may vanish although the sample is active, shape (b,)."""
        return to_host(allowed_flips(count(self.active)) + self.lost)

    @property
    def zeros(self) -> Host:
        """Rows that are predicted inactive and vanish, shape (b,)."""
        return count(self.inactive & self.zero)

    @property
    def judged(self) -> Host:
        """Informative rows on which a sample is active for sure, shape (m, b)."""
        return to_host(self.active & self.informative[:, None])

    @property
    def excused(self) -> Host:
        """Informative rows of a sample that need not be explained, shape (b,)."""
        return allowed_flips(count(self.possible & self.informative[:, None]))

    @property
    def shares(self) -> tuple[float, float]:
        """Share of zero entries of D, and the largest share of rows on which two columns vanish."""
        joint = self.zero.T.astype(float) @ self.zero / len(self.zero)
        joint[range(len(joint)), range(len(joint))] = 0.0
        return float(self.zero.mean()), float(joint.max())

    def take(self, order: Host) -> "Evidence":
        """The same for samples in another order."""
        columns = {
            field.name: getattr(self, field.name)[..., order]
            for field in fields(self)
            if field.name not in {"informative", "limits", "elsewhere"}
        }
        elsewhere = tuple(self.elsewhere[int(k)] for k in order) if self.elsewhere else ()
        return replace(self, elsewhere=elsewhere, **columns)


def allowed_flips(counts: Host) -> Host:
    """Rows among so many that may contradict a sample, a whole number."""
    return to_host((FLIPS * counts).clip(max=FLIPS_AT_MOST).astype(int))


def count(flags: Host) -> Host:
    """True entries of each column."""
    return to_host(flags.sum(axis=0))
