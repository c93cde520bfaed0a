"""The table of tasks, one a file of this folder, by the names that a spec gives them; no NumPy is needed to list them.

A task says how targets are encoded, how outputs are read, and which loss and metrics are the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numbann.data.tasks.task import Task

# the file of each task for a list of target columns; for one column it is that of the task's own name
FOR_LISTS = {"classification": "class_probabilities", "regression": "regression", "multilabel": "multilabel"}
SEVERAL = {"multilabel": "several yes/no labels"}  # tasks of nothing but lists: what they predict


def find_task(name: str, several: bool) -> type[Task]:
    """The task of that name for one target column, or for several."""
    return _class_in(FOR_LISTS[name] if several else name)


def task_from_dict(given: Mapping[str, Any]) -> Task:
    """The task that `Task.to_dict` wrote, also before the task in it had a name."""
    if "type" not in given:
        kinds = {"classes": "classification", "pairs": "multilabel", "probabilities": "class_probabilities"}
        given = {**given, "type": next((kind for key, kind in kinds.items() if given[key]), "regression")}
    return _class_in(given["type"]).from_dict(given)


def _class_in(file: str) -> type[Task]:
    if file not in {*FOR_LISTS, *FOR_LISTS.values()}:  # a model file may say anything
        raise ValueError(f"there is no task {file!r}")
    found: type[Task] = import_module(f"{__name__}.{file}").TASK
    return found
