"""Findings about spec and data together: an output layer listed among the hidden ones, and classes in no order."""

from __future__ import annotations

from collections.abc import Iterator

from numbann.data.choices import settings_of
from numbann.data.findings.finding import Finding
from numbann.data.tasks.task import Task
from numbann.data.wording import listed, quoted
from numbann.errors import shown
from numbann.spec.model import to_json
from numbann.spec.resolution import Resolved

OUTPUTS = ("softmax", "log_softmax", "sigmoid", "identity")  # the activations of output layers


def habits(resolved: Resolved, task: Task) -> Iterator[Finding]:
    """Find what is probably not meant."""
    yield from _output_layers(resolved, task)
    yield from _alphabets(resolved, task)


def _alphabets(resolved: Resolved, task: Task) -> Iterator[Finding]:
    """Find classes of text that a loss takes for ordered, though the spec gives no order."""
    if resolved.target != "order" or len(task.subjects) < 3 or not isinstance(task.subjects[0], str):
        return
    name, columns = task.names[0], to_json(resolved.spec.data)["columns"]
    if not settings_of(columns, name).get("order"):
        what = f"the classes of {quoted(name)} are in the order of the alphabet: {listed(task.subjects)}"
        yield Finding("order", name, f'{what}; give theirs: "columns": {{{quoted(name)}: {{"order": [...]}}}}')


def _output_layers(resolved: Resolved, task: Task) -> Iterator[Finding]:
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
