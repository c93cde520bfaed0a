"""The components that a spec chooses, with their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from numbann.components.built_in import built_in
from numbann.components.component import Component, Configured
from numbann.components.registry import Registry
from numbann.spec.model import Auto, ComponentSpec, number_of

if TYPE_CHECKING:
    from numbann.data.tasks.task import Task


def configure(registry: Registry, kind: str, chosen: ComponentSpec) -> Configured:
    """Return a component that a spec chooses; a number with a schedule of its own stands for its value."""
    component = registry.titled(kind, chosen.type)
    given = {name: number_of(value) for name, value in chosen.parameters.items()}
    return Configured(component, {**component.defaults(), **given})


def choose(chosen: Auto, otherwise: Component) -> ComponentSpec:
    """Return the component chosen; "auto" becomes another one with its defaults."""
    return ComponentSpec(otherwise.title, otherwise.defaults()) if chosen == "auto" else chosen


def link_of(registry: Registry, loss: Component) -> Component:
    """Return the activation that a loss contains."""
    return registry.named_by(loss, "activation", loss.traits["link"])


def usual_metrics(task: Task | type[Task], loss: Configured | None) -> list[ComponentSpec]:
    """Return the metrics that "auto" stands for; a loss of the order in groups has one of its own."""
    ordered = loss is not None and loss.component.asks("group", "group_end") and "value" in task.roles
    names = ("ndcg",) if ordered else task.metrics
    return [ComponentSpec(name, built_in().get("metric", name).defaults()) for name in names]


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
