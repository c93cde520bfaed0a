"""The zoo is whole: each transform, step, task and loss that says what it gives is in one of its models."""

from __future__ import annotations

import zoo

from numbann.components.built_in import built_in
from numbann.data.tasks import FOR_LISTS
from numbann.data.transforms import CODES, MISSING, SCALES
from numbann.network import steps


def file_of(one: object) -> str:
    """The name of the file that a class is in."""
    return type(one).__module__.rpartition(".")[2]


def test_every_transform() -> None:
    encodings = [zoo.made(name).preprocessing.encoding for name in zoo.ZOO]
    groups = [group for encoding in encodings for group in encoding.groups]
    assert {file_of(scale) for group in groups for scale in group.scales} == set(SCALES)
    assert {file_of(group.missing) for group in groups} == set(MISSING)
    assert {file_of(code) for encoding in encodings for code in encoding.codes.values()} == set(CODES)


def test_every_step() -> None:
    plans = [model.plan for name in zoo.ZOO for model in zoo.made(name).models]
    found = {type(step) for plan in plans for layer in plan.layers for step in layer.predicting.steps}
    kinds = {kind for kind in vars(steps).values() if isinstance(kind, type) and issubclass(kind, steps.Step)}
    assert found == kinds - {steps.Step, steps.Enter, steps.Drop, steps.Loss, steps.Link}


def test_every_task_and_every_loss_that_gives_more_than_values() -> None:
    models = [zoo.made(name) for name in zoo.ZOO]
    assert {file_of(model.preprocessing.task) for model in models} == {*FOR_LISTS, *FOR_LISTS.values()}
    given = {entry.component.name for entry in built_in().entries("loss") if entry.component.gives}
    assert given <= {model.resolved.loss.name for model in models}
