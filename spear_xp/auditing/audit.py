"""Enters: what a client sends of a model. Leaves: an `Audit`: a verdict, and what each layer reveals."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from spear_xp.auditing.chaining import Chained, chain, none_chained
from spear_xp.auditing.labels import labels_of
from spear_xp.auditing.verdict import Audit, LayerAudit, verdict_of
from spear_xp.errors import ArgumentRangeError, ShapeError, SpearError
from spear_xp.reduction.problem import ACCURACY
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.runtime.clock import Clock
from spear_xp.updates.adapters.read import read
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelLayer, ModelUpdate

__all__ = ["audit"]

SHARE = 0.5  # chosen: of the time that is left, which a layer may take that is not the last
LEAST = 1e-3  # chosen: seconds that are left, below which a layer is not searched


def audit(
    update: Any,
    weights: Any = None,
    *,
    time_limit: float = 60.0,
    search: str | Strategy | Sequence[str | Strategy] = "auto",
    accuracy: float = ACCURACY,
    rng: Any = None,
    feature_kinds: Sequence[str] | None = None,
    batch_size: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **reading: Any,
) -> Audit:
    """Say what the update of a model reveals about the data behind it.

    Parameters
    ----------
    update : ModelUpdate, LayerUpdate, or anything that `spear_xp.updates.adapters.read` takes
        Such as a torch module with gradients, a state dict, a record of Flower, or the path of a file.
    weights : optional
        The weights before the step, as for `read`.
    time_limit : float
        Seconds for all layers together, positive. The layer nearest to the data comes first; each takes at
        most half of what is left, the last one all of it.
    search, accuracy, rng, on_progress
        As for `spear_xp.invert`.
    feature_kinds : sequence of str, optional
        "real", "integer" or "one-hot:GROUP" of each feature of the data, as for `spear_xp.invert`: for the
        layers whose inputs are the data.
    batch_size : int, optional
        Number of samples that the loss is the mean of, where it is known: for the first layer. The layers
        behind it are used then, as far as they are known (`spear_xp.invert`).
    **reading
        Further arguments of `read`: kind, training, model, names, layout, example.

    Returns
    -------
    Audit
        A verdict with a line for each layer; `summary()` has it as text.

    Raises
    ------
    SpearError
        If the update cannot be read, or an option is out of its range. A layer that cannot be searched raises
        nothing: its reason says why.

    Notes
    -----
    Inputs of the first layer are the data. Those of a deeper layer are features, and the audit says so. Where
    what stands in front of a layer can be undone, `LayerAudit.chained` has the data behind its inputs.
    Recovered data are personal data: treat an audit as you treat them.

    Examples
    --------
    >>> import spear_xp
    >>> from spear_xp.updates import synthetic
    >>> truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(5, 40, rng=0), width=80, rng=0)
    >>> found = spear_xp.audit(spear_xp.LayerUpdate(*truth.observed, name="fc1"), rng=0)
    >>> found.verdict.name, found.layers[0].outcome
    ('EXPOSED', '5 of 5 certified')
    """
    if not time_limit > 0:
        msg = f"time_limit={time_limit!r}: need a positive number of seconds"
        raise ArgumentRangeError(msg)
    clock = Clock(time_limit)
    model = _model(update, weights, reading).with_kinds(feature_kinds)
    waiting = sum(layer.update is not None for layer in model.layers)
    layers, interrupted = [], False
    for layer in model.layers:
        if layer.update is None:
            layers.append(LayerAudit(layer.name, layer.shape, layer.features, reason=layer.reason))
            continue
        waiting -= 1
        left = time_limit - clock.elapsed
        if interrupted or left < LEAST:
            why = "the audit was interrupted" if interrupted else "no time was left: raise time_limit"
            layers.append(LayerAudit(layer.name, layer.shape, layer.features, reason=why))
            continue
        limit = SHARE * left if waiting else left
        first = layer is model.layers[0] and batch_size is not None
        beside = {"batch_size": batch_size, "behind": model.behind} if first else {}
        found = _searched(
            layer,
            time_limit=limit,
            search=search,
            accuracy=accuracy,
            rng=rng,
            on_progress=on_progress,
            **beside,
        )
        interrupted = found.result is not None and found.result.status is Status.INTERRUPTED
        layers.append(found)
    return Audit(verdict_of(layers), tuple(layers), _labels(model), model.assumptions, seconds=clock.elapsed)


def _model(update: Any, weights: Any, reading: dict[str, Any]) -> ModelUpdate:
    if not isinstance(update, ModelUpdate | LayerUpdate):
        return read(update, weights, **reading)
    given = [name for name, value in (("weights", weights), *reading.items()) if value is not None]
    if given:
        msg = f"{given[0]} is given beside a {type(update).__name__}: need the update alone"
        raise ArgumentRangeError(msg)
    if isinstance(update, ModelUpdate):
        return update
    shape = tuple(update.grad_w.shape)
    layer = ModelLayer(update.name or "layer", shape, update, features=update.features)
    return ModelUpdate((layer,), assumptions=update.assumptions)


def _searched(layer: ModelLayer, time_limit: float, **options: Any) -> LayerAudit:
    clock = Clock(time_limit)
    try:
        result = invert(layer.update, time_limit=time_limit, **options)
    except ArgumentRangeError:
        raise
    except SpearError as error:
        return LayerAudit(layer.name, layer.shape, layer.features, reason=str(error))
    chained = _chained(result, layer, clock) if layer.front else None
    return LayerAudit(layer.name, layer.shape, layer.features, result, chained=chained)


def _chained(result: Result, layer: ModelLayer, clock: Clock) -> Chained:
    """Data behind the inputs of a layer; why not, where the model is not what it seems."""
    try:
        return chain(result, layer.front, keep_going=lambda: clock.elapsed < clock.time_limit)
    except ShapeError as error:
        return none_chained(result, str(error))


def _labels(model: ModelUpdate) -> tuple[int, ...] | None:
    """Labels by the last layer; a ReLU stands in front of it if the layer before it can be searched."""
    if model.head is None:
        return None
    positive = any(
        last.name == model.head.name and not front.reason and last.follows(front)
        for front, last in pairwise(model.layers)
    )
    return labels_of(model.head, inputs_positive=positive)
