"""Enters: the gradient of the last layer of a classifier. Leaves: labels that are in the batch."""

from spear_xp.numerics.backend import Host, to_host
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["labels_of"]

BALANCED = 0.01  # chosen: the sum over classes, relative to the gradient, up to which the loss is a softmax
TINY = 1e-300  # chosen: against a division by zero
# measured: of the noise that the sums over classes show, up to which a sign is noise (lab.md, "Labels")
DEVIATIONS = 12.0
ROUNDING = 1e-6  # chosen: the same as a share of the largest entry, for sums that cancel by chance


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
        If the gradient is not that of a cross-entropy behind a softmax, or has none of the bias.

    Notes
    -----
    With cross-entropy the gradient of bias c is the mean of p_kc - [y_k = c] over the batch, and that of
    weight cj the same with the inputs a_kj as factors [1]_. Probabilities are positive: where an entry of row
    c is negative and the inputs are not, some sample has the label c. The entries of all classes add up to
    zero. Where they do not, a multiple of the weights that explains their sums is weight decay and is taken
    out; what is small is noise; otherwise the loss is another one. Labels are taken to be hard; with label
    smoothing an entry may be negative without a sample.

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
    if head.grad_b is None:
        return None
    grad_w, grad_b = _without_decay(*(to_host(one).astype(float) for one in head))
    if abs(grad_b.sum()) > BALANCED * abs(grad_b).sum():
        return None
    if ((grad_w.sum(axis=0)) ** 2).sum() > BALANCED**2 * (grad_w**2).sum():
        return None
    classes, columns = grad_w.shape
    noise = float(((grad_w.sum(axis=0)) ** 2).sum() / (classes * columns)) ** 0.5
    noise = max(noise, abs(float(grad_b.sum())) / classes**0.5)
    present = grad_b < -max(DEVIATIONS * noise, ROUNDING * abs(grad_b).max())
    if inputs_positive:
        present |= grad_w.min(axis=1) < -max(DEVIATIONS * noise, ROUNDING * abs(grad_w).max())
    return tuple(int(label) for label in present.nonzero()[0])


def _without_decay(grad_w: Host, grad_b: Host, weight: Host, bias: Host) -> tuple[Host, Host]:
    """The gradients without the multiple of the weights that their sums over classes show."""
    excess, sums = grad_w.sum(axis=0), weight.sum(axis=0)
    decay = float(excess @ sums) / max(float(sums @ sums), TINY)
    rest = grad_b - decay * bias
    smaller = abs(rest.sum()) < abs(grad_b.sum())  # not every client lets biases decay
    return grad_w - decay * weight, rest if smaller else grad_b
