"""Enters: a `Gradient` and its factorisation, before any search. Leaves: causes that the arrays show."""

from dataclasses import replace

import numpy as np

from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.diagnosis.entries import of_entries, sample_of
from spear_xp.diagnosis.missing import HIDING
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import Array, Host, Namespace
from spear_xp.numerics.random import Stream, generator
from spear_xp.reduction.completion.complete import Completion
from spear_xp.reduction.decay import Decay
from spear_xp.reduction.factorization import Factorization
from spear_xp.reduction.gradient import Gradient

__all__ = ["LOUD", "SPOILING", "drowned", "of_arrays", "too_few_rows"]

SPOILING = {
    "inputs lost",
    *("sign-like", "entries dropped", "entries clipped"),
    *("quantised", "bfloat16", "float16", "float16 underflow"),
}  # causes of noise, and of a rank that is none

LOUD = 1e-4  # chosen: noise over the usual entry of a row, from which zeros at random are no inputs
FEW = 2**14  # cosmetic: entries that show whether an update and weights are the same
WEIGHTS = 0.95  # chosen: cosine of update and weights, from which the one is the other
SIGNS = 0.1  # measured: noise from which nothing comes back of signs (lab.md, "Missing entries")
# measured: samples of binary inputs that may leave entries of one size (lab.md, "Signs of low rank")
BINARY = 4
WIDE = 4  # chosen: rows for each sample, below which a rank of what was done to the entries leaves nothing
ALIKE = 2.0  # chosen: factor between them up to which it is no decay
LOWER = 2  # chosen: times less rank that a gradient has than weights
SMALL = 1e-9  # chosen: relative eigenvalue below which there is none; float32 leaves 1e-13 of a low rank
SPARE = 8  # chosen: columns of the sketch beyond the rank
OUTSIDE, INSIDE = 0.1, 0.01  # chosen: share of grad_b beyond the columns of grad_w; of its rows


def of_arrays(
    gradient: Gradient,
    factorization: Factorization | None = None,
    decay: Decay | None = None,
    completion: Completion | None = None,
    entries: tuple[Cause, ...] | None = None,
) -> tuple[Cause, ...]:
    """Causes that do not need a search.

    Parameters
    ----------
    gradient : Gradient
        As the caller gave it, checked.
    factorization : Factorization, optional
        Of it; none where no low rank was found.
    decay : Decay, optional
        What was taken out of it.
    completion : Completion, optional
        Of it, where missing entries were completed: then it and its factorisation are those of that.
    entries : tuple of Cause, optional
        What its entries show, where that is known.

    Returns
    -------
    tuple of Cause
        One that is hopeless stands first.
    """
    alike = _likeness(gradient)
    if alike is not None:
        return (cause("weights for an update", alike),)
    found = _transposed(gradient, factorization)
    if found is not None:
        return (found,)
    causes: tuple[Cause, ...] = ()
    if decay is not None and decay.of_weight:
        causes = (cause("weight decay", decay.of_weight),)
    noise = 1.0 if factorization is None else factorization.noise_level * gradient.columns**0.5
    if entries is None:
        entries = of_entries(gradient, noisy=noise > LOUD)
    if completion is not None:
        causes += (cause("entries completed", 1 - completion.share),)
        if gradient.lost is not None:
            causes += (cause("inputs lost", int(gradient.lost.shape[0])),)
        entries = tuple(one for one in entries if one.name not in HIDING)
    causes += entries
    if factorization is None:
        return (*_swapped(gradient), *causes)
    causes = (*_unexpected(factorization), *causes)
    few = too_few_rows(int(gradient.live.shape[0]), factorization.rank)
    spoiled = factorization.rank > BINARY or drowned(gradient, factorization, SIGNS)
    for k, one in enumerate(causes):  # the rank is that of what was done to the entries
        if one.name in SPOILING if few is not None else one.name == "sign-like" and spoiled:
            return (replace(one, hopeless=True), *causes[:k], *causes[k + 1 :])
    return causes if few is None else (few, *causes)


def drowned(gradient: Gradient, factorization: Factorization, most: float) -> bool:
    """Whether there is more noise than so much of a usual entry, or too high a rank for any search."""
    noise = factorization.noise_level * gradient.columns**0.5
    return noise > most or WIDE * factorization.rank > int(gradient.live.shape[0])


def too_few_rows(width: int, rank: int) -> Cause | None:
    """Where no direction can vanish on as many rows as confirm one, a search finds none.

    A single sample needs no search.
    """
    if rank == 1 or width > rank + CONFIRMING:
        return None
    return cause("few rows", width / rank, hopeless=True)


def _unexpected(factorization: Factorization) -> tuple[Cause, ...]:
    """A batch size that is not the rank."""
    expected, rank = factorization.expected, factorization.numerical_rank
    if expected in {None, rank}:
        return ()
    used = "" if factorization.rank == rank else "; the given number was used"
    return (cause("fewer samples" if rank < expected else "more samples", rank, expected, used),)


def _likeness(gradient: Gradient) -> float | None:
    """The factor between grad_w and weight, if they are the same up to that and a small rest."""
    update, layer = (sample_of(gradient, matrix, FEW) for matrix in (gradient.grad_w, gradient.weight))
    inner, squares, weights = ((a * b).sum() for a, b in ((update, layer), (update, update), (layer, layer)))
    if not inner or abs(inner) < WEIGHTS * (squares * weights) ** 0.5:
        return None
    factor = float(inner / weights)
    return factor if 1 / ALIKE < abs(factor) < ALIKE else None


def _swapped(gradient: Gradient) -> tuple[Cause, ...]:
    """Whether weight has the low rank that grad_w lacks."""
    update, layer = (_rank(sample_of(gradient, one, FEW)) for one in (gradient.grad_w, gradient.weight))
    return (cause("swapped", layer, hopeless=True),) if LOWER * layer <= update else ()


def _rank(part: Host) -> int:
    """Numerical rank of some columns."""
    left = part.T @ part if part.shape[0] > part.shape[1] else part @ part.T
    return int(np.linalg.matrix_rank(left, tol=SMALL * np.linalg.norm(left)))


def _transposed(gradient: Gradient, factorization: Factorization | None) -> Cause | None:
    """Whether grad_b = D 1 belongs to the rows of grad_w = D X, where it belongs to its columns."""
    xp, (m, n) = gradient.space.xp, gradient.grad_w.shape
    if m != n or not gradient.scaled or factorization is None or factorization.rank + SPARE >= m:
        return None
    matrix = xp.astype(gradient.grad_w, gradient.space.dtype)
    drawn = gradient.space.normal(generator(0, Stream.SKETCH, 1), (n, factorization.rank + SPARE))
    column = xp.astype(gradient.grad_b, gradient.space.dtype)
    outside = _beyond(xp, matrix @ drawn, column)
    inside = _beyond(xp, matrix.T @ drawn, column)
    if outside < OUTSIDE or inside > INSIDE:
        return None
    return cause("transposed", outside, hopeless=True)


def _beyond(xp: Namespace, spanning: Array, vector: Array) -> float:
    """Relative length of what a vector has beyond the span of columns."""
    basis = xp.linalg.qr(spanning).Q
    rest = vector - basis @ (basis.T @ vector)
    return float(xp.linalg.vector_norm(rest) / xp.linalg.vector_norm(vector))
