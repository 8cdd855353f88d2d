"""Enters: inputs and the shape of a network. Leaves: exact gradients of its first layer.

Networks are ReLU multilayer perceptrons with a softmax cross-entropy loss, written on the array API:
what a client would send after one step on one batch.
"""

from dataclasses import dataclass
from typing import Any

from spear_xp.errors import ArgumentRangeError, ShapeError
from spear_xp.numerics.backend import Array, Host, enter, space_of
from spear_xp.numerics.random import Stream, generator, seed_of
from spear_xp.updates.network import Network

__all__ = ["LayerGradient", "gaussian_inputs", "mlp_gradient", "planted_problem"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerGradient:
    """What a server sees of the first layer, and the truth behind it.

    Attributes
    ----------
    grad_w, grad_b, weight, bias : array
        The arguments of `spear_xp.invert`, in this order.
    inputs : array, shape (b, n)
        The batch, one sample a row.
    zero_pattern : array of bool, shape (m, b)
        True where dL/dZ is exactly zero.
    """

    grad_w: Array
    grad_b: Array
    weight: Array
    bias: Array
    inputs: Array
    zero_pattern: Array

    @property
    def observed(self) -> tuple[Array, Array, Array, Array]:
        """`(grad_w, grad_b, weight, bias)`."""
        return self.grad_w, self.grad_b, self.weight, self.bias


def gaussian_inputs(batch_size: int, features: int, *, rng: Any = None) -> Host:
    """Standard normal inputs, shape (batch_size, features), float32 NumPy array.

    Parameters
    ----------
    batch_size, features : int
        Shape of the result; at least 1 each.
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7).
    """
    if batch_size < 1 or features < 1:
        msg = f"batch_size={batch_size}, features={features}: need both >= 1"
        raise ArgumentRangeError(msg)
    draws = generator(seed_of(rng), Stream.GAUSSIAN_INPUTS, 0).standard_normal((batch_size, features))
    return draws.astype("float32")


def mlp_gradient(
    inputs: Array,
    *,
    width: int = 200,
    depth: int = 2,
    classes: int = 10,
    labels: Array | None = None,
    rng: Any = None,
) -> LayerGradient:
    """Gradient of the first layer of a ReLU network at initialisation, on the given batch.

    Parameters
    ----------
    inputs : array, shape (b, n), float32 or float64
        The batch; its dtype and library are those of the whole computation.
    width : int
        Neurons m of each hidden layer, at least 2.
    depth : int
        Linear layers, at least 2: `depth - 1` hidden ReLU layers and the output layer.
    classes : int
        Outputs of the last layer, at least 2.
    labels : array of int, shape (b,), optional
        Class of each sample; random where not given.
    rng : None, int, SeedSequence or Generator
        Source of randomness for weights (uniform within 1/sqrt(fan-in)) and labels.

    Returns
    -------
    LayerGradient
        The mean gradient over the batch; arrays of the library of `inputs`.

    Raises
    ------
    ArgumentRangeError, ShapeError
        If a size is below its minimum or `inputs` is not a matrix.

    Examples
    --------
    >>> truth = mlp_gradient(gaussian_inputs(4, 20, rng=0), width=30, rng=0)
    >>> truth.grad_w.shape, truth.zero_pattern.shape
    ((30, 20), (30, 4))
    """
    for name, value, least in (("width", width, 2), ("depth", depth, 2), ("classes", classes, 2)):
        if value < least:
            msg = f"{name}={value}: need at least {least}"
            raise ArgumentRangeError(msg)
    _, arrays, leave = enter(inputs=inputs)
    x = arrays["inputs"]
    if x.ndim != 2:
        msg = f"inputs has shape {tuple(x.shape)}: need (b, n)"
        raise ShapeError(msg)
    space = space_of(x)
    xp, dtype = space.xp, x.dtype
    host = generator(seed_of(rng), Stream.NETWORK, 0)
    net = Network.drawn(space, (int(x.shape[1]), *[width] * (depth - 1), classes), host, dtype)
    drawn = host.integers(0, classes, x.shape[0])
    target = space.indices(drawn if labels is None else labels)
    _, back = net.backward(x, target)[0]
    return LayerGradient(
        grad_w=leave(back.T @ x),
        grad_b=leave(xp.sum(back, axis=0)),
        weight=leave(net.weights[0]),
        bias=leave(net.biases[0]),
        inputs=inputs,
        zero_pattern=leave(~net.active(x).T),
    )


def planted_problem(
    zero_pattern: Array, inputs: Array, *, bias_scale: float = 1.0, rng: Any = None
) -> LayerGradient:
    """Gradient D [X | 1] with a chosen zero pattern, and a layer whose ReLU has exactly that pattern.

    Parameters
    ----------
    zero_pattern : array of bool, shape (m, b)
        Entries of D that are to be zero.
    inputs : array, shape (b, n), float32 or float64
        The batch, n + 1 >= b and [X | 1] of full rank, so that a layer with this pattern exists.
    bias_scale : float
        Size of the pre-activations, positive.
    rng : None, int, SeedSequence or Generator
        Source of randomness for the nonzero entries of D and the sizes of the pre-activations.

    Returns
    -------
    LayerGradient

    Raises
    ------
    ShapeError, ArgumentRangeError
        If shapes do not fit or `bias_scale` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> x = gaussian_inputs(3, 5, rng=1).astype("float64")
    >>> planted = planted_problem(np.eye(3, dtype=bool), x, rng=1)
    >>> bool(((x @ planted.weight.T + planted.bias < 0).T == np.eye(3, dtype=bool)).all())
    True
    """
    if not bias_scale > 0:
        msg = f"bias_scale={bias_scale}: need a positive number"
        raise ArgumentRangeError(msg)
    _, arrays, leave = enter(inputs=inputs)
    x = arrays["inputs"]
    space = space_of(x)
    xp = space.xp
    m, b = zero_pattern.shape
    if x.ndim != 2 or x.shape[0] != b:
        msg = f"inputs has shape {tuple(x.shape)}: need ({b}, n), as many rows as zero_pattern has columns"
        raise ShapeError(msg)
    host = generator(seed_of(rng), Stream.PLANTED, 0)
    d = space.asarray(host.standard_normal((m, b)))
    size = space.asarray(bias_scale * (0.1 + host.random((m, b))))
    zero = xp.astype(zero_pattern, xp.bool)
    d = xp.where(zero, xp.zeros_like(d), d)
    z = xp.where(zero, -size, size)
    wide = xp.astype(x, space.dtype)
    extended = xp.concat([wide, xp.ones((b, 1), dtype=space.dtype, device=space.device)], axis=1)
    layer = z @ xp.linalg.pinv(extended).T  # [W | β] with [W | β] [x | 1]ᵀ = z
    return LayerGradient(
        grad_w=leave(xp.astype(d @ wide, x.dtype)),
        grad_b=leave(xp.astype(xp.sum(d, axis=1), x.dtype)),
        weight=leave(xp.astype(layer[:, :-1], x.dtype)),
        bias=leave(xp.astype(layer[:, -1], x.dtype)),
        inputs=inputs,
        zero_pattern=leave(zero),
    )
