"""Enters: a torch module. Leaves: its arrays and gradients by name, and a `Place` for each layer.

A place tells what stands in front of a layer and whether a ReLU follows. The graph is that of torch.fx,
where it can trace the module; otherwise the modules count in the order in which they are defined.
"""

import sys
from collections import Counter
from typing import Any

from spear_xp.errors import UpdateError
from spear_xp.numerics.backend import Array
from spear_xp.updates.adapters.places import LAST, Place

__all__ = [
    "COMPUTED",
    "DROPS",
    "FOLD",
    "NO_ZERO",
    "OTHER",
    "RELU",
    "Graph",
    "Named",
    "gradients",
    "has_own_statistics",
    "is_module",
    "names",
    "places_of_module",
    "unwrapped",
    "weights",
]

WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}
OTHER = "no fully connected layer"
COMPUTED = "its weight is computed from other parameters"
NO_ZERO = "not a ReLU: no entry of its gradient is zero"
FOLD = (
    "with statistics of its own: call invert with weights that hold it, as of "
    "torch.nn.utils.fusion.fuse_linear_bn_weights"
)
CLOSED = "torch.fx does not open it: need example=, an input of the model, for what is inside"
RELU = {"ReLU", "relu", "relu_"}
PASSES = {  # what hands on every entry, wherever it puts it
    "Flatten", "Unflatten", "Identity", "flatten", "reshape", "view", "contiguous", "squeeze", "unsqueeze",
    "ravel", "to", "float", "double", "cat", "clone", "getitem", "size", "getattr", "dim",
}  # fmt: skip
SHAPES = {"size", "getattr", "dim"}  # what reads no entry
SHIFTS = {"add", "sub", "mul", "truediv", "neg"}  # with constants alone, as where data are standardised
DROPS = {"Dropout", "AlphaDropout", "FeatureAlphaDropout", "Dropout1d", "dropout"}


def is_module(source: Any) -> bool:
    """Whether something is a torch module; torch is not imported for the question."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def unwrapped(model: Any) -> Any:
    """A module without what runs it on several devices or compiles it."""
    while type(model).__name__ in WRAPPERS:
        model = getattr(model, WRAPPERS[type(model).__name__])
    return model


def names(model: Any) -> list[str]:
    """Names of all arrays of a state dict, in its order: what a list of its arrays is named by."""
    return list(unwrapped(model).state_dict())


def weights(model: Any) -> dict[str, Array]:
    """Parameters by name, as they are now; those that share memory under each of their names."""
    return {name: p.detach() for name, p in unwrapped(model).named_parameters(remove_duplicate=False)}


def gradients(model: Any) -> dict[str, Array]:
    """Gradients by name; parameters without one are left out.

    Raises
    ------
    UpdateError
        If no parameter has a gradient.
    """
    named = unwrapped(model).named_parameters(remove_duplicate=False)
    found = {name: p.grad.detach() for name, p in named if p.grad is not None}
    if not found:
        msg = "no parameter of the model has a gradient: need a call of backward() first"
        raise UpdateError(msg)
    return found


def places_of_module(model: Any) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Layers of a module, and what had to be assumed.

    Parameters
    ----------
    model : torch.nn.Module

    Returns
    -------
    places : tuple of Place
        Every module with a weight, in the order in which they run.
    assumptions : tuple of str
    """
    from torch import fx

    model = unwrapped(model)
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception as error:  # noqa: BLE001  # whatever the code of the module does when it is traced
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        order = (
            f"torch.fx cannot trace the model ({why}): its layers count in the order of their definition, "
            "with a ReLU between two of them; with example=, an input of the model, nothing is assumed"
        )
        return _Order(model).places(), (order,)
    return Graph(model, graph).places(), ()


def has_own_statistics(module: Any) -> bool:
    """Whether a module normalises with numbers that do not hang on the batch."""
    running = getattr(module, "running_mean", None)
    return running is not None and not module.training and "BatchNorm" in type(module).__name__


class Named:
    """Modules and parameters of a model by name."""

    def __init__(self, model: Any) -> None:
        self.modules = dict(model.named_modules())
        self.parameters = dict(model.named_parameters(remove_duplicate=False))
        self.uses = Counter(id(parameter) for parameter in self.parameters.values())

    def weight(self, module: str) -> str:
        """Name of the weight of a module, or of its first parameter; empty where it has none."""
        if getattr(self.modules[module], "weight", None) is not None:
            return f"{module}.weight"
        return next((name for name in self.parameters if name.startswith(f"{module}.")), "")

    def is_linear(self, module: str) -> bool:
        """Whether a module is fully connected, or derived from one that is."""
        return any(one.__name__ == "Linear" for one in type(self.modules[module]).__mro__)

    def bias(self, name: str) -> str:
        """Name of the bias of a module; empty where it has none."""
        owned = getattr(self.modules[name], "bias", None) is not None
        return f"{name}.bias" if owned else ""

    def place(self, layer: str, weight: str, bias: str, reason: str, features: str, calls: int = 1) -> Place:
        """Place of a layer; what its parameters say goes before what stands behind it."""
        name = layer or "the model"
        if reason.endswith((OTHER, CLOSED)):
            return Place(name, weight, bias, reason, features)
        if weight not in self.parameters:
            reason = COMPUTED
        elif bias and bias not in self.parameters:
            reason = "its bias is computed from other parameters"
        elif calls > 1 or self.uses[id(self.parameters[weight])] > 1:
            reason = "tied: its weight is used more than once, and the gradients of all uses are added"
        elif not self.parameters[weight].requires_grad:
            reason = "frozen: it is not trained"
        return Place(name, weight, bias, reason, features)


class Graph(Named):
    """Follows the graph of torch.fx."""

    def __init__(self, model: Any, graph: Any) -> None:
        super().__init__(model)
        self.nodes = list(graph.nodes)
        self.calls = Counter(found[1] for found in map(self.layer, self.nodes) if found)

    def kind(self, node: Any) -> str:
        """Class of a module, or name of a function or method."""
        if node.op == "call_module":
            return type(self.modules[node.target]).__name__
        return str(node.target if node.op == "call_method" else getattr(node.target, "__name__", node.target))

    def layer(self, node: Any) -> tuple[str, str, str] | None:
        """Name, weight and bias of what has a weight."""
        if node.op == "call_module":
            weight = self.weight(node.target)
            return (node.target, weight, self.bias(node.target)) if weight else None
        if node.op == "call_function" and self.kind(node) == "linear":
            given = [*node.args, node.kwargs.get("weight"), node.kwargs.get("bias")][1:]
            names = [str(one.target) for one in given if getattr(one, "op", "") == "get_attr"]
            if names:
                return names[0].rpartition(".")[0], names[0], names[1] if len(names) > 1 else ""
        return None

    def passes(self, node: Any) -> bool:
        """Whether a node hands on every entry."""
        kind = self.kind(node)
        if kind in DROPS:
            module = self.modules.get(node.target)
            return module is not None and (not module.training or module.p == 0)
        tensors = [one for one in node.all_input_nodes if one.op != "get_attr"]
        return kind in PASSES or (kind in SHIFTS and len(tensors) == 1)

    def places(self) -> tuple[Place, ...]:
        """In the order of the graph."""
        before: dict[Any, str] = {}
        found = []
        for node in self.nodes:
            behind = next((before[one] for one in node.all_input_nodes if before.get(one)), "")
            layer = self.layer(node)
            if node.op in {"placeholder", "get_attr", "output"} or self.passes(node):
                before[node] = behind
            elif layer is not None:
                before[node] = f"behind {self.kind(node)} '{layer[0]}'"
                linear = node.op == "call_function" or self.is_linear(node.target)
                reason = self.what_follows(node) if linear else f"{self.kind(node)}: {self.why_not(node)}"
                found.append(self.place(*layer, reason, behind, self.calls[layer[1]]))
            else:
                before[node] = behind or f"behind {self.kind(node)}"
        return tuple(found)

    def why_not(self, node: Any) -> str:
        """Why a module that is not fully connected is not searched."""
        inside = [name for name in self.modules if name.startswith(f"{node.target}.")]
        return CLOSED if any(map(self.is_linear, inside)) else OTHER

    def what_follows(self, node: Any) -> str:
        """Why no ReLU follows alone; empty where one does."""
        users = [user for user in node.users if self.kind(user) not in SHAPES]
        if not users:
            return "nothing uses its output"
        for user in users:
            if user.op == "output":
                return LAST
            if self.kind(user) in PASSES | DROPS:
                reason = self.what_follows(user)
                if reason:
                    return reason
            elif self.kind(user) not in RELU:
                frozen = has_own_statistics(self.modules.get(user.target))
                return f"{self.kind(user)} follows it, {FOLD if frozen else NO_ZERO}"
        return ""


class _Order(Named):
    """Takes modules in the order of their definition."""

    def places(self) -> tuple[Place, ...]:
        """Every module with a weight."""
        leaves = [name for name, one in self.modules.items() if not list(one.children())]
        kinds = [type(self.modules[name]).__name__ for name in leaves]
        found, behind = [], ""
        for k, name in enumerate(leaves):
            weight = self.weight(name)
            if weight:
                rest = (j for j in range(k + 1, len(leaves)) if kinds[j] not in PASSES | DROPS)
                after = next(rest, None)
                if not self.is_linear(name):
                    reason = f"{kinds[k]}: {OTHER}"
                elif after is None:
                    reason = LAST
                elif kinds[after] in RELU or self.is_linear(leaves[after]):
                    reason = ""  # between two layers the activation is a function
                else:
                    reason = f"{kinds[after]} is defined after it, not a ReLU"
                found.append(self.place(name, weight, self.bias(name), reason, behind))
                behind = f"behind {kinds[k]} '{name}'"
            elif kinds[k] not in PASSES:
                behind = behind or f"behind {kinds[k]}"
        return tuple(found)
