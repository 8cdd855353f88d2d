"""Enters: the layers behind the one that is searched, as a caller has them. Leaves: what they send back.

A sample alone decides its column of D: the layers behind take it to the loss, and its label has few values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from spear_xp.errors import ArgumentRangeError, DtypeError, NonFiniteError, ShapeError
from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.work import calls, elementwise, product

__all__ = ["Chain", "chain_of"]

TWO = 2  # derived: labels of a single output behind a sigmoid
CALLS = 20  # chosen: about as many calls on arrays as the way to the loss and back takes


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Fully connected layers with ReLU in front of each, and the mean cross-entropy of a batch.

    Attributes
    ----------
    weights, biases : tuple of NumPy array
        In the order of the model, in double precision, or as `in_single` has them. A last layer with one
        output ends in a sigmoid.
    batch_size : int
        Samples that the loss is the mean of.
    """

    weights: tuple[Host, ...]
    biases: tuple[Host, ...]
    batch_size: int

    @property
    def labels(self) -> int:
        """Number of labels that a sample may have."""
        return max(TWO, int(self.weights[-1].shape[0]))

    @property
    def in_single(self) -> "Chain":
        """The same in single precision, as a client has them, with what rounds there."""
        parts = (self.weights, self.biases)
        with np.errstate(over="ignore"):  # what it cannot hold is infinite
            weights, biases = (tuple(one.astype("float32") for one in part) for part in parts)
        return replace(self, weights=weights, biases=biases)

    def slopes_work(self, count: int, labels: int) -> float:
        """Multiply-adds of `slopes` of so many samples, each with so many labels."""
        forth = sum(product(count, weight.shape[1], weight.shape[0]) for weight in self.weights)
        back = sum(product(count * labels, *weight.shape) for weight in self.weights[1:])
        entries = count * labels * sum(len(bias) for bias in self.biases)
        return forth + back + elementwise(entries, 2) + calls(CALLS)

    def slopes(self, hidden: Host, labels: Host | None = None) -> Host:
        """Gradient of the loss by the outputs of the first of these layers, for every label or given ones.

        Parameters
        ----------
        hidden : NumPy array, shape (k, m)
            What samples make of the layer in front, after its ReLU.
        labels : NumPy array of int, shape (k,), optional
            Of each; all of them where not given.

        Returns
        -------
        NumPy array, shape (k, labels, h), or (k, h) for given labels
            Its product with column i of the first weights is the entry of a column of D on row i.
        """
        outputs = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            hidden = hidden @ weight.T + bias
            outputs.append(hidden)
            hidden = np.maximum(hidden, 0.0)
        logits, single = outputs[-1], outputs[-1].shape[1] == 1
        if single:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        shares /= shares.sum(axis=1, keepdims=True)
        ones = np.eye(shares.shape[1], dtype=shares.dtype)
        slopes = shares[:, None, :] - (ones if labels is None else ones[labels][:, None, :])
        slopes = slopes[:, :, 1:] if single else slopes
        for weight, output in zip(self.weights[:0:-1], outputs[-2::-1], strict=True):
            slopes = (slopes @ weight) * (output > 0)[:, None, :]
        found: Host = slopes / self.batch_size
        return found if labels is None else found[:, 0, :]


def chain_of(behind: Sequence[Sequence[Any]] | None, width: int, batch_size: int | None) -> Chain | None:
    """The layers behind, checked; None where they are not given.

    Parameters
    ----------
    behind : sequence of (weight, bias), or None
    width : int
        Rows of the layer in front of them.
    batch_size : int or None
        The loss is a mean, so that nothing follows without it.

    Raises
    ------
    ArgumentRangeError
        Without a positive batch size, or where a layer is no pair.
    DtypeError
        If a part is no array of real numbers.
    ShapeError, NonFiniteError
        If the layers do not follow each other, or hold NaN or infinite entries.

    Examples
    --------
    >>> import numpy as np
    >>> chain = chain_of([(np.ones((2, 3)), np.zeros(2))], 3, batch_size=4)
    >>> chain.slopes(np.zeros((1, 3)))[0].tolist()
    [[-0.125, 0.125], [0.125, -0.125]]
    """
    if behind is None:
        return None
    if not isinstance(batch_size, Integral) or batch_size < 1:
        msg = f"behind is given with batch_size={batch_size!r}: need the size of the batch, an integer >= 1"
        raise ArgumentRangeError(msg)
    if not isinstance(behind, Sequence):
        msg = f"behind is of type {type(behind).__name__}: need a sequence of pairs (weight, bias)"
        raise ArgumentRangeError(msg)
    weights, biases = [], []
    for number, layer in enumerate(behind):
        if not isinstance(layer, Sequence) or len(layer) != TWO:
            msg = f"behind[{number}] is of type {type(layer).__name__}: need a pair (weight, bias)"
            raise ArgumentRangeError(msg)
        weight, bias = (_real(part, number) for part in layer)
        h = max(1, weight.size // max(1, width))
        if weight.shape != (h, width) or bias.shape != (h,):
            shapes = f"{weight.shape} and {bias.shape}"
            msg = f"behind[{number}] has shapes {shapes}: need (h, {width}) and (h,)"
            raise ShapeError(msg)
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            msg = f"behind[{number}] holds NaN or infinite entries: need finite values"
            raise NonFiniteError(msg)
        weights.append(weight)
        biases.append(bias)
        width = int(weight.shape[0])
    if not weights:
        msg = "behind is empty: need at least one pair (weight, bias), or None"
        raise ArgumentRangeError(msg)
    return Chain(tuple(weights), tuple(biases), int(batch_size))


def _real(part: Any, number: int) -> Host:
    """A weight or bias in double precision."""
    found = to_host(part)
    if found.dtype.kind not in "fiu":
        msg = f"behind[{number}] holds {found.dtype}: need arrays of real numbers"
        raise DtypeError(msg)
    return found.astype(float)
