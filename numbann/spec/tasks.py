"""Matches losses and metrics with the task of the data, by what they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numbann.components.component import Component
from numbann.components.registry import Registry
from numbann.errors import shown

if TYPE_CHECKING:
    from numbann.data.tasks.task import TargetForm, Task


def wanted_by(loss: Component) -> str:
    """Return the kind of target that a loss asks for: "label", "columns", or one of component.TARGETS."""
    if loss.columns:
        return "columns"
    target = str(loss.traits["target"])
    return "label" if "label" in loss.roles and target != "order" else target


def target_for(loss: Component, task: Task, values: Mapping[str, Any] | None = None) -> TargetForm | None:
    """Return the form of target for a loss under a task, or None if the loss cannot serve the task.

    values: the loss's parameters; None for their defaults.
    """
    return task.target_for(wanted_by(loss), loss.outputs_by(values), len(loss.columns))


def unfit_loss(loss: Component, task: Task, registry: Registry) -> str:
    """Return the message for a loss that cannot serve the task, with the losses that can."""
    able = [entry.component.title for entry in registry.entries("loss") if target_for(entry.component, task)]
    if loss.columns:
        asked = f"{shown(loss.name)} needs a regression with the target columns for {' and '.join(loss.columns)}"
        return f'{asked}, in this order: "target": {list(loss.columns)}, "task": "regression"'.replace("'", '"')
    return f"{shown(loss.name)} cannot serve {task}; give one that can: {', '.join(able)}"


def unfit_metric(metric: Component, task: Task | type[Task] | None, loss: Component | None, registry: Registry) -> str:
    """Return the message for a metric that cannot serve the task and its loss, or an empty text if it can.

    What is not known is None; of a task, the class may be all that is known.
    """
    named = task.name if isinstance(task, type) else task
    if task and task.trait and not metric.traits[task.trait]:
        able = [entry.component.title for entry in registry.entries("metric") if entry.component.traits[task.trait]]
        return f"metric {shown(metric.name)} cannot serve {named}; give one that can: {', '.join(able)}"
    asked = f"metric {shown(metric.name)} asks for"
    roles = {"t", "weight", "group", *task.roles} if task else {*metric.roles}
    for role in sorted({*metric.roles} - roles):
        every = [entry.component for entry in registry.entries("metric")]
        able = [one.title for one in every if {*one.roles} <= roles and not one.outputs]
        return f"{asked} {role}, which {named} does not have; give one that it has: {', '.join(able)}"
    if loss and set(metric.outputs) - {*loss.units, *loss.columns}:
        losses = [entry.component for entry in registry.entries("loss")]
        able = [one.title for one in losses if set(metric.outputs) <= {*one.units, *one.columns}]
        given = f"give a loss that does ({', '.join(able)})" if able else "no loss does"
        return f"{asked} {' and '.join(metric.outputs)}, which {loss.name} does not give; leave it out, or {given}"
    return ""
