"""Keys of a spec that contradict each other, each of which is right by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from numbann.components.component import Component, Configured
from numbann.components.parameter import PLAIN
from numbann.components.registry import Registry
from numbann.data.contract import shares, sources
from numbann.engine.devices import DEFAULT, device_of
from numbann.errors import PluginError, shown
from numbann.spec.components import SCHEDULED
from numbann.spec.model import PACKAGES, Layer, Scheduled, Spec, Train, number_of
from numbann.spec.sweeping import sweep_faults
from numbann.spec.trail import Found, Trail

METRIC = "metric"  # stands for the first metric, on the validation part


def check_agreement(spec: Spec | None, registry: Registry | None) -> Iterator[Found]:
    """Find keys that contradict each other."""
    if spec is None:
        return
    if spec.extends is not None:
        yield ("extends",), "is for files alone; write it into the file of the spec"
    if registry is not None:
        yield from _component_faults(spec, registry)
    yield from _layer_faults(spec)
    for key in ("embedding", "categories", "scale"):
        if spec.model.input is not None and getattr(spec.model.input, key):
            yield from _input_faults(spec, key)
    if spec.model.members not in (None, 1):
        yield from _members_faults(spec)
    yield from residual_faults(spec.model.layers, registry)
    yield from _warmup_faults(spec)
    if spec.data.csv.thousands == (spec.data.csv.decimal or "."):
        fault = f"{shown(spec.data.csv.thousands)} is data.csv.decimal, too; give another one"
        yield ("data", "csv", "thousands"), fault
    yield from _watch_faults(spec)
    if spec.ensemble is not None:
        yield from _ensemble_faults(spec)
    if spec.sweep is not None:
        yield from sweep_faults(spec, validated(spec))
    for place, one in enumerate(spec.callbacks):
        if find_spec(PACKAGES[one.type]) is None:
            yield ("callbacks", place), no_package(one.type)


def _component_faults(spec: Spec, registry: Registry) -> Iterator[Found]:
    """Find what the components of a spec exclude."""
    optimizer = registry.titled("optimizer", spec.optimizer.type)
    loss = None if spec.loss == "auto" else registry.titled("loss", spec.loss.type)
    if optimizer.form == "solver":
        yield from _solver_faults(spec, registry)
    yield from _init_faults(spec, registry)
    if optimizer.predicts and spec.train.average is not None:
        yield ("train", "average"), f"{optimizer.name} predicts with weights of its own; leave average out"
    yield from _device_refusals(spec, [optimizer, *([loss] if loss else [])])
    if loss is not None and loss.form == "batch":
        yield from _batch_loss_faults(spec, loss)
    if spec.data.group is not None and spec.train.shuffle is not None:
        yield ("train", "shuffle"), "batches hold whole groups of data.group, which stripes would cut; leave it out"
    if device_of(spec.train.device) is not DEFAULT:
        yield from _learnable_faults(spec, registry)
        moved = (trail for name, trail, _ in scheduled(spec) if name != "weight_decay")
        yield from ((trail, _not_there(spec)) for trail in (*_own_rates(spec), *moved))


def _device_refusals(spec: Spec, components: Sequence[Component]) -> Iterator[Found]:
    """Find what the device refuses."""
    device = device_of(spec.train.device)
    for component in components:
        if reason := device.refusal(component):
            yield (component.kind,), reason
    if reason := device.precision_refusal(spec.model.dtype):
        yield ("model", "dtype"), reason
    if spec.data.group is not None and (reason := device.group_refusal):
        yield ("data", "group"), reason


def _layer_faults(spec: Spec) -> Iterator[Found]:
    """Find keys of one layer of which only one may be given, or one needs the other."""
    for index, layer in enumerate(spec.model.layers):
        if "blend_rate" in layer.activation.parameters and "blend" not in layer.activation.parameters:
            yield ("model", "layers", index, "activation", "blend_rate"), "there is no blend; give blend: true, too"
        if number_of(layer.dropout) and layer.alpha_dropout:
            yield ("model", "layers", index, "alpha_dropout"), "there is dropout too; give one of them"


def no_package(callback: str) -> str:
    """Return the message for a callback whose package is not installed."""
    return f'"{callback}" needs the package {PACKAGES[callback]}: pip install "numbann[{callback}]"'


def _ensemble_faults(spec: Spec) -> Iterator[Found]:
    """Refuse a file of validation rows beside folds, which take its place."""
    if "validation" in sources(spec.data.path):
        what = "its folds take the place of the validation part that data.path names"
        yield ("ensemble",), f"{what}; leave that out, or join its rows to those of train"


def watched(train: Train) -> dict[str, str]:
    """Return the key of the history that early stopping and the choice of the best epoch name, where they do."""
    return {key: monitor for key, monitor in _monitors(train).items() if monitor not in ("auto", METRIC)}


def watches_metric(train: Train) -> bool:
    """Whether early stopping or the choice of the best epoch goes by the first metric, where they name no key."""
    return METRIC in _monitors(train).values()


def _monitors(train: Train) -> dict[str, str]:
    named = {"early_stopping": train.early_stopping, "select": train.select}
    return {key: one.monitor for key, one in named.items() if one}


def scheduled(spec: Spec) -> Iterator[tuple[str, Trail, Scheduled]]:
    """Yield each number with a schedule of its own: its name in a network, its place in the spec, and itself."""
    numbers: list[tuple[str, Trail, Any]] = [
        (f"layers.{k}.dropout", ("model", "layers", k, "dropout"), layer.dropout)
        for k, layer in enumerate(spec.model.layers)
    ]
    for kind in ("optimizer", "loss"):
        chosen = getattr(spec, kind)
        given = {} if chosen == "auto" else chosen.parameters
        numbers += [(name, (kind, name), given[name]) for name in SCHEDULED if name in given]
    yield from (one for one in numbers if isinstance(one[2], Scheduled))


def validated(spec: Spec) -> bool:
    """Whether there is a validation part, or folds, or a column that may name its rows."""
    if spec.ensemble is not None:
        return True
    path, split = spec.data.path, vars(spec.data.split)
    return "validation" in sources(path) or split["column"] is not None or bool(shares(path, split)["validation"])


def _watch_faults(spec: Spec) -> Iterator[Found]:
    """Refuse to watch a validation part that there is not, and two keys at a time."""
    keys = watched(spec.train)
    if not validated(spec):
        asked = [key for key, monitor in keys.items() if monitor.startswith("validation_")]
        for key in dict.fromkeys([*["early_stopping"] * (spec.train.early_stopping is not None), *asked]):
            yield ("train", key), "needs a validation part, and data.split.validation is 0; give it a share"
    if len(set(keys.values())) > 1:
        other = f"{shown(keys['select'])} is not what early_stopping watches, {shown(keys['early_stopping'])}"
        yield ("train", "select", "monitor"), f"{other}; name one of them, and both watch it"


def _batch_loss_faults(spec: Spec, loss: Component) -> Iterator[Found]:
    """Refuse weights of rows for a loss of whole batches that does not ask for them, and rows of several members."""
    if "weight" not in loss.roles:
        for key in ("weight", "class_weight"):
            if getattr(spec.data, key) is not None:
                yield ("data", key), f"{loss.name} does not say what a row's weight does; leave {key} out"
    if spec.model.members not in (None, 1):
        fault = f"{loss.name} is of whole batches, and would mix the rows of members; leave one out"
        yield ("model", "members"), fault


def _input_faults(spec: Spec, key: str) -> Iterator[Found]:
    """Find what an embedding or a trained scale of the inputs excludes."""
    trail = ("model", "input", key)
    if device_of(spec.train.device) is not DEFAULT:
        yield trail, _not_there(spec)
    if spec.model.layers and spec.model.layers[0].residual:
        yield trail, f"the first layer's residual connection would go past the {key}; leave one of them out"


def _not_there(spec: Spec) -> str:
    """Tell what to do about a key that another device than the CPU does not do."""
    device = f"train.device {shown(spec.train.device)} does not do this"
    return f'{device}; leave it out, or give train.device "{DEFAULT.name}"'


def _own_rates(spec: Spec) -> Iterator[Trail]:
    """Find the keys by which some tensors learn or decay in a way of their own."""
    yield from (("optimizer", key) for key in ("rates", "bias_rate", "bias_decay") if key in spec.optimizer.parameters)
    layers = enumerate(spec.model.layers)
    for k, layer in layers:
        yield from [("model", "layers", k, "rate")] * (layer.rate not in (None, 1))
        yield from [("model", "layers", k, "activation", "blend_rate")] * ("blend_rate" in layer.activation.parameters)
    for key in ("categories", "scale"):
        if spec.model.input and (given := getattr(spec.model.input, key)) and given.rate != 1:
            yield ("model", "input", key, "rate")


def _members_faults(spec: Spec) -> Iterator[Found]:
    """Find what members exclude: rows of several members go through the shared layers one by one."""
    trail, layers = ("model", "members"), spec.model.layers
    if device_of(spec.train.device) is not DEFAULT:
        yield trail, _not_there(spec)
    if not layers:
        yield trail, "members share hidden layers, and there are none; give one in model.layers"
    elif layers[0].residual:
        yield trail, "the first layer's residual connection would go past the members' scales; leave one of them out"
    if spec.model.input is not None and spec.model.input.scale:
        yield ("model", "input", "scale"), "members have scales of their own; leave one of them out"
    for index, layer in enumerate(layers):
        if layer.norm == "batch":
            yield ("model", "layers", index, "norm"), 'a norm of batches would mix the rows of members; give "layer"'


def _learnable_faults(spec: Spec, registry: Registry) -> Iterator[Found]:
    """Find trained parameters of activations that only the CPU trains."""
    for index, layer in enumerate(spec.model.layers):
        component = registry.titled("activation", layer.activation.type)
        kept = [name for name, mark in component.marks.items() if mark.shared or mark.bounded or mark.tuning != PLAIN]
        wide = ["the width"] * ("width" in component.traits)
        for name in dict.fromkeys([*kept, *component.gradients, *component.rows, *wide]):
            fault = f"train.device {shown(spec.train.device)} does not do {name} of {layer.activation.type}"
            yield ("model", "layers", index, "activation"), f'{fault}; give train.device "{DEFAULT.name}"'


def residual_faults(layers: Sequence[Layer], registry: Registry | None, inputs: int | None = None) -> Iterator[Found]:
    """Find units that an activation cannot cut, and residual connections that add as many numbers as there are not.

    inputs: the inputs of the first layer, None if unknown.
    """
    for index, layer in enumerate(layers):
        trail, width = ("model", "layers", index), layer.units
        if registry is not None:
            try:
                component = registry.titled("activation", layer.activation.type)
                width = Configured(component, layer.activation.parameters).width(layer.units)
            except PluginError as error:
                yield (*trail, "units"), str(error)
        if layer.residual and inputs not in (None, width):
            fault = f"adds {inputs} inputs to {width} units; give the layer {inputs} units, or leave residual out"
            yield (*trail, "residual"), fault
        inputs = width


def _init_faults(spec: Spec, registry: Registry) -> Iterator[Found]:
    """Refuse initializers of biases for weights."""
    layers = [(("model", "layers", index, "init"), layer.init) for index, layer in enumerate(spec.model.layers)]
    for trail, init in [(("model", "init"), spec.model.init), *layers]:
        if init != "auto" and "z" in registry.titled("initializer", init.type).roles:
            yield trail, f"{init.type} asks for z = x w, which is there for biases alone; name it in bias_init"


def _warmup_faults(spec: Spec) -> Iterator[Found]:
    """Refuse a warm-up that leaves no epochs for the schedule."""
    schedules = [((), spec.schedule), *((trail, given.schedule) for _, trail, given in scheduled(spec))]
    for trail, schedule in schedules:
        warmup, epochs = schedule.parameters.get("warmup_epochs", 0), spec.train.epochs
        if warmup >= epochs:
            fault = f"{warmup} of {epochs} epochs are warm-up and leave none for the schedule; give fewer"
            yield (*trail, "schedule", "warmup_epochs"), fault


def _solver_faults(spec: Spec, registry: Registry) -> Iterator[Found]:
    """Find what a solver excludes: it chooses its own steps, on all rows, and needs a deterministic, smooth loss."""
    name, train, schedule = spec.optimizer.type, spec.train, spec.schedule
    if train.batch_size not in ("auto", "full"):
        yield ("train", "batch_size"), f'{name} works on all rows at once; leave batch_size out, or give "full"'
    if schedule.type != "constant" or schedule.parameters["warmup_epochs"]:
        yield ("schedule",), f"{name} finds the length of each step itself; leave the schedule out"
    for key in ("clip_norm", "clip_value", "average"):
        if getattr(train, key) is not None:
            yield ("train", key), f"{name} takes the gradient and the weights as they are; leave {key} out"
    if spec.optimizer.parameters.get("l1"):
        yield ("optimizer", "l1"), f"{name} needs a smooth loss, which l1 is not; weight_decay is"
    for _, trail, given in scheduled(spec):
        yield trail, f"{name} needs the same loss each time it asks; give {given.value:g} alone"
    for trail in _own_rates(spec):
        yield trail, f"{name} moves all numbers at once; leave {trail[-1]} out"
    if spec.model.input and spec.model.input.embedding and spec.model.input.embedding.parameters["rate"] != 1:
        yield ("model", "input", "embedding"), f'{name} moves all numbers at once; give the embedding "rate": 1'
    for index, layer in enumerate(spec.model.layers):
        trail = ("model", "layers", index)
        for key in ("dropout", "alpha_dropout"):
            if number_of(getattr(layer, key)):
                yield (*trail, key), f"{name} needs the same loss each time it asks; leave {key} out"
        component = registry.titled("activation", layer.activation.type)
        if "u" in component.roles:
            yield (*trail, "activation"), f"{name} needs the same loss each time, and this draws random numbers"
        for own, mark in component.marks.items():
            if mark.tuning != PLAIN or mark.bounded:
                yield (*trail, "activation"), f"{name} moves all numbers at once, and {own} has a way of its own"
