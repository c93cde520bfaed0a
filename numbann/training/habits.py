"""Habits from other libraries that a spec takes for what it says: the output layer listed among the hidden ones."""

from __future__ import annotations

from collections.abc import Iterator

from numbann.data.findings.finding import Finding
from numbann.data.tasks.task import Task
from numbann.errors import shown
from numbann.spec.resolution import Resolved

OUTPUTS = ("softmax", "log_softmax", "sigmoid", "identity")  # the activations of output layers


def habits(resolved: Resolved, task: Task) -> Iterator[Finding]:
    """Find a last hidden layer that looks like the output layer, which is added by itself."""
    if not resolved.spec.model.layers:
        return
    last, outputs = resolved.spec.model.layers[-1], resolved.layers[-1].units
    classes = len(task.subjects) if task.name == "classification" else outputs
    if last.units in (outputs, classes) and last.activation.type in OUTPUTS:
        yield Finding(
            "output_layer",
            "",
            f"the last of model.layers ({last.units} {shown(last.activation.type)}) looks like the output layer, which "
            "is added by itself; leave it out",
        )
