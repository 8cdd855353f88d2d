"""Enters: what is known of the update of one layer. Leaves: a `LayerUpdate`, which `invert` takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import Array

__all__ = ["LayerUpdate"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerUpdate:
    """Gradient of a fully connected ReLU layer, or what stands for it, and what is known beside it.

    Iterates as the four arrays that `spear_xp.invert` needs, so that ``invert(*update)`` works;
    ``invert(update)`` uses everything.

    Attributes
    ----------
    grad_w, grad_b : array, shape (m, n) and (m,), real floating-point
        dL/dW and dL/dβ, or a multiple of both, such as the change of the weights over some steps. grad_b is
        None where it was not sent: samples are then proven up to their scale.
    weight, bias : array, shape (m, n) and (m,)
        W and β before the step; bias is None, and grad_b as well, where the layer has none.
    weight_after, bias_after : array of the same shapes, optional
        W and β after all steps of the update; `weight_after` alone where the layer has no bias.
    noise : float or array, shape (m, 1) or (m, n), optional
        Standard deviation of the error of an entry of grad_w, in its units, where it is known: added noise, a
        quantisation step, the rounding of a difference of weights (`spear_xp.updates.noise_models`).
    observed : array of bool, shape (m, n) or (m, n + 1), optional
        True where an entry of grad_w is as the client computed it; False where it was dropped, masked or
        clipped, whatever stands there. A last column beyond those of grad_w stands for grad_b; without it,
        all of grad_b is as it was.
    feature_kinds : sequence of str, length n, optional
        "real", "integer" or "one-hot:GROUP" of each input, as for `spear_xp.invert`.
    name : str
        Name of the layer.
    assumptions : tuple of str
        What was taken for granted when the update was read.
    features : str
        What stands between the data and this layer, such as "behind Conv2d 'conv1'"; empty where its inputs
        are the data.

    Examples
    --------
    >>> import numpy as np
    >>> update = LayerUpdate(np.eye(3), np.ones(3), np.zeros((3, 3)), np.zeros(3), name="fc1")
    >>> [array.shape for array in update]
    [(3, 3), (3,), (3, 3), (3,)]
    """

    grad_w: Array
    grad_b: Array
    weight: Array
    bias: Array = None
    weight_after: Array = None
    bias_after: Array = None
    noise: Array = None
    observed: Array = None
    feature_kinds: Sequence[str] | None = None
    name: str = ""
    assumptions: tuple[str, ...] = ()
    features: str = ""

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays by name, less those that are not known.

        Raises
        ------
        ArgumentRangeError
            If one of `weight_after` and `bias_after` is known alone, or what belongs to a bias without that.
        """
        after = {"weight_after": self.weight_after, "bias_after": self.bias_after}
        four = dict(zip(("grad_w", "grad_b", "weight", "bias"), self, strict=True))
        optional = {"grad_b", "bias", *after}
        known = {name: one for name, one in (four | after).items() if not (one is None and name in optional)}
        if "bias" in known:
            if len(after.keys() & known) == 1:
                alone = next(iter(after.keys() & known))
                msg = f"{alone} is given alone: need both weight_after and bias_after, or neither"
                raise ArgumentRangeError(msg)
            return known
        for name in ("grad_b", "bias_after"):
            if name in known:
                msg = f"{name} is given without bias: need both, or neither for a layer without a bias"
                raise ArgumentRangeError(msg)
        return known

    def __iter__(self) -> Iterator[Array]:
        return iter((self.grad_w, self.grad_b, self.weight, self.bias))
