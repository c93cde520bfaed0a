"""Resolves every "auto" of a spec from the facts of its data.

`train.threads` and `train.device` stay: the engine chooses them, and `Resolved.with_engine` writes them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from numbann.components.built_in import built_in
from numbann.components.component import Component, Configured
from numbann.components.registry import Registry
from numbann.data.contract import Facts
from numbann.errors import SpecError
from numbann.network.description import Categories, Course, Dense, Embedding, Network
from numbann.records import dataclass
from numbann.spec.agreement import scheduled
from numbann.spec.autos import without_auto
from numbann.spec.configured import choose, configure, link_of, measures_of, usual_metrics
from numbann.spec.loading import Loaded
from numbann.spec.misfits import find_misfits
from numbann.spec.model import SHARED, ComponentSpec, Layer, Model, Section, Spec, given_by, number_of, to_json
from numbann.spec.tasks import target_for

if TYPE_CHECKING:
    from numbann.data.tasks.task import TargetForm


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
    loss = configure(registry, "loss", choose(given.loss, built_in().get("loss", task.loss)))
    target = target_for(loss.component, task, loss.values)
    asked = given.train.metrics
    chosen = asked if isinstance(asked, list) else usual_metrics(task, loss)
    metrics = tuple(configure(registry, "metric", one) for one in chosen)
    found = list(find_misfits(loaded, loss, target, metrics, facts))
    if found or target is None:
        raise SpecError([loaded.source.fault(trail, message) for trail, message in found], loaded.source.name)
    spec = without_auto(loaded, facts, loss.component, chosen, measures_of(metrics))
    output = configure(registry, "activation", spec.model.output_activation)
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


def _courses(registry: Registry, spec: Spec) -> Iterator[tuple[str, Course]]:
    """Yield the course of each number that has a schedule, unless it is 0."""
    for name, _, given in scheduled(spec):
        if given.value:
            warmup = given.schedule.parameters["warmup_epochs"]
            yield name, Course(_without_warmup(registry, given.schedule), warmup)


def _embedding(model: Model, registry: Registry) -> Configured | None:
    chosen = model.input.embedding if model.input else None
    return configure(registry, "embedding", chosen) if chosen else None


def _categories(model: Model, coded: Mapping[int, int]) -> Categories | None:
    chosen = model.input.categories if model.input else None
    return Categories(coded, chosen.size, chosen.rate) if chosen else None


def _hidden_layer(layer: Layer, registry: Registry) -> Dense:
    components = {
        "activation": configure(registry, "activation", layer.activation),
        "init": configure(registry, "initializer", layer.init),
        "bias_init": configure(registry, "initializer", layer.bias_init),
    }
    numbers = {"dropout": number_of(layer.dropout), "rate": layer.rate or 1.0}
    return Dense(**{**_plain(Dense, layer), **numbers, **components})


def _plain(description: type[Dense] | type[Network], *sections: Section) -> dict[str, Any]:
    """What sections say under the names of a description's fields."""
    given = {key: value for section in sections for key, value in given_by(section).items()}
    return {one.name: given[one.name] for one in fields(description) if one.name in given}


def _output_layer(model: Model, registry: Registry, loss: Configured, output: Configured, target: TargetForm) -> Dense:
    """Describe the last layer.  Where the loss applies a link, the layer itself applies the identity."""
    through = link_of(registry, loss.component).title == "identity"
    applied = output if through else built_in().configured("activation", "identity")
    init, bias_init = (configure(registry, "initializer", chosen) for chosen in (model.init, model.bias_init))
    return Dense(target.outputs, applied, init, bias_init=bias_init)


def _without_rate(optimizer: Component, settings: dict[str, Any]) -> Configured:
    """Return the optimizer with its own parameters except the rate, which changes with the schedule."""
    names = [*optimizer.defaults(), *(["weight_decay"] if "weight_decay" in optimizer.roles else [])]
    return Configured(optimizer, {name: number_of(settings[name]) for name in names if name != "learning_rate"})


def _without_warmup(registry: Registry, chosen: ComponentSpec) -> Configured:
    """Return the schedule with its own parameters."""
    component = registry.titled("schedule", chosen.type)
    return Configured(component, {name: chosen.parameters[name] for name in component.defaults()})
