"""Enters: a torch module and an example input. Leaves: a `Place` for each layer that it runs through.

The graph that autograd records is what was computed, however the module is written: functions, methods,
branches that hang on data, and what is inside of modules that torch.fx does not open.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters.places import LAST, Place
from spear_xp.updates.adapters.torch_module import (
    COMPUTED,
    FOLD,
    NO_ZERO,
    OTHER,
    Named,
    has_own_statistics,
    unwrapped,
)

__all__ = ["places_of_run"]

LINEAR = {"Addmm", "Mm"}
PASSES = {  # what hands on every entry, wherever it puts it
    "Alias", "AsStrided", "Cat", "Clone", "Expand", "Permute", "ReshapeAlias", "Select", "Slice", "Split",
    "Squeeze", "Stack", "T", "ToCopy", "Transpose", "UnsafeView", "Unsqueeze", "View",
}  # fmt: skip
SHIFTS = {"Add", "Sub", "Rsub", "Mul", "Div", "Neg"}  # with constants or parameters alone


def places_of_run(model: Any, example: Any) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Layers of a module, as an example input runs through them.

    Parameters
    ----------
    model : torch.nn.Module
        It is run once, and neither its parameters and buffers nor the random numbers of the CPU change.
    example : tensor or array, or a tuple or mapping of them
        What the module is called with.

    Returns
    -------
    places : tuple of Place
        Every layer with a weight, in the order in which they run; those that the example does not reach come
        last.
    assumptions : tuple of str

    Raises
    ------
    UpdateError
        If the module does not take the example.
    """
    found = _Run(unwrapped(model), example).places()
    return found, (
        "what follows each layer was read off a run of the example: other inputs take the same way",
    )


class _Run(Named):
    """Follows the graph of autograd."""

    def __init__(self, model: Any, example: Any) -> None:
        super().__init__(model)
        copies = {id(p): p.detach().clone().requires_grad_() for p in self.parameters.values()}
        own = {name: copies[id(p)] for name, p in self.parameters.items()}
        self.names: dict[int, str] = {id(copy): name for name, copy in reversed(own.items())}
        norms = [one for one in self.modules.values() if "BatchNorm" in type(one).__name__]
        self.fixed_norms = all(map(has_own_statistics, norms))
        self.ends = [one.grad_fn for one in _outputs(model, own, example) if one.grad_fn is not None]
        self.nodes = _in_order(self.ends)
        self.users: dict[Any, list[Any]] = defaultdict(list)
        for node in self.nodes:
            for one in _operands(node):
                self.users[one].append(node)

    def parameter(self, node: Any) -> str:
        """Name of the parameter that a node hands on as it is; empty where it hands on something else."""
        while _kind(node) in PASSES and len(_operands(node)) == 1:
            node = _operands(node)[0]
        name: str = self.names.get(id(getattr(node, "variable", None)), "")
        return name

    def places(self) -> tuple[Place, ...]:
        """In the order of the run."""
        layers: dict[Any, list[str]] = {}  # the node of a layer: names of its parameters
        front: dict[Any, str] = {}  # the same: what stands between the data and the layer
        behind: dict[Any, str] = {}  # any node: what stands between the data and what follows it
        for node in self.nodes:
            kind, operands = _kind(node), _operands(node)
            given = [name for name in map(self.parameter, operands) if name]
            data = [one for one in operands if not self.parameter(one)]
            behind[node] = next((behind[one] for one in data if behind[one]), "")
            product = self.product(data[0]) if kind == "Add" and given and data else None
            if product in layers:  # a product without a bias, and then its bias
                layers[node], front[node] = [*layers.pop(product), *given], front.pop(product)
            elif given and kind not in PASSES | SHIFTS:
                layers[node] = sorted(given, key=lambda name: -self.parameters[name].ndim)
                front[node] = behind[node]
                behind[node] = f"behind {self.title(layers[node][0], kind)}"
            elif kind not in PASSES and not (kind in SHIFTS and len(data) == 1) and data:
                behind[node] = behind[node] or f"behind {kind}"
        uses = Counter(names[0] for names in layers.values())
        found = {
            names[0]: self.layer(node, names, front[node], uses[names[0]]) for node, names in layers.items()
        }
        return (*found.values(), *self.unreached({name for names in layers.values() for name in names}))

    def product(self, node: Any) -> Any:
        """The matrix product that a node hands on; None if it is none."""
        while _kind(node) in PASSES and len(_operands(node)) == 1:
            node = _operands(node)[0]
        return node if _kind(node) == "Mm" else None

    def title(self, weight: str, kind: str) -> str:
        """Class and name of the module that a weight belongs to."""
        name = weight.rpartition(".")[0]
        return f"{'Linear' if kind in LINEAR else type(self.modules[name]).__name__} '{name}'"

    def layer(self, node: Any, names: list[str], front: str, uses: int) -> Place:
        """Place of a layer."""
        weight, bias = names[0], names[1] if len(names) > 1 else ""
        name = weight.rpartition(".")[0]
        linear = any(_kind(one) in LINEAR for one in (node, self.product(_operands(node)[0])) if one)
        if linear and self.parameters[weight].ndim != 2:  # that is its bias
            return Place(name, weight, "", COMPUTED, front)
        reason = self.what_follows(node) if linear else f"{type(self.modules[name]).__name__}: {OTHER}"
        return self.place(name, weight, bias, reason, front, uses)

    def what_follows(self, node: Any) -> str:
        """Why no ReLU follows alone; empty where one does."""
        if node in self.ends:
            return LAST
        for user in self.users[node]:
            kind = _kind(user)
            if kind in PASSES:
                reason = self.what_follows(user)
                if reason:
                    return reason
            elif kind != "Relu":
                fixed = "BatchNorm" in kind and self.fixed_norms
                return f"{kind} follows it, {FOLD if fixed else NO_ZERO}"
        return ""

    def unreached(self, used: set[str]) -> Iterator[Place]:
        """Modules with a weight that the example did not run through."""
        for name, module in self.modules.items():
            weight = f"{name}.weight"
            if weight in self.parameters and weight not in used:
                kind = type(module).__name__
                reason = "the example does not run through it" if self.is_linear(name) else f"{kind}: {OTHER}"
                yield Place(name, weight, f"{name}.bias", reason)


def _outputs(model: Any, parameters: Mapping[str, Any], example: Any) -> list[Any]:
    """All tensors that a module gives back, run with copies of what it would change."""
    import torch

    buffers = {name: one.clone() for name, one in model.named_buffers(remove_duplicate=False)}
    own = {**parameters, **buffers}
    named = example if isinstance(example, Mapping) else {}
    listed = example if isinstance(example, tuple) else () if named else (example,)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            given = [_tracked(torch.as_tensor(one)) for one in listed]
            keywords = {name: _tracked(torch.as_tensor(one)) for name, one in named.items()}
            return _tensors(torch.func.functional_call(model, own, tuple(given), keywords))
    except Exception as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        msg = f"example: the model does not take it ({why}): need what the model is called with"
        raise UpdateError(msg) from error


def _tracked(tensor: Any) -> Any:
    """A copy whose way through the module is recorded; whole numbers have none."""
    return tensor.detach().clone().requires_grad_().clone() if tensor.is_floating_point() else tensor


def _tensors(found: Any) -> list[Any]:
    """Tensors in nested outputs."""
    if hasattr(found, "grad_fn"):
        return [found]
    inside = (
        found.values() if isinstance(found, Mapping) else found if isinstance(found, list | tuple) else ()
    )
    return [tensor for one in inside for tensor in _tensors(one)]


def _kind(node: Any) -> str:
    """What a node computes."""
    return re.sub(r"Backward\d*$", "", node.name())


def _operands(node: Any) -> list[Any]:
    return [one for one, _ in node.next_functions if one is not None]


def _in_order(ends: list[Any]) -> list[Any]:
    """All nodes, each behind its operands."""
    found: dict[Any, None] = {}
    waiting = list(reversed(ends))
    while waiting:
        node = waiting[-1]
        missing = [one for one in _operands(node) if one not in found]
        waiting += reversed(missing)
        if not missing:
            found[waiting.pop()] = None
    return list(found)
