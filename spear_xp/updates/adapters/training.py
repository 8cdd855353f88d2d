"""Enters: weights before and after local training. Leaves: the gradient that they amount to."""

import math
from dataclasses import dataclass
from typing import Literal

from array_api_compat import array_namespace

from spear_xp.errors import ArgumentRangeError, UpdateError
from spear_xp.numerics.backend import Array, enter

__all__ = ["ADAPTIVE", "Training", "change", "looks_like_signs"]

ADAPTIVE = (
    "adam",
    "adamw",
    "adamax",
    "nadam",
    "radam",
    "adagrad",
    "adadelta",
    "rmsprop",
    "yogi",
    "lamb",
    "lion",
)
ALIKE = 0.01  # chosen: relative difference of entries that count as equal in size
SIGNS = 0.5  # chosen: share of the entries of a step that are of its largest size, where it holds signs


@dataclass(frozen=True, slots=True)
class Training:
    """How a client trained between two states of its weights.

    Parameters
    ----------
    lr : float
        Learning rate, positive. It sets the unit of the update; the inputs that come back do not depend on
        it.
    steps : int
        Local steps, at least 1.
    optimizer : str
        "sgd", with or without momentum. Names of adaptive optimisers raise and say why.
    momentum : float
        In [0, 1).
    weight_decay : float
        At least 0. A search fits it; the number given here is only repeated in the assumptions.

    Raises
    ------
    ArgumentRangeError
        If a number lies outside of its range or the optimiser is not known.
    UpdateError
        If the optimiser is adaptive.

    Examples
    --------
    >>> Training(lr=0.1, steps=2).assumptions[0]
    'the change of the weights is that of 2 steps of SGD with lr=0.1: a sum of gradients'
    """

    lr: float
    steps: int = 1
    optimizer: Literal["sgd"] = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        name = str(self.optimizer).lower()
        if name in ADAPTIVE:
            msg = (
                f"optimizer={self.optimizer!r} scales every entry of the gradient by a factor of its own, "
                "which the weights do not tell: their change has full rank; need the gradient itself"
            )
            raise UpdateError(msg)
        if name != "sgd":
            msg = f"optimizer={self.optimizer!r}: need 'sgd', or the gradient itself"
            raise ArgumentRangeError(msg)
        ranges = (
            ("lr", self.lr, 0 < self.lr < math.inf, "a finite number > 0"),
            ("steps", self.steps, self.steps >= 1, "at least 1"),
            ("momentum", self.momentum, 0 <= self.momentum < 1, "a number in [0, 1)"),
            ("weight_decay", self.weight_decay, 0 <= self.weight_decay < math.inf, "a finite number >= 0"),
        )
        for argument, value, legal, need in ranges:
            if not legal:
                msg = f"{argument}={value}: need {need}"
                raise ArgumentRangeError(msg)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the update means, if the client trained like that."""
        many = "1 step" if self.steps == 1 else f"{self.steps} steps"
        what = "a multiple of the gradient" if self.steps == 1 else "a sum of gradients"
        said = [f"the change of the weights is that of {many} of SGD with lr={self.lr:g}: {what}"]
        if self.steps > 1:
            said.append(
                "masks may change from step to step: the certificate allows for how far the layer has moved"
            )
        if self.momentum:
            said.append(
                f"momentum={self.momentum:g} started from zero: with a buffer of earlier rounds the update "
                "holds samples of those too"
            )
        if self.weight_decay:
            said.append(
                f"weight decay {self.weight_decay:g} is in the update: a search fits it and takes it out"
            )
        return tuple(said)


def change(before: Array, after: Array, training: Training) -> Array:
    """``(before - after) / lr``, at least in float32; arrays of one shape, library and device."""
    space, arrays, leave = enter(before=before, after=after)
    xp = space.xp
    dtype = xp.result_type(arrays["before"].dtype, arrays["after"].dtype, xp.float32)
    found = xp.astype(arrays["before"], dtype) - xp.astype(arrays["after"], dtype)
    return leave(found / training.lr)


def looks_like_signs(gradient: Array) -> bool:
    """Whether most entries that are not zero have the same size, as after one step of Adam or signSGD."""
    xp = array_namespace(gradient)
    sizes = xp.abs(gradient)
    largest = float(xp.max(sizes))
    some = float(xp.sum(xp.astype(sizes > 0, sizes.dtype)))
    alike = float(xp.sum(xp.astype(sizes > (1 - ALIKE) * largest, sizes.dtype)))
    return some > 0 and alike > SIGNS * some
