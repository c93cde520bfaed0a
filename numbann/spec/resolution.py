"""Every `auto` decided from the spec and the facts of the data, for the engine.  It reads no data itself.

`train.threads` and `train.device` stay: the engine decides them, and `Resolved.with_engine` writes them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numbann.components.component import Component, Configured
from numbann.components.registry import Registry
from numbann.data.contract import HELD_BACK, Facts, shares
from numbann.errors import SpecError, did_you_mean, shown
from numbann.network.description import Dense, Network
from numbann.spec.checks import DEFAULT_BATCH, is_solver, residual_faults
from numbann.spec.loading import Loaded
from numbann.spec.model import ComponentSpec, Data, Layer, Spec, Split, to_json
from numbann.spec.tasks import Target, Task, default_loss, default_metrics, target_for, unfit_loss, unfit_metric
from numbann.spec.trail import Found


@dataclass(frozen=True)
class Resolved:
    """A spec without `auto`, and what it means.

    target: the form that data.prepare is asked for.  outputs: the width of the output layer, the last of layers.
    optimizer: without learning_rate, and with weight_decay only if its signature names it; so l1.  schedule: without
    warmup_epochs.  output_activation: what predictions apply, the loss's link or the activation trained through.
    """

    spec: Spec
    target: str
    outputs: int
    loss: Configured
    optimizer: Configured
    learning_rate: float
    weight_decay: float
    l1: float
    schedule: Configured
    warmup_epochs: int
    layers: tuple[Dense, ...]
    output_activation: Configured
    metrics: tuple[Component, ...]

    def network(self, inputs: int) -> Network:
        """The network that it means, for data with so many inputs."""
        spec, train = self.spec, self.spec.train
        through = self.loss.component.traits["link"] == "identity"
        return Network(
            inputs=inputs,
            layers=self.layers,
            loss=self.loss,
            optimizer=self.optimizer,
            link=None if through else self.output_activation,
            target=self.target,
            dtype=spec.model.dtype,
            seed=spec.seed,
            batch_size=None if train.batch_size == "full" else int(train.batch_size),
            weight_decay=self.weight_decay,
            l1=self.l1,
            clip_value=train.clip_value,
            clip_norm=train.clip_norm,
            average=train.average,
        )

    def with_engine(self, device: str, threads: int) -> Resolved:
        """The same with the device and the threads that the engine took."""
        return replace(self, spec=_with(self.spec, train=_with(self.spec.train, device=device, threads=threads)))

    def to_json(self) -> dict[str, Any]:
        """The spec that gives this again from any folder: absolute paths, and no output."""
        written = to_json(self.spec)
        del written["output"]
        split = written["data"]["split"]
        written["data"]["split"] = {key: share for key, share in split.items() if share is not None}
        return written


def resolve(loaded: Loaded, facts: Facts) -> Resolved:
    """Decide every `auto`; SpecError with all that the task of the data does not allow."""
    task, registry = Task.of(facts), loaded.registry
    loss = _configured(registry, "loss", _or(loaded.spec.loss, default_loss(task)))
    target = target_for(loss.component, task)
    names = _metric_names(loaded.spec, task)
    found = list(_faults(loaded, task, loss, target, names, facts))
    if found or target is None:
        raise SpecError([loaded.source.fault(trail, message) for trail, message in found], loaded.source.name)
    output = _output_activation(loaded.spec, registry, loss)
    layers = (*_hidden_layers(loaded.spec, registry), _output_layer(loaded.spec, registry, loss, output, target))
    optimizer = registry.get("optimizer", loaded.spec.optimizer.type)
    settings = loaded.spec.optimizer.parameters
    return Resolved(
        spec=_resolved_spec(loaded, facts, loss, target, layers, output, names),
        target=target.form,
        outputs=target.outputs,
        loss=loss,
        optimizer=_without_rate(optimizer, settings),
        learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        l1=0.0 if "l1" in optimizer.defaults() else settings["l1"],
        schedule=_without_warmup(registry, loaded.spec.schedule),
        warmup_epochs=loaded.spec.schedule.parameters["warmup_epochs"],
        layers=layers,
        output_activation=output,
        metrics=tuple(registry.get("metric", name) for name in names),
    )


# ---- what the task does not allow


def _faults(
    loaded: Loaded, task: Task, loss: Configured, target: Target | None, names: list[str], facts: Facts
) -> Iterator[Found]:
    if target is None:
        yield ("loss",), unfit_loss(loss.component, task, loaded.registry)
    yield from _output_faults(loaded, loss)
    if loaded.spec.data.target_scale == "standard" and not _takes_any_real(loss, target, task.kind):
        yield (
            ("data", "target_scale"),
            (f'"standard" needs regression and a loss of any real target, not {task} by {loss.name}; give "none"'),
        )
    for index, name in enumerate(names):
        message = unfit_metric(loaded.registry.get("metric", name), task, loaded.registry)
        if message:
            yield ("train", "metrics", index), message
    yield from _stopping_faults(loaded.spec, names)
    yield from residual_faults(loaded.spec.model.layers[:1], facts.inputs)


def _output_faults(loaded: Loaded, loss: Configured) -> Iterator[Found]:
    """A loss that contains its link leaves no other choice of the output's activation."""
    given, link = loaded.spec.model.output_activation, _link(loaded.registry, loss)
    if given != "auto" and link.name != "identity" and given != ComponentSpec(link.name, dict(link.values)):
        yield (
            ("model", "output_activation"),
            (
                f"{loss.name} applies {link.name} already, so {shown(given.type)} would be applied twice; "
                f'leave output_activation out, or give "{link.name}"'
            ),
        )


def _stopping_faults(spec: Spec, metrics: list[str]) -> Iterator[Found]:
    """Early stopping needs a validation part, and watches a key of the history."""
    stopping = spec.train.early_stopping
    if stopping is None:
        return
    keys = ["validation_loss", *(f"validation_{name}" for name in metrics), "train_loss", "learning_rate"]
    if _shares(spec.data).get("validation") == 0:
        yield ("train", "early_stopping"), "needs a validation part, and data.split.validation is 0; give it a share"
    if stopping.monitor not in keys:
        yield (
            ("train", "early_stopping", "monitor"),
            (
                f"{shown(stopping.monitor)} is no key of the history{did_you_mean(stopping.monitor, keys)} "
                f"(known: {', '.join(keys)})"
            ),
        )


# ---- components


def _configured(registry: Registry, kind: str, chosen: ComponentSpec) -> Configured:
    return registry.configured(kind, chosen.type, **chosen.parameters)


def _or(chosen: Any, name: str) -> ComponentSpec:
    """The component chosen, or for `auto` the one of this name with its defaults."""
    return ComponentSpec(name) if chosen == "auto" else chosen


def _link(registry: Registry, loss: Configured) -> Configured:
    return registry.configured("activation", loss.component.traits["link"])


def _output_activation(spec: Spec, registry: Registry, loss: Configured) -> Configured:
    link = _link(registry, loss)
    chosen = spec.model.output_activation
    return link if link.name != "identity" or chosen == "auto" else _configured(registry, "activation", chosen)


def _hidden_layers(spec: Spec, registry: Registry) -> Iterator[Dense]:
    for layer in spec.model.layers:
        activation = _configured(registry, "activation", layer.activation)
        chosen = spec.model.init if layer.init == "auto" else layer.init
        yield Dense(
            units=layer.units,
            activation=activation,
            init=_init(registry, chosen, activation),
            norm=layer.norm,
            dropout=layer.dropout,
            alpha_dropout=layer.alpha_dropout,
            residual=layer.residual,
            bias_init=_bias_init(registry, spec, layer.bias_init),
        )


def _output_layer(spec: Spec, registry: Registry, loss: Configured, output: Configured, target: Target) -> Dense:
    """The last layer; a link is the loss's to apply, so the layer itself then applies nothing."""
    through = _link(registry, loss).name == "identity"
    applied = output if through else registry.configured("activation", "identity")
    init, bias_init = _init(registry, spec.model.init, output), _bias_init(registry, spec, "auto")
    return Dense(target.outputs, applied, init, bias_init=bias_init)


def _init(registry: Registry, chosen: Any, activation: Configured) -> Configured:
    """The initializer chosen, or for `auto` the one that the activation asks for."""
    return _configured(registry, "initializer", _or(chosen, activation.component.traits["init"]))


def _bias_init(registry: Registry, spec: Spec, chosen: Any) -> Configured:
    """The initializer of a layer's biases, for `auto` that of the model."""
    return _configured(registry, "initializer", spec.model.bias_init if chosen == "auto" else chosen)


def _without_rate(optimizer: Component, settings: dict[str, Any]) -> Configured:
    """The optimizer with what its own signature names, but for the rate, which changes with the schedule."""
    names = [*optimizer.defaults(), *(["weight_decay"] if "weight_decay" in optimizer.roles else [])]
    return Configured(optimizer, {name: settings[name] for name in names if name != "learning_rate"})


def _without_warmup(registry: Registry, chosen: ComponentSpec) -> Configured:
    """The schedule with what its own signature names."""
    component = registry.get("schedule", chosen.type)
    return Configured(component, {name: chosen.parameters[name] for name in component.defaults()})


def _metric_names(spec: Spec, task: Task) -> list[str]:
    chosen = spec.train.metrics
    return chosen if isinstance(chosen, list) else list(default_metrics(task))


# ---- the spec with every choice written back


def _resolved_spec(
    loaded: Loaded,
    facts: Facts,
    loss: Configured,
    target: Target,
    layers: tuple[Dense, ...],
    output: Configured,
    metrics: list[str],
) -> Spec:
    spec, base = loaded.spec, loaded.source.base
    hidden = [_written_layer(layer, choice) for layer, choice in zip(spec.model.layers, layers, strict=False)]
    assert layers[-1].init is not None
    model = _with(spec.model, layers=hidden, output_activation=_chosen(output), init=_chosen(layers[-1].init))
    data = _resolved_data(spec.data, base, facts, _takes_any_real(loss, target, facts.task))
    size = spec.train.batch_size
    if size == "auto":
        size = "full" if is_solver(spec, loaded.registry) else DEFAULT_BATCH
    train = _with(spec.train, metrics=metrics, batch_size=size)
    plugins = [str(base / name) for name in spec.plugins]
    return _with(spec, data=data, model=model, loss=_chosen(loss), train=train, plugins=plugins)


def _written_layer(layer: Layer, choice: Dense) -> Layer:
    assert choice.init is not None
    assert choice.bias_init is not None
    return replace(layer, init=_chosen(choice.init), bias_init=_chosen(choice.bias_init))


def _resolved_data(data: Data, base: Path, facts: Facts, any_real: bool) -> Data:
    target_scale = data.target_scale
    if target_scale == "auto":
        target_scale = "standard" if any_real else "none"
    used = {**dict.fromkeys(HELD_BACK), **_shares(data)}  # none for a part that has a source of its own
    split: Split = _with(data.split, stratify=facts.stratify, **used)
    written: Data = _with(
        data,
        **{key: getattr(facts, key) for key in ("format", "task", "scale")},
        path=_absolute(data.path, base),
        csv=replace(data.csv, delimiter=facts.delimiter or ","),
        target_scale=target_scale,
        split=split,
    )
    return written


def _shares(data: Data) -> dict[str, float]:
    return shares(data.path, vars(data.split))


def _absolute(path: Any, base: Path) -> Any:
    """Every file of data.path made independent of the folder."""
    if isinstance(path, dict):
        return {key: _absolute(inner, base) for key, inner in path.items()}
    return str(base / path)


def _takes_any_real(loss: Configured, target: Target | None, task: str) -> bool:
    """Whether the loss takes a standardised target: regression on any real number."""
    real = target is not None and target.form == loss.component.traits["target"] == "real"
    return real and task == "regression"


def _chosen(configured: Configured) -> ComponentSpec:
    return ComponentSpec(configured.name, dict(configured.values))


def _with(section: Any, **values: Any) -> Any:
    """A section with some values replaced."""
    return replace(section, **values)
