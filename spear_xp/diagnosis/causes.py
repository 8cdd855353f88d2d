"""Enters: the name of what is wrong, and the number that shows it. Leaves: a `Cause` in words."""

from dataclasses import dataclass

__all__ = ["CAUSES", "Cause", "cause", "words"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with an update, or unusual about it.

    Attributes
    ----------
    name : str
        One of `CAUSES`.
    sentence : str
        What was seen.
    advice : str
        What to do about it.
    evidence : float
        The number that the sentence rests on.
    hopeless : bool
        Whether no search can succeed on this update.
    """

    name: str
    sentence: str
    advice: str
    evidence: float
    hopeless: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}; {self.advice}"


# Name: what was seen, with the evidence in braces, and what to do.
CAUSES: dict[str, tuple[str, str]] = {
    "weights for an update": (
        "grad_w is {:.3g} times weight up to a small rest: weights were given in the place of an update",
        "give the gradient, or the weights before minus those after the step",
    ),
    "transposed": (
        "{:.0%} of grad_b lies outside of the columns of grad_w, and all of it in the span of its rows",
        "give grad_w and weight with one neuron a row",
    ),
    "swapped": (
        "weight has rank {:.0f}, as a gradient has, and grad_w has full rank",
        "give the gradient first: grad_w, grad_b, weight, bias",
    ),
    "weight decay": (
        "it was taken out: {:.3g} times the weights",
        "nothing to do",
    ),
    "sign-like": (
        "the usual entry of grad_w has {:.2f} of the size of the largest per cent: signs, or a step of Adam",
        "give the gradient from before the optimiser: what this leaves of it has no low rank",
    ),
    "entries dropped": (
        "{:.1%} of the entries of live rows are zero where no input makes them so: top-k, or a mask",
        "give the whole gradient: the entries that are left do not determine the others",
    ),
    "entries completed": (
        "{:.1%} of the entries were missing or clipped; the others determine them, and they were completed",
        "nothing to do",
    ),
    "entries missing": (
        "{:.1%} of the entries are not observed, and no low rank fits the others and predicts them",
        "check `observed`; less noise, more entries or a smaller batch would tell more",
    ),
    "inputs lost": (
        "of {:.0f} columns of grad_w too little came: inputs are NaN there, directions at most are proven",
        "give more of these columns",
    ),
    "entries clipped": (
        "{:.2%} of the entries are exactly as large as the largest: single entries were clipped",
        "give the gradient before that; clipping of the whole norm would do no harm",
    ),
    "quantised": (
        "all entries are multiples of one step, {:.1f} bits of them",
        "ask for accuracy=.3, if you have not; give the step over √12 as `noise`, or the gradient before it",
    ),
    "bfloat16": (
        "entries have {:.0f} significant bits, as in bfloat16",
        "ask for accuracy=.3, if you have not, or give the gradient in float32, as it was before rounding",
    ),
    "float16": (
        "entries have {:.0f} significant bits, as in float16",
        "ask for accuracy=.3, if you have not, or give the gradient in float32, as it was before rounding",
    ),
    "float16 underflow": (
        "{:.0%} of the entries are below the smallest normal number of float16 and have lost bits",
        "scale the loss before entries are stored as float16, or send float32",
    ),
    "noise": (
        "noise is {:.1e} of a usual entry of its row: too much for a batch of this size",
        "ask for accuracy=.3, if you have not; give noise that is known as `noise`",
    ),
    "noise edge": (
        "the faintest direction of the batch is {:.1f} times as loud as noise, and a proof needs 3 times",
        "samples may leak, unproven; the search ends at a tenth of its limits, so that longer ones show more",
    ),
    "no zero pattern": (
        "no direction makes more of {:.0f} rows vanish than chance does: is there a ReLU behind this layer?",
        "check the activation, and that grad_w and weight are those of the same layer",
    ),
    "few rows": (
        "the layer has {:.1f} live rows for each sample: hardly one leaves enough of them zero",
        "audit a smaller batch, or take it that the whole batch is beyond this layer",
    ),
    "fewer samples": (
        "the gradient shows {:.0f} samples, {} were expected{}",
        "equal inputs count once; without any, check batch_size",
    ),
    "more samples": (
        "the gradient shows {:.0f} samples, {} were expected{}",
        "the update may hold more than one batch: check batch_size",
    ),
    "silent neurons": (
        "masks fit but for {:.1%} of the active entries, which vanish: dropout behind the layer, or pruning",
        "audit a step without dropout; leave neurons with no outgoing weights out of all four arrays",
    ),
    "other weights": (
        "zero patterns contradict weight and bias on {:.1%} of the rows: of another step or layer",
        "give weight and bias of the step that gave the gradient; several steps in one change masks, too",
    ),
    "bias rescaled": (
        "zero patterns fit the weights once grad_b is divided by about {:.2g}",
        "divide grad_b by that: the client treats it unlike grad_w, in learning rate or clipping",
    ),
    "no bias gradient": (
        "grad_b was not given, which holds the scale of samples: {:.0f} are proven up to that",
        "give grad_b, where the layer has a bias and it was sent",
    ),
    "scale open": (
        "masks fit samples {:.2g} times as large, too: their scale rests on grad_b alone",
        "make sure that grad_b is of the same step and treated as grad_w is; directions are proven",
    ),
}


def cause(name: str, evidence: float, *more: object, hopeless: bool = False) -> Cause:
    """A cause by name, with its number and what else its sentence speaks of.

    Examples
    --------
    >>> print(cause("bfloat16", 8))
    bfloat16: entries have 8 significant bits, as in bfloat16; ask for accuracy=.3, if you have not, or \
give the gradient in float32, as it was before rounding
    """
    sentence, advice = CAUSES[name]
    return Cause(name, sentence.format(evidence, *more), advice, float(evidence), hopeless)


def words(causes: tuple[Cause, ...]) -> str:
    """Causes as the end of an error message; empty without any."""
    return "".join(f"; {one}" for one in causes)
