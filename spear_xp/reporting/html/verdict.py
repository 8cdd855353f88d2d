"""Enters: a result. Leaves: what the update reveals, in one sentence, and how grave that is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from spear_xp.numerics.backend import to_host
from spear_xp.solver.result import Result, Status

__all__ = ["RECOGNISABLE", "tone_of", "verdict_of"]

RECOGNISABLE = 20.0  # chosen: decibels from which an image shows what it is of
NOTHING: Mapping[int, float] = MappingProxyType({})


def verdict_of(result: Result, measured: Mapping[int, float] = NOTHING) -> str:
    """What the update reveals, in one sentence.

    Parameters
    ----------
    result : Result
        What `spear_xp.invert` has returned.
    measured : mapping of int to float
        PSNR against the truth, where that is known, by number of the sample.
    """
    whole, stopped = result.batch_size, result.status in {Status.TIME_LIMIT, Status.INTERRUPTED}
    if whole is None and stopped and not len(result.inputs):
        return "The search ended before it had read the update: nothing is known of the batch."
    batch = "batch" if whole is None else f"batch of {whole}"
    if result.trace.features:
        batch += ", as features of a deeper layer"
    if result.success:
        return f"This update gives away its whole {batch}: every sample is recovered and certified."
    count, directions = (
        int(to_host(flags).sum()) for flags in (result.certified, result.direction_certified)
    )
    others = "how many there are in all it does not tell" if whole is None else "the others are not proven"
    if count:
        return f"This update gives away {_samples(count)} of its {batch}, certified; {others}."
    if directions:
        return (
            f"This update gives away {_samples(directions)} of its {batch}, up to their scale: "
            "what they look like, not how large they are."
        )
    return _unproven(result, batch, measured)


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count} samples"


def _unproven(result: Result, batch: str, measured: Mapping[int, float]) -> str:
    close = _recognisable(measured)
    if close:
        return (
            f"Nothing is certified, and yet {_samples(close)} of the {batch} came back: "
            f"against the original {RECOGNISABLE:.0f} dB or more."
        )
    if not measured and len(result.inputs):
        return (
            f"Nothing is certified, and yet {_samples(len(result.inputs))} of the {batch} came back without "
            "a proof: they may be right, so look at them before you call this update safe."
        )
    if result.status is Status.HOPELESS:
        return f"This search cannot recover the {batch} from this update; that does not show it to be safe."
    return f"This search proved nothing about the {batch}; that does not show that the update is safe."


def tone_of(
    result: Result, measured: Mapping[int, float] = NOTHING
) -> Literal["revealed", "partly", "unproven"]:
    """How much is given away; arguments as above."""
    if result.success:
        return "revealed"
    known = to_host(result.direction_certified).any()  # all that are certified are among these
    seen = _recognisable(measured) if measured else len(result.inputs)
    return "partly" if known or seen else "unproven"


def _recognisable(measured: Mapping[int, float]) -> int:
    return sum(psnr >= RECOGNISABLE for psnr in measured.values())
