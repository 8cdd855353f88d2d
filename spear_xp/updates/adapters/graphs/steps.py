"""Enters: a torch module and its weights. Leaves: for each layer, the steps in front of it, where known."""

from collections.abc import Mapping
from typing import Any

from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.updates.adapters.torch_module import DROPS, RELU, Graph, has_own_statistics, unwrapped
from spear_xp.updates.front import Affine, Dense, Front, Lookup, Relu, Standardise, Step

__all__ = ["fronts_of"]

SAME = {  # what leaves a sample as one row, with its entries in their order
    "Flatten", "Unflatten", "Identity", "flatten", "reshape", "view", "contiguous", "squeeze", "unsqueeze",
    "ravel", "to", "float", "double", "clone",
}  # fmt: skip
FLATTENS = {"Flatten", "flatten", "reshape", "view"}
NORMS = {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"}


def fronts_of(model: Any, arrays: Mapping[str, Array]) -> dict[str, Front]:
    """Steps from the data to each layer.

    Parameters
    ----------
    model : torch.nn.Module
    arrays : mapping of str to array
        Weights by name; those of the model count where one is missing, as buffers may be.

    Returns
    -------
    dict of str to tuple of Step
        By name of the layer. Layers are left out whose inputs are the data, that have something in front
        which cannot be undone, such as a convolution or a normalisation over the batch, or that more than one
        path leads to; all of them where torch.fx cannot trace the model.
    """
    from torch import fx

    model = unwrapped(model)
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception:  # noqa: BLE001  # whatever the code of the module does when it is traced
        return {}
    return _Front(model, graph, arrays).fronts()


class _Front(Graph):
    """Follows the graph of torch.fx backwards."""

    def __init__(self, model: Any, graph: Any, arrays: Mapping[str, Array]) -> None:
        super().__init__(model, graph)
        import torch

        self.torch = torch
        own = dict(model.named_buffers()) | model.state_dict()
        self.arrays = {name: one.detach() for name, one in own.items()} | dict(arrays)

    def fronts(self) -> dict[str, Front]:
        """By name of the layer.

        Numbers for each channel belong to runs of entries only once channels are flattened, or where every
        entry is a channel; otherwise it is not known which rows they belong to.
        """
        steps: dict[Any, Front | None] = {}
        channels: dict[Any, int] = {}  # that are not flattened yet
        found = {}
        for node in self.nodes:
            given = [one for one in node.all_input_nodes if one.op != "get_attr"]
            before = steps.get(given[0]) if len(given) == 1 else None
            if node.op == "placeholder":
                before = ()
            layer, open_ = self.layer(node), channels.get(given[0], 0) if len(given) == 1 else 0
            if layer is not None and self.is_dense(node):
                if layer[1] not in self.arrays or open_ not in {0, int(self.arrays[layer[1]].shape[1])}:
                    before = None
                if before:
                    found[layer[0]] = before
                open_ = 0
            if self.kind(node) == "LayerNorm":  # what is in front of it does not come back
                before = ()
            own = None if before is None else self.steps(node)
            steps[node] = None if own is None or before is None else (*before, *own)
            wide = [len(one.scale) for one in own or () if isinstance(one, Affine) and one.scale.ndim == 2]
            channels[node] = 0 if self.kind(node) in FLATTENS else (wide or [open_])[0]
        return found

    def is_dense(self, node: Any) -> bool:
        """Whether a node that has a weight is fully connected."""
        return node.op == "call_function" or self.is_linear(node.target)

    def steps(self, node: Any) -> tuple[Step, ...] | None:
        """What a node computes; None where that cannot be undone."""
        kind, layer, module = self.kind(node), self.layer(node), node.op == "call_module"
        found: tuple[Step, ...] | None = None
        if node.op in {"placeholder", "get_attr"} or kind in SAME or (kind in DROPS and self.passes(node)):
            found = ()
        elif kind in RELU:
            found = (Relu(),)
        elif layer is not None and self.is_dense(node):
            found = (Dense(self.arrays[layer[1]], self.arrays.get(layer[2])),)
        elif module and kind in NORMS:
            found = self.norm(node.target)
        elif module and kind == "LayerNorm":
            found = self.layer_norm(node.target)
        elif module and kind == "Embedding":
            found = (Lookup(self.arrays[f"{node.target}.weight"]),)
        elif not module:
            found = self.arithmetic(node, kind)
        return found

    def norm(self, name: str) -> tuple[Step, ...] | None:
        """A normalisation with statistics of its own, a number for each channel."""
        module = self.modules[name]
        if not has_own_statistics(module):
            return None
        mean, var = (self.host(f"{name}.running_{part}").reshape(-1, 1) for part in ("mean", "var"))
        scale = 1 / (var + module.eps) ** 0.5
        if not module.affine:
            return (Affine(scale, -scale * mean),)
        weight, shift = (self.host(f"{name}.{part}").reshape(-1, 1) for part in ("weight", "bias"))
        return (Affine(weight * scale, shift - weight * scale * mean),)

    def layer_norm(self, name: str) -> tuple[Step, ...]:
        """A normalisation of every row over so many entries."""
        shape, full = self.modules[name].normalized_shape, self.torch.full
        given = (
            self.arrays.get(f"{name}.{part}", full(shape, fill))
            for part, fill in (("weight", 1.0), ("bias", 0.0))
        )
        return (Standardise(*(to_host(one).astype(float).reshape(-1) for one in given)),)

    def arithmetic(self, node: Any, kind: str) -> tuple[Step, ...] | None:
        """One operation with a constant."""
        if len(node.args) != 2 or node.kwargs:
            return None
        left, right = map(self.constant, node.args)
        if left is None and right is not None:
            return _shifted(kind, right)
        if right is None and left is not None and kind in {"add", "mul"}:
            return _shifted(kind, left)
        if right is None and left is not None and kind == "sub":
            return (Affine(0 * left - 1, left),)
        return None

    def constant(self, given: Any) -> Host | None:
        """A number, one for each entry, or, from a shape such as (c, 1, 1), one for each channel."""
        if isinstance(given, int | float):
            return to_host(self.torch.as_tensor(float(given), dtype=self.torch.float64))
        if getattr(given, "op", "") != "get_attr" or str(given.target) not in self.arrays:
            return None
        value = self.host(str(given.target))
        channels = value.ndim > 1 and value.shape[-1] == 1 and value.size > 1
        return (
            value.reshape(-1, 1) if channels else value.reshape(-1) if value.size > 1 else value.reshape(())
        )

    def host(self, name: str) -> Host:
        return to_host(self.arrays[name]).astype(float)


def _shifted(kind: str, value: Host) -> tuple[Step, ...] | None:
    """One of x + value, x - value, x * value and x / value."""
    one, zero = 0 * value + 1, 0 * value
    if kind == "truediv":
        return (Affine(one / value, zero),) if value.all() else None
    steps = {"add": (one, value), "sub": (one, -value), "mul": (value, zero)}
    return (Affine(*steps[kind]),) if kind in steps else None
