"""The table of tasks, one file each, by the names that a spec gives them.  Listing them needs no NumPy.

A task defines how targets are encoded, how outputs are read, and the default loss and metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numbann.data.tasks.task import Task

# The file of each task for a list of target columns.  For one column, the file has the task's own name.
FOR_LISTS = {"classification": "class_probabilities", "regression": "regression", "multilabel": "multilabel"}
SEVERAL = {"multilabel": "several yes/no labels"}  # tasks that need a list of targets: what they predict


def find_task(name: str, several: bool) -> type[Task]:
    """Return the task of this name for one target column, or for several."""
    return _class_in(FOR_LISTS[name] if several else name)


def task_from_dict(given: Mapping[str, Any]) -> Task:
    """Restore the task that `Task.to_dict` wrote."""
    return _class_in(given["type"]).from_dict(given)


def _class_in(file: str) -> type[Task]:
    if file not in {*FOR_LISTS, *FOR_LISTS.values()}:  # a model file may say anything
        raise ValueError(f"there is no task {file!r}")
    found: type[Task] = import_module(f"{__name__}.{file}").TASK
    return found
