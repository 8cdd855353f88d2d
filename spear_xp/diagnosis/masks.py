"""Enters: what a search has found. Leaves: why masks and zero patterns contradict each other, if they do.

A direction that vanishes on many more rows than confirm it is no mixture, whatever the layer says. If zero
patterns of such directions are no masks of the layer, the layer is to blame, not the search.
"""

from collections.abc import Callable

from spear_xp.candidates.candidate import Candidate, stacked_directions
from spear_xp.certification.certificate import Certificate
from spear_xp.certification.mask_test import count_rows
from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.classifiers import logistic
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import KeepGoing, OutOfTime, ask, forever
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import TOLERANCE, Problem

__all__ = ["ENOUGH", "OF_MASKS", "of_masks", "refuted"]

OF_MASKS = {"silent neurons", "bias rescaled", "other weights"}  # causes that this room names

ENOUGH = 4  # chosen: directions that have to contradict the layer before that is said
QUIET = 1e-4  # chosen: noise over the usual entry of a row, from which it may be what contradicts masks
MANY = 2  # chosen: times the zero rows that confirm a direction, from which it is no mixture
FEWEST, MOST = 2, 6  # chosen: directions without which nothing is said; that are looked at, sparsest first
# measured: share of rows on which masks and zero patterns differ (lab.md, "Causes")
CONTRADICTED = 0.008
REFUTED = 0.25  # chosen: the same, from which no certificate is possible
FITTING = 0.002  # chosen: the same, up to which a mask fits
LOUD = 10.0  # chosen: usual entry of a column over the zero test, below which zeros are no surprise
SILENT = 0.02  # chosen: share of entries on rows predicted active that vanish, from which neurons are silent
MOST_OF_ALL = 0.75  # chosen: share of samples that have to show it
SCALES = tuple(2.0**k for k in range(-6, 7) if k)  # chosen: of the bias gradient, 1/64 to 64
FINER = 4  # chosen: halvings of the step between these
# measured: times more zeros on active rows than the other way round, from which dropout may be the cause:
# 2.3 at least with dropout, 1.6 at most with other weights, but for quiet samples (lab.md, "Causes")
ONE_SIDED = 2
FEWER, DECISIVE = 4, 4  # chosen: times fewer contradictions of the right scale; at least so many without it


def of_masks(
    problem: Problem,
    candidates: list[Candidate],
    samples: SampleSet | None = None,
    certificate: Certificate | None = None,
    keep_going: KeepGoing = forever,
) -> tuple[Cause, ...]:
    """Silent neurons, a bias gradient of another scale, or other weights; empty where masks fit.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    candidates : list of Candidate
        All that the pool holds.
    samples, certificate : SampleSet, Certificate, optional
        The best full set, if there is one.
    keep_going : callable
        Asked on the way; nothing is named where it says no.
    """
    if problem.relative_noise > QUIET or problem.bias_is_open:
        return ()
    try:
        return _named(problem, candidates, samples, certificate, keep_going)
    except OutOfTime:
        return ()


def _named(
    problem: Problem,
    candidates: list[Candidate],
    samples: SampleSet | None,
    certificate: Certificate | None,
    keep_going: KeepGoing,
) -> tuple[Cause, ...]:
    """`of_masks` for a gradient without noise; `OutOfTime` if `keep_going` says no."""
    if samples is not None and certificate is not None:
        count = samples.count
        if certificate.certified.any():  # by masks
            return ()
        right = (certificate.kernel & certificate.error_bar_small)[:count]
        if certificate.masks[:count].all() and right.all():
            return ()
        if right.sum() >= max(FEWEST, MOST_OF_ALL * problem.rank):
            return _of_set(samples, right, keep_going)
    sparse = _sparsest(problem, candidates)
    if len(sparse) < FEWEST:
        return ()
    directions = stacked_directions(problem, sparse)
    return _of_layer(
        problem,
        directions,
        lambda scale: sum(_misfits(problem, directions, scale, keep_going=keep_going)),
        keep_going,
    )


def _sparsest(problem: Problem, candidates: list[Candidate]) -> list[Candidate]:
    """Some candidates with so many zeros that they are no mixtures."""
    least = MANY * (problem.rank + CONFIRMING)
    return sorted((c for c in candidates if c.zeros >= least), key=lambda c: -c.zeros)[:MOST]


def refuted(problem: Problem, candidates: list[Candidate]) -> tuple[Cause, ...]:
    """Other weights, where masks of the layer contradict everything that was found first.

    Quick: hyperplanes of single directions, at the scale that grad_b gives. Nothing can be certified then;
    but directions do not need the layer, and those that vanish on many rows are right.
    """
    sparse = _sparsest(problem, candidates)
    if problem.relative_noise > QUIET or len(sparse) < ENOUGH or problem.bias_is_open:
        return ()
    shown, vanished = _misfits(problem, stacked_directions(problem, sparse), 1.0, apart=False)
    share = (shown + vanished) / (problem.width * len(sparse))
    return () if share < REFUTED or ONE_SIDED * shown < vanished else (cause("other weights", share),)


def _of_set(samples: SampleSet, right: Host, keep_going: KeepGoing) -> tuple[Cause, ...]:
    """From a full set, of whose samples some directions are right: their pre-activations are exact."""
    problem, xp = samples.problem, samples.problem.space.xp
    active, total = samples.preactivations > 0, problem.width * int(right.sum())
    shown, vanished, expected = (
        count_rows(problem, rows)[: samples.count][right]
        for rows in (~active & ~samples.zero & ~samples.ambiguous, active & samples.zero, active)
    )
    if shown.sum() > FITTING * total:
        directions = xp.take(samples.directions, problem.space.indices(right.nonzero()[0]), axis=1)
        return _of_layer(
            problem,
            normalize(xp, directions),
            lambda scale: int(_contradicted(samples, scale)[right].sum()),
            keep_going,
        )
    usual = to_host(xp.sqrt(xp.mean(samples.columns**2, axis=0)) / samples.noise)[: samples.count][right]
    silent = (vanished >= SILENT * expected) & (usual > LOUD * TOLERANCE[problem.noise_model])
    if silent.mean() >= MOST_OF_ALL:
        return (cause("silent neurons", vanished.sum() / expected.sum()),)
    dead = count_rows(problem, problem.dead_layer @ samples.duals > 0)[: samples.count][right]
    every = dead.size * int(problem.dead_layer.shape[0])
    if vanished.sum() <= FITTING * total and dead.sum() > max(DECISIVE, SILENT * every):
        return (cause("silent neurons", dead.sum() / every),)
    return ()


def _contradicted(samples: SampleSet, scale: float) -> Host:
    """Rows on which the mask of a sample so many times as large contradicts its zero pattern, shape (k,)."""
    z = scale * samples.preactivations + (1 - scale) * samples.problem.layer_bias[:, None]
    shown = (z < 0) & ~samples.zero & ~samples.ambiguous
    return count_rows(samples.problem, shown | ((z > 0) & samples.zero))[: samples.count]


def _of_layer(
    problem: Problem, directions: Array, contradicted: Callable[[float], int], keep_going: KeepGoing
) -> tuple[Cause, ...]:
    """The scale of the bias gradient with hardly a contradiction, or weights that fit at no scale.

    `contradicted` gives the rows that contradict masks with samples so many times as large.
    """
    own, total = contradicted(1.0), problem.width * int(directions.shape[1])
    if own < DECISIVE:
        return ()

    def alone(scale: float) -> int:  # a false direction beside the others does not count here
        return sum(_misfits(problem, directions, scale, apart=False, keep_going=keep_going))

    shown, vanished = _misfits(problem, directions, 1.0, apart=False, keep_going=keep_going)
    for count, before in ((contradicted, own), (alone, shown + vanished)):
        scale, least = _best_scale(count, before)
        rescaled = FEWER * least <= before and least <= FITTING * total and before >= DECISIVE
        if rescaled and problem.scale == "given":
            return (cause("bias rescaled", scale),)
    one_sided = ONE_SIDED * shown < vanished  # as with dropout
    if one_sided or min(least, shown + vanished) < CONTRADICTED * total:
        return ()
    return (cause("other weights", own / total),)


def _best_scale(contradicted: Callable[[float], int], own: int) -> tuple[float, int]:
    """The scale of samples with least contradictions, and these."""
    counts = {scale: contradicted(scale) for scale in SCALES}
    best, step = min(counts, key=counts.__getitem__), SCALES[1] / SCALES[0]
    for _ in range(FINER if counts[best] < own else 0):
        step = step**0.5
        counts |= {scale: contradicted(scale) for scale in (best / step, best * step)}
        best = min(counts, key=counts.__getitem__)
    equal = [scale for scale, count in counts.items() if count == counts[best]]
    return (min(equal) * max(equal)) ** 0.5, counts[best]


def _misfits(
    problem: Problem,
    directions: Array,
    scale: float,
    *,
    apart: bool = True,
    keep_going: KeepGoing = forever,
) -> tuple[int, int]:
    """Rows not zero where the best hyperplanes say inactive, and zero where they say active.

    Apart, the hyperplane of a direction is a dual: orthogonal to all others. With c x in the place of x the
    layer acts as W x + β / c, up to a factor.
    """
    xp, count = problem.space.xp, int(directions.shape[1])
    layer = problem.layer + (1 / scale - 1) * problem.layer_bias[:, None] * problem.last[None, :]
    zero = problem.zeros_of(directions)
    sure = zero | ~problem.zeros_of(directions, widen=AMBIGUOUS_WIDTH)
    label = xp.where(zero, -xp.ones_like(zero, dtype=layer.dtype), xp.ones_like(zero, dtype=layer.dtype))
    if not apart:
        active = _classified(problem, layer, label, keep_going)
    else:
        parts = []
        for k in range(count):
            others = xp.concat([directions[:, :k], directions[:, k + 1 :]], axis=1)
            frame = xp.linalg.qr(others, mode="complete").Q[:, count - 1 :]
            parts.append(_classified(problem, layer @ frame, label[:, k : k + 1], keep_going))
        active = xp.concat(parts, axis=1)
    return _sum(problem, ~active & ~zero & sure), _sum(problem, active & zero)


def _classified(problem: Problem, features: Array, label: Array, keep_going: KeepGoing) -> Array:
    """On which side of the hyperplane that fits its labels best a row lies, shape (m_live, k)."""
    ask(keep_going)
    xp = problem.space.xp
    basis = xp.linalg.qr(features).Q * problem.width**0.5
    return basis @ logistic(xp, xp.zeros_like(label), basis, label)[0] > 0


def _sum(problem: Problem, flags: Array) -> int:
    return int(count_rows(problem, flags).sum())
