"""Resolves every "auto" of a spec from the facts of its data.

`train.threads` and `train.device` stay: the engine chooses them, and `Resolved.with_engine` writes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numbann.components.built_in import built_in
from numbann.components.component import Component, Configured
from numbann.components.registry import Registry
from numbann.data.contract import Facts, shares, sources
from numbann.data.path import source_format
from numbann.data.tasks import find_task
from numbann.errors import SpecError, did_you_mean, not_allowed, shown
from numbann.network.description import Categories, Course, Dense, Embedding, Network
from numbann.records import dataclass
from numbann.spec.agreement import residual_faults, scheduled, validated, watched, watches_metric
from numbann.spec.loading import Loaded
from numbann.spec.model import (
    SHARED,
    Auto,
    ComponentSpec,
    Data,
    Layer,
    Model,
    Section,
    Spec,
    Train,
    given_by,
    number_of,
    to_json,
)
from numbann.spec.source import make_absolute
from numbann.spec.sweeping import NO_MEASURES
from numbann.spec.tasks import target_for, unfit_loss, unfit_metric, wanted_by
from numbann.spec.trail import Found, Trail

if TYPE_CHECKING:
    from numbann.data.tasks.task import TargetForm, Task

DEFAULT_BATCH = 64
BATCHES = ((64, 1024), (128, 8192), (256, 30_000), (512, 100_000), (1024, inf))  # a size, and the most rows for it
CALIBRATED = ("softmax", "sigmoid")  # the links of losses whose probabilities have a temperature
FLOAT32_MAX = (2 - 2**-23) * 2.0**127


@dataclass(frozen=True)
class Resolved:
    """A spec without "auto", and what it means.

    target: the form that data.prepare is asked for.  embedding: of the inputs, None if there is none.
    optimizer: without learning_rate, and with weight_decay only if its signature names it; so l1.  schedule: without
    warmup_epochs.  output_activation: what predictions apply, the loss's link or the activation trained through.
    courses: of numbers that have schedules of their own.
    """

    spec: Spec
    target: str
    loss: Configured
    optimizer: Configured
    learning_rate: float
    weight_decay: float
    l1: float
    schedule: Configured
    warmup_epochs: int
    embedding: Configured | None
    layers: tuple[Dense, ...]
    output_activation: Configured
    metrics: tuple[Configured, ...]
    courses: Mapping[str, Course]

    @property
    def measures(self) -> dict[str, Configured]:
        """The metrics by their keys in the history, without the part of the data."""
        return measures_of(self.metrics)

    @property
    def applied(self) -> list[str]:
        """The name of each layer's activation; the last one is the activation of predictions."""
        return [*(layer.applies for layer in self.layers[:-1]), self.output_activation.name]

    def network(
        self, inputs: int, numbers: tuple[int, ...] | None = None, coded: Mapping[int, int] | None = None
    ) -> Network:
        """Describe the network for a number of inputs.

        numbers: those that are no categories; None: all.  coded: those that are codes, with the number of categories.
        """
        spec, size = self.spec, self.spec.train.batch_size
        settings = spec.optimizer.parameters
        through = self.loss.component.traits["link"] == "identity"
        chosen = {
            "inputs": inputs,
            "layers": self.layers,
            "input_embedding": Embedding(self.embedding, numbers) if self.embedding else None,
            "input_categories": _categories(spec.model, coded or {}),
            "loss": self.loss,
            "optimizer": self.optimizer,
            "link": None if through else self.output_activation,
            "target": "label" if self.target == "order" else self.target,
            "batch_size": None if size == "full" else size,
            "weight_decay": self.weight_decay,
            "l1": self.l1,
            "courses": self.courses,
            "members": spec.model.members or 1,
            "input_scale": spec.model.input.scale.rate if spec.model.input and spec.model.input.scale else 0.0,
            "width_rates": settings.get("rates") == "width",
            "bias_rate": settings.get("bias_rate", 1.0),
            "bias_decay": settings.get("bias_decay", True),
        }
        return Network(**{**_plain(Network, spec, spec.model, spec.train), **chosen})

    def with_engine(self, device: str, threads: int) -> Resolved:
        """Return a copy with the device and the threads that the engine uses."""
        return replace(self, spec=replace(self.spec, train=replace(self.spec.train, device=device, threads=threads)))

    def to_json(self) -> dict[str, Any]:
        """Return the resolved spec as JSON values, so that it runs anywhere.

        Paths are absolute; output, extends, the preset, the sweep, and what the model says for all layers, are left
        out.
        """
        written = to_json(self.spec)
        del written["output"], written["extends"], written["preset"], written["sweep"]
        for key in SHARED:
            del written["model"][key]
        split = written["data"]["split"]
        written["data"]["split"] = {key: share for key, share in split.items() if share is not None}
        return written


def resolve(loaded: Loaded, facts: Facts) -> Resolved:
    """Resolve every "auto"; SpecError with everything that the task does not allow."""
    task, registry, given = facts.task, loaded.registry, loaded.spec
    loss = _configure(registry, "loss", _choose(given.loss, built_in().get("loss", task.loss)))
    target = target_for(loss.component, task, loss.values)
    asked = given.train.metrics
    chosen = asked if isinstance(asked, list) else _usual_metrics(task, loss)
    metrics = tuple(_configure(registry, "metric", one) for one in chosen)
    found = list(_faults(loaded, loss, target, metrics, facts))
    if found or target is None:
        raise SpecError([loaded.source.fault(trail, message) for trail, message in found], loaded.source.name)
    spec = _without_auto(loaded, facts, loss.component, chosen)
    output = _configure(registry, "activation", spec.model.output_activation)
    hidden = [_hidden_layer(layer, registry) for layer in spec.model.layers]
    optimizer, settings = registry.titled("optimizer", spec.optimizer.type), spec.optimizer.parameters
    return Resolved(
        spec=spec,
        target=target.form,
        loss=loss,
        optimizer=_without_rate(optimizer, settings),
        learning_rate=settings["learning_rate"],
        weight_decay=number_of(settings["weight_decay"]),
        l1=0.0 if "l1" in optimizer.defaults() else settings["l1"],
        schedule=_without_warmup(registry, spec.schedule),
        warmup_epochs=spec.schedule.parameters["warmup_epochs"],
        embedding=_embedding(spec.model, registry),
        layers=(*hidden, _output_layer(spec.model, registry, loss, output, target)),
        output_activation=output,
        metrics=metrics,
        courses=dict(_courses(registry, spec)),
    )


def _usual_metrics(task: Task | type[Task], loss: Configured | None) -> list[ComponentSpec]:
    """Return the metrics that "auto" stands for; a loss of the order in groups has one of its own."""
    ordered = loss is not None and loss.component.asks("group", "group_end") and "value" in task.roles
    names = ("ndcg",) if ordered else task.metrics
    return [ComponentSpec(name, built_in().get("metric", name).defaults()) for name in names]


# ---- faults that depend on the task


def _faults(
    loaded: Loaded, loss: Configured, target: TargetForm | None, metrics: tuple[Configured, ...], facts: Facts
) -> Iterator[Found]:
    if target is None:
        yield ("loss",), unfit_loss(loss.component, facts.task, loaded.registry)
    yield from _faults_without_data(loaded, loss, metrics, facts.task)
    calibrates = "probability" in facts.task.roles and loss.component.traits["link"] in CALIBRATED
    if loaded.spec.train.calibrate and not calibrates:
        yield ("train", "calibrate"), f"needs probabilities of classes, which {loss.name} does not give; leave it out"
    if loaded.spec.train.early_stopping is not None and not _validates(loaded.spec, facts):
        yield ("train", "early_stopping"), "needs a validation part, and data.split.column names no row of one"
    yield from residual_faults(loaded.spec.model.layers, loaded.registry, facts.inputs)


def check_without_data(loaded: Loaded) -> Iterator[Found]:
    """Find the faults that `resolve` would find whatever the data are, where the spec says loss, metrics or task."""
    spec, registry = loaded.spec, loaded.registry
    task = None if spec.data.task == "auto" else find_task(spec.data.task, isinstance(spec.data.target, list))
    loss = None if spec.loss == "auto" else _configure(registry, "loss", spec.loss)
    asked = _usual_metrics(task, loss) if task else None
    asked = spec.train.metrics if isinstance(spec.train.metrics, list) else asked
    metrics = None if asked is None else [_configure(registry, "metric", one) for one in asked]
    yield from _faults_without_data(loaded, loss, metrics, task)


def _faults_without_data(
    loaded: Loaded, loss: Configured | None, metrics: Sequence[Configured] | None, task: Task | type[Task] | None
) -> Iterator[Found]:
    """Find faults of what is known of these."""
    if loss is not None:
        yield from _output_faults(loaded, loss)
        yield from _scale_faults(loaded.spec.data.target_scale, loss, task)
    if loaded.spec.data.target_clip and task and not task.standardized:
        yield ("data", "target_clip"), f"needs predictions of numbers, and this is {task}; leave it out"
    for index, metric in enumerate(metrics or ()):
        message = unfit_metric(metric.component, task, loss.component if loss else None, loaded.registry)
        if message:
            yield ("train", "metrics", index), message
    for name, value in loaded.spec.optimizer.parameters.items():
        if loaded.spec.model.arrays == "float32" and isinstance(value, int | float) and abs(value) > FLOAT32_MAX:
            yield ("optimizer", name), not_allowed(value, f"at most {FLOAT32_MAX:.2g}, or a model.dtype of float64")
    if metrics is not None:
        yield from _watch_faults(loaded.spec, list(measures_of(metrics)))


def _scale_faults(scale: str, loss: Configured, task: Task | type[Task] | None) -> Iterator[Found]:
    """Refuse to scale or bend targets where the loss or the task does not allow it."""
    wrong = task if task and not task.standardized else loss.name
    if scale not in ("auto", "none") and (task.standardized if task else "real") != wanted_by(loss.component):
        asked = f'"{scale}" needs regression and a loss of any real target, not {wrong}; give "none"'
        yield ("data", "target_scale"), asked
    elif scale in ("log", "quantile") and not set(loss.component.units.values()) <= {"target", "none"}:
        asked = f'{loss.name} gives more than values of the target, which "{scale}" bends; give "standard"'
        yield ("data", "target_scale"), asked


def _output_faults(loaded: Loaded, loss: Configured) -> Iterator[Found]:
    """Refuse another output activation than the link of a loss that contains it."""
    given, link = loaded.spec.model.output_activation, _link(loaded.registry, loss.component)
    if loss.component.gives and given not in ("auto", ComponentSpec("identity")):
        named = ", ".join(loss.component.units)
        yield ("model", "output_activation"), f"{loss.name} gives {named} itself; leave output_activation out"
        return
    if given != "auto" and "width" in loaded.registry.titled("activation", given.type).traits:
        yield ("model", "output_activation"), f"{given.type} changes the number of outputs; choose another"
    if given != "auto" and link.title != "identity" and given != ComponentSpec(link.title, link.defaults()):
        twice = f"{loss.name} applies {link.title} already, so {shown(given.type)} would be applied twice"
        yield ("model", "output_activation"), f'{twice}; leave output_activation out, or give "{link.title}"'


def _watch_faults(spec: Spec, measures: list[str]) -> Iterator[Found]:
    """Refuse to watch a key that the history lacks."""
    keys = ["validation_loss", *(f"validation_{name}" for name in measures), "train_loss", "learning_rate"]
    asked: dict[Trail, str] = {("train", key, "monitor"): monitor for key, monitor in watched(spec.train).items()}
    if spec.sweep is not None and spec.sweep.metric not in NO_MEASURES:
        asked["sweep", "metric"] = spec.sweep.metric
    for trail, monitor in asked.items():
        if monitor not in keys:
            hint = did_you_mean(monitor, keys) or did_you_mean(f"validation_{monitor}", keys)
            yield trail, f"{shown(monitor)} is no key of the history{hint} (known: {', '.join(keys)})"


# ---- components


def measures_of(metrics: Sequence[Configured]) -> dict[str, Configured]:
    """Return metrics by name; those of one name by what their parameters are, unless these are the defaults."""
    names = [metric.component.name for metric in metrics]
    return {
        name + _other_parameters(one) * (names.count(name) > 1): one for name, one in zip(names, metrics, strict=True)
    }


def _other_parameters(chosen: Configured) -> str:
    """Return the parameters that are not at their defaults: "(bins=10)"."""
    defaults = chosen.component.defaults()
    given = [f"{name}={value:g}" for name, value in chosen.values.items() if value != defaults[name]]
    return f"({', '.join(given)})" if given else ""


def _configure(registry: Registry, kind: str, chosen: ComponentSpec) -> Configured:
    component = registry.titled(kind, chosen.type)
    given = {name: number_of(value) for name, value in chosen.parameters.items()}
    return Configured(component, {**component.defaults(), **given})


def _courses(registry: Registry, spec: Spec) -> Iterator[tuple[str, Course]]:
    """Yield the course of each number that has a schedule, unless it is 0."""
    for name, _, given in scheduled(spec):
        if given.value:
            warmup = given.schedule.parameters["warmup_epochs"]
            yield name, Course(_without_warmup(registry, given.schedule), warmup)


def _link(registry: Registry, loss: Component) -> Component:
    return registry.named_by(loss, "activation", loss.traits["link"])


def _embedding(model: Model, registry: Registry) -> Configured | None:
    chosen = model.input.embedding if model.input else None
    return _configure(registry, "embedding", chosen) if chosen else None


def _categories(model: Model, coded: Mapping[int, int]) -> Categories | None:
    chosen = model.input.categories if model.input else None
    return Categories(coded, chosen.size, chosen.rate) if chosen else None


def _hidden_layer(layer: Layer, registry: Registry) -> Dense:
    components = {
        "activation": _configure(registry, "activation", layer.activation),
        "init": _configure(registry, "initializer", layer.init),
        "bias_init": _configure(registry, "initializer", layer.bias_init),
    }
    numbers = {"dropout": number_of(layer.dropout), "rate": layer.rate or 1.0}
    return Dense(**{**_plain(Dense, layer), **numbers, **components})


def _plain(description: type[Dense] | type[Network], *sections: Section) -> dict[str, Any]:
    """What sections say under the names of a description's fields."""
    given = {key: value for section in sections for key, value in given_by(section).items()}
    return {one.name: given[one.name] for one in fields(description) if one.name in given}


def _output_layer(model: Model, registry: Registry, loss: Configured, output: Configured, target: TargetForm) -> Dense:
    """Describe the last layer.  Where the loss applies a link, the layer itself applies the identity."""
    through = _link(registry, loss.component).title == "identity"
    applied = output if through else built_in().configured("activation", "identity")
    init, bias_init = (_configure(registry, "initializer", chosen) for chosen in (model.init, model.bias_init))
    return Dense(target.outputs, applied, init, bias_init=bias_init)


def _without_rate(optimizer: Component, settings: dict[str, Any]) -> Configured:
    """Return the optimizer with its own parameters except the rate, which changes with the schedule."""
    names = [*optimizer.defaults(), *(["weight_decay"] if "weight_decay" in optimizer.roles else [])]
    return Configured(optimizer, {name: number_of(settings[name]) for name in names if name != "learning_rate"})


def _without_warmup(registry: Registry, chosen: ComponentSpec) -> Configured:
    """Return the schedule with its own parameters."""
    component = registry.titled("schedule", chosen.type)
    return Configured(component, {name: chosen.parameters[name] for name in component.defaults()})


# ---- writing the choices back to the spec


def _without_auto(loaded: Loaded, facts: Facts, loss: Component, metrics: list[ComponentSpec]) -> Spec:
    spec, registry, base = loaded.spec, loaded.registry, loaded.source.base
    measures = measures_of([_configure(registry, "metric", one) for one in metrics])
    size = spec.train.batch_size
    if size == "auto":
        size = "full" if registry.titled("optimizer", spec.optimizer.type).form == "solver" else DEFAULT_BATCH
    if size == "by-rows":
        size = next(size for size, most in BATCHES if facts.rows.get("train", 0) <= most)
    return replace(
        spec,
        data=_resolved_data(spec, base, facts, loss),
        model=_resolved_model(spec.model, registry, _link(registry, loss)),
        loss=_choose(spec.loss, loss),
        train=replace(_resolved_watch(spec, facts, measures), metrics=metrics, batch_size=size),
        plugins=[str(base / name) for name in spec.plugins],
    )


def _validates(spec: Spec, facts: Facts) -> bool:
    """Whether there is a validation part.  A model file does not tell how many rows there were."""
    return validated(spec) and (spec.ensemble is not None or not facts.rows or "validation" in facts.rows)


def _resolved_watch(spec: Spec, facts: Facts, measures: Iterable[str]) -> Train:
    """Resolve what early stopping and the choice of the best epoch watch: one key for both.

    measures: the names of the metrics.
    """
    train, stopping, select = spec.train, spec.train.early_stopping, spec.train.select
    usual = f"validation_{next(iter(measures), 'loss')}" if watches_metric(train) else "validation_loss"
    monitor = next(iter(watched(train).values()), usual if _validates(spec, facts) else None)
    if monitor is None:
        return replace(train, select=None, calibrate=None)
    return replace(
        train,
        calibrate=train.calibrate if _validates(spec, facts) else None,
        select=select and replace(select, monitor=monitor),
        early_stopping=stopping and replace(stopping, monitor=monitor),
    )


def _choose(chosen: Auto, otherwise: Component) -> ComponentSpec:
    """Return the component chosen; "auto" becomes another one with its defaults."""
    return ComponentSpec(otherwise.title, otherwise.defaults()) if chosen == "auto" else chosen


def _resolved_model(model: Model, registry: Registry, link: Component) -> Model:
    """Resolve every initializer ("auto" is the activation's preference) and the output activation."""

    def init(chosen: Auto, activation: ComponentSpec) -> ComponentSpec:
        asked = registry.titled("activation", activation.type)
        return _choose(chosen, registry.named_by(asked, "initializer", asked.traits["init"]))

    output = _choose(model.output_activation if link.title == "identity" else "auto", link)
    layers = [
        replace(
            layer,
            init=init(model.init if layer.init == "auto" else layer.init, layer.activation),
            bias_init=model.bias_init if layer.bias_init == "auto" else layer.bias_init,
        )
        for layer in model.layers
    ]
    return replace(model, layers=layers, output_activation=output, init=init(model.init, output))


def _resolved_data(spec: Spec, base: Path, facts: Facts, loss: Component) -> Data:
    data = spec.data
    standard = facts.task.standardized == wanted_by(loss)
    held = shares(data.path, vars(data.split))  # none for a part with a source
    if spec.ensemble is not None:
        held.pop("validation", None)  # folds take its place
    formats = {source_format(source, base, data.format) for source in sources(data.path).values()}
    return replace(
        data,
        path=make_absolute(data.path, base),
        format=facts.format if len(formats) == 1 else data.format,  # parts of several formats tell their own
        csv=replace(data.csv, delimiter=facts.delimiter or ","),
        task=facts.task.name,
        scale=facts.scale,
        target_scale=("standard" if standard else "none") if data.target_scale == "auto" else data.target_scale,
        split=replace(data.split, stratify=facts.stratify, validation=held.get("validation"), test=held.get("test")),
    )
