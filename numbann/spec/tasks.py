"""Which losses serve which task, and the target and the number of outputs that each of them then asks for."""

from __future__ import annotations

from dataclasses import dataclass

from numbann.components.component import Component
from numbann.components.registry import Registry
from numbann.data.contract import Facts
from numbann.errors import shown


@dataclass(frozen=True)
class Task:
    """What the data asks for: "classification", "multilabel" or "regression"; how many classes and target columns."""

    kind: str
    classes: int
    targets: int
    probabilities: bool

    @classmethod
    def of(cls, facts: Facts) -> Task:
        """The task in the facts that `numbann.data` found."""
        return cls(facts.task, len(facts.classes or ()), len(facts.targets), facts.probabilities)

    def __str__(self) -> str:
        if self.probabilities:
            return f"classification by {self.targets} probabilities"
        if self.kind == "multilabel":
            return f"{self.targets} yes/no labels"
        return self.kind if self.kind == "regression" else f"classification into {self.classes} classes"


@dataclass(frozen=True)
class Target:
    """A target as `numbann.data` prepares it ("label", "one_hot", "binary", "real") and the outputs that meet it."""

    form: str
    outputs: int


def default_loss(task: Task) -> str:
    """The loss that `auto` means."""
    if task.kind == "regression":
        return "mse"
    if task.probabilities:
        return "soft_cross_entropy"
    return "sigmoid_cross_entropy" if task.kind == "multilabel" or task.classes == 2 else "softmax_cross_entropy"


def default_metrics(task: Task) -> tuple[str, ...]:
    """The metrics that `auto` means."""
    return ("rmse", "r2") if task.kind == "regression" else ("accuracy",)


def target_for(loss: Component, task: Task) -> Target | None:
    """The target that a loss asks for under a task, or None if it cannot serve it."""
    wants = "label" if "label" in loss.roles else loss.traits["target"]
    form = _form(wants, task)
    if form is None or (task.kind != "regression" and loss.traits["outputs"] > 1):
        return None
    if task.kind == "multilabel":
        return Target(form, task.targets) if loss.traits["outputs"] == 1 else None
    width = {"label": task.classes, "one_hot": task.classes, "binary": 1, "real": task.targets}[form]
    return Target(form, width * loss.traits["outputs"])


def _form(wants: str, task: Task) -> str | None:
    """The form of the target for a loss that wants "label" or a target of component.TARGETS."""
    if task.kind == "regression":
        return "real" if wants in ("real", "unshifted", "positive") else None
    if task.kind == "multilabel":
        return {"binary": "binary", "real": "one_hot"}.get(wants)
    if task.probabilities:
        return "real" if wants in ("real", "distribution") else None
    if wants == "binary":
        return "binary" if task.classes == 2 else None
    return {"label": "label", "real": "one_hot", "distribution": "one_hot"}.get(wants)


def unfit_loss(loss: Component, task: Task, registry: Registry) -> str:
    """The message for a loss that cannot serve the task: which can."""
    able = [entry.component.name for entry in registry.entries("loss") if target_for(entry.component, task)]
    return f"{shown(loss.name)} cannot serve {task}; give one that can: {', '.join(able)}"


def unfit_metric(metric: Component, task: Task, registry: Registry) -> str:
    """The message for a metric that cannot serve the task, or nothing if it can."""
    if task.kind == "multilabel" and not metric.traits["multilabel"]:
        able = [entry.component.name for entry in registry.entries("metric") if entry.component.traits["multilabel"]]
        return f"metric {shown(metric.name)} cannot serve {task}; give one that can: {', '.join(able)}"
    foreign = {"label", "probability"} if task.kind == "regression" else {"value"}
    asked = sorted(foreign & set(metric.roles))
    return f"metric {shown(metric.name)} asks for {asked[0]}, which {task} does not have; leave it out" if asked else ""
