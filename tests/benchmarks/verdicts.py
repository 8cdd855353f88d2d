"""Enters: a small problem and the result of its search. Leaves: the certified samples, judged."""

from dataclasses import dataclass, replace

import numpy as np

from spear_xp import Result
from spear_xp.numerics.backend import enter
from spear_xp.reduction.gradient import checked
from tests.benchmarks.changes import Varied
from tests.helpers.networks import Floats

__all__ = ["FALSE_ABOVE", "FAR", "Judged", "fitting", "judged"]

FALSE_ABOVE = 1e-2  # relative error to the nearest true sample
FAR = 6.0  # error bars
DEPENDENT = 1e-6  # relative singular value of a batch below which its samples are dependent
BLACK = 1e-3  # of the median size of a sample: what is smaller, a black image, has no size of its own
# Twins at a relative distance t differ from one sample between them by about t² in the gradient.
TWINS = 10.0  # in units of the root of the noise
NEAR = 2.0  # error bars by which noise takes a sample off the combinations that it stands for
TOLD = 4  # entries that tell the scale of a batch, from which a certificate has to know it


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Certified samples against the truth.

    Attributes
    ----------
    relative : array
        Relative error of each certified sample to the nearest true one.
    bars : array
        Its root mean square error in error bars; rounding of the result to its own precision is no error.
    merged : array of bool
        Off by more than the accuracy or than `FAR` bars, but between two true samples that no attack can
        tell apart: they activate the same neurons, or differ by less than the noise shows. Or a
        combination of several that activate the same neurons.
    false : array of bool
        Off by more than the accuracy or `FAR` bars, and not merged; or of another label than was told.
    notes : tuple of str
        One line for each sample that is false or merged.
    """

    relative: Floats
    bars: Floats
    merged: Floats
    false: Floats
    notes: tuple[str, ...]


def judged(problem: Varied, result: Result, accuracy: float = FALSE_ABOVE) -> Judged:
    """Compare the certified samples with the truth; `accuracy` is what `invert` was asked for.

    Without a bias gradient those that are certified up to their scale, in the size that fits best. A bias
    gradient times f is that of a batch times 1/f: it is merged where hardly a row tells that one.
    """
    return _labels_judged(problem, result, _sizes_judged(problem, result, accuracy), accuracy)


def _sizes_judged(problem: Varied, result: Result, accuracy: float) -> Judged:
    found = _judged(problem, result, accuracy)
    if problem.bias_factor == 1 or not found.false.any():
        return found
    other = replace(problem, inputs=problem.inputs / problem.bias_factor)
    rows = _telling(problem, other, result)
    if rows >= TOLD:
        return found
    alike = found.false & ~_judged(other, result, accuracy).false
    note = f"merged: {alike.sum()} of a batch {1 / problem.bias_factor:.3g} times as large; {rows} rows tell"
    off = np.flatnonzero(found.false | found.merged)
    notes = [text for k, text in zip(off, found.notes, strict=True) if not alike[k]]
    return replace(found, merged=found.merged | alike, false=found.false & ~alike, notes=(note, *notes))


def _labels_judged(problem: Varied, result: Result, found: Judged, accuracy: float) -> Judged:
    """The same with what was told of labels: one of the true samples there has to have it."""
    if result.labels is None or problem.labels is None:
        return found
    sure = np.asarray(result.certified if _scaled(problem) else result.direction_certified, dtype=bool)
    true, samples = np.asarray(problem.inputs, dtype=float), _returned(problem, result)[sure]
    distance = np.linalg.norm(samples[:, None] - true[None], axis=2)
    near = distance <= np.maximum(accuracy * np.linalg.norm(true, axis=1), distance.min(axis=1)[:, None])
    told = np.asarray(result.labels)[sure]
    right = (near & (told[:, None] == problem.labels)).any(axis=1)
    wrong = (told >= 0) & ~right & ~found.merged & ~found.false
    notes = tuple(f"FALSE: label {label}" for label in told[wrong])
    return replace(found, false=found.false | wrong, notes=(*found.notes, *notes))


def _telling(problem: Varied, other: Varied, result: Result) -> int:
    """Entries that tell certified samples of one batch from those of another."""
    sure = np.asarray(result.inputs, dtype=float)[np.asarray(result.certified, dtype=bool)]
    true = np.asarray(problem.inputs, dtype=float)
    nearest = (sure @ true.T / np.maximum(np.linalg.norm(true, axis=1), 1e-300)).argmax(axis=1)
    return int((masks(problem) != masks(other))[nearest].sum())


def _judged(problem: Varied, result: Result, accuracy: float) -> Judged:
    sure = np.asarray(result.certified if _scaled(problem) else result.direction_certified, dtype=bool)
    true, found = np.asarray(problem.inputs, dtype=float), _returned(problem, result)[sure]
    factors = np.ones(len(found)) if _scaled(problem) else fitting(found, true)
    found = factors[:, None] * found
    distance = np.linalg.norm(found[:, None] - true[None], axis=2)
    sizes, eps = np.linalg.norm(true, axis=1), float(np.finfo(result.inputs.dtype).eps)
    # Where all images are black nothing shows below the rounding unit of the bias coordinate, which is 1.
    sizes = np.maximum(sizes, BLACK * np.median(sizes) + eps)
    relative = (distance / sizes).min(axis=1)
    rounding = eps * np.abs(found).max(axis=1, initial=0.0)
    rms = np.maximum(distance.min(axis=1) / true.shape[1] ** 0.5 - rounding, 0.0)
    bars = rms / np.maximum(factors * np.asarray(result.error_bars, dtype=float)[sure], 1e-300)
    off = ~((relative <= accuracy) & (bars <= FAR))
    merged, notes = np.zeros_like(off), []
    for k in np.flatnonzero(off):
        bar = factors[k] * float(np.asarray(result.error_bars)[sure][k]) * true.shape[1] ** 0.5
        merged[k], note = twins_around(problem, result, found[k], distance[k], NEAR * bar)
        kind = "merged" if merged[k] else "FALSE"
        notes.append(f"{kind}: relative error {relative[k]:.1e}, {bars[k]:.3g} bars; {note}")
    return Judged(relative, bars, merged, off & ~merged, tuple(notes))


def _returned(problem: Varied, result: Result) -> Floats:
    """Inputs of a result; those that are not determined cannot be wrong: they are of the nearest sample."""
    true, found = np.asarray(problem.inputs, dtype=float), np.array(result.inputs, dtype=float)
    told = np.isfinite(found).all(axis=0)
    if not told.all():
        nearest, factors = _fit(found[:, told], true[:, told])
        found[:, ~told] = true[nearest][:, ~told] / factors[:, None]
    return found


def _scaled(problem: Varied) -> bool:
    return problem.grad_b is not None


def fitting(found: Floats, true: Floats) -> Floats:
    """Positive factor of each sample that takes it next to the true one of the nearest direction."""
    return _fit(found, true)[1]


def _fit(found: Floats, true: Floats) -> tuple[Floats, Floats]:
    inner = found @ true.T
    nearest = (inner / np.maximum(np.linalg.norm(true, axis=1), 1e-300)).argmax(axis=1)
    best = inner[np.arange(len(found)), nearest] / np.maximum((found**2).sum(axis=1), 1e-300)
    return nearest, np.maximum(best, 1e-300)


def twins_around(
    problem: Varied, result: Result, sample: Floats, distance: Floats, noise: float = 0.0
) -> tuple[bool, str]:
    """Whether a sample lies between the two true ones next to it, and those cannot be told apart.

    Or, up to its own noise, among several that activate the same neurons.
    """
    if len(distance) < 2:
        return False, "a batch of one"
    i, j = np.argsort(distance)[:2]
    true = np.asarray(problem.inputs, dtype=float)
    along = true[j] - true[i]
    share = float(along @ (sample - true[i]) / max(float(along @ along), 1e-300))
    off = float(np.linalg.norm(sample - true[i] - np.clip(share, 0, 1) * along))
    size = float(np.linalg.norm(true[i]))
    apart = float(np.linalg.norm(along))
    active = masks(problem)[[i, j]]
    differ = int((active[0] != active[1]).sum())
    alike = not differ or apart <= TWINS * result.trace.noise_level**0.5 * size
    scale = float(sample @ true[i]) / max(size**2, 1e-300)
    size = max(size, 1e-300)
    note = (
        f"{share:.2f} of the way from {i} to {j}, {off / size:.1e} off it; they are {apart / size:.1e} "
        f"apart and {differ} rows tell them; {scale:.3f} times sample {i}"
    )
    if alike and off <= FALSE_ABOVE * size:
        return True, note
    return stands_for_a_group(problem, sample, int(i), noise), note


def masks(problem: Varied) -> Floats:
    """Active neurons of each sample, without those whose gradient has no digits next to the others.

    Behind an outgoing weight of 1e-8 a neuron tells samples apart by a row of 1e-9 of the size of the others.
    """
    gradient = checked(*enter(**problem.update.arrays)[:2])
    shown = np.union1d(np.asarray(gradient.live), np.asarray(gradient.dead))
    true = np.asarray(problem.inputs, dtype=float)
    weight, bias = problem.layer or (problem.weight, problem.bias)
    return (true @ weight.T + bias > 0)[:, shown]


def stands_for_a_group(problem: Varied, sample: Floats, nearest: int, noise: float = 0.0) -> bool:
    """Whether a sample is an affine combination of true ones that another batch could replace.

    Samples that activate the same neurons as the nearest: with one or two classes their columns of D are
    proportional, and the gradient *is* that of a smaller batch that holds the combination; labels that
    differ give it weights of both signs. Or samples of which one is an affine combination of others: the
    gradient has less rank than the batch has samples, and its parts can be shared out differently. Without
    a bias gradient linear combinations count, too. More samples than dimensions depend on each other anyway,
    and every point is a combination of them: there only one mask excuses.
    """
    true = np.asarray(problem.inputs, dtype=float)
    active = masks(problem)
    same = (active == active[nearest]).all(axis=1)
    extended = np.column_stack([true, np.ones(len(true))]) if _scaled(problem) else true
    left, values, _ = np.linalg.svd(extended)
    null = left[:, int((values > DEPENDENT * values[0]).sum()) :]
    dependent = (abs(null) > DEPENDENT).any(axis=1) & (len(true) <= extended.shape[1])
    origin = [] if _scaled(problem) else [np.zeros_like(sample)]  # lines through it are combinations, too
    groups = ((true[same], noise), (true[dependent & dependent[nearest]], 0.0))
    return any(_in_hull(np.array([*origin, *group]), sample, own) for group, own in groups if len(group) > 1)


def _in_hull(group: Floats, sample: Floats, noise: float) -> bool:
    """Whether a sample is an affine combination of a group, up to noise."""
    steps = (group[1:] - group[0]).T
    weights = np.linalg.lstsq(steps, sample - group[0], rcond=None)[0]
    rest = np.linalg.norm(group[0] + steps @ weights - sample)
    return bool(rest <= max(noise, FALSE_ABOVE * np.linalg.norm(sample)))
