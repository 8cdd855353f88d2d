"""Enters: the gradient of the last layer of a classifier. Leaves: labels that are in the batch."""

from spear_xp.numerics.backend import to_host
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["labels_of"]

BALANCED = 0.01  # chosen: the sum over classes, relative to the gradient, up to which the loss is a softmax
NEGATIVE = 1e-3  # chosen: share of the largest entry, below which a sign may be rounding


def labels_of(head: LayerUpdate, *, inputs_positive: bool) -> tuple[int, ...] | None:
    """Classes that are in the batch for certain.

    Parameters
    ----------
    head : LayerUpdate
        Update of the last layer, shape (classes, n).
    inputs_positive : bool
        Whether a ReLU stands in front of it. Then entries of its weight gradient count too, and more
        classes show.

    Returns
    -------
    tuple of int
        In ascending order; a class that is missing may be in the batch nevertheless.
    None
        If the gradient is not that of a cross-entropy behind a softmax.

    Notes
    -----
    With cross-entropy the gradient of bias c is the mean of p_kc - [y_k = c] over the batch, and that of
    weight cj the same with the inputs a_kj as factors [1]_. Probabilities are positive: where an entry of
    row c is negative and the inputs are not, some sample has the label c. The entries of all classes add up
    to zero, which is how another loss is told. Labels are taken to be hard; with label smoothing an entry
    may be negative without a sample.

    References
    ----------
    .. [1] B. Zhao, K. R. Mopuri, H. Bilen, "iDLG: Improved Deep Leakage from Gradients", 2020, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> grad_b = np.array([0.3, -0.5, 0.2])
    >>> head = LayerUpdate(grad_b[:, None] * np.ones((3, 4)), grad_b, np.zeros((3, 4)), np.zeros(3))
    >>> labels_of(head, inputs_positive=True)
    (1,)
    """
    grad_w, grad_b = (to_host(one).astype(float) for one in (head.grad_w, head.grad_b))
    if abs(grad_b.sum()) > BALANCED * abs(grad_b).sum():
        return None
    if ((grad_w.sum(axis=0)) ** 2).sum() > BALANCED**2 * (grad_w**2).sum():
        return None
    present = grad_b < -NEGATIVE * abs(grad_b).max()
    if inputs_positive:
        present |= grad_w.min(axis=1) < -NEGATIVE * abs(grad_w).max()
    return tuple(int(label) for label in present.nonzero()[0])
