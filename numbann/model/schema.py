"""What goes into a model and what comes out of it, as JSON values: columns with their kinds, targets and classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numbann.data.encoding import Encoding
from numbann.data.preprocessing import Preprocessing
from numbann.data.transforms.codes import ordinal, target
from numbann.data.transforms.dated import DateCode
from numbann.data.transforms.filling import Filling


def schema_of(preprocessing: Preprocessing, units: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of a model with a preprocessing, whose loss gives values of these units.

    A feature is a number, a text or a date.  categories: the texts that training had, null for a missing one.  order:
    texts in their order.  format: how a date is written.  required: a number may not be missing.  outputs: what the
    loss gives for each target beside its value, with its unit.
    """
    encoding, task = preprocessing.encoding, preprocessing.task
    numbers, classes = _numbers(encoding), task.classes_or_pairs
    return {
        "task": task.name,
        "features": {name: _of_text(encoding, name) or numbers[name] for name in encoding.features},
        "targets": list(task.names),
        "classes": None if classes is None else list(classes),
        **({"outputs": dict(units)} if units else {}),
    }


def _of_text(encoding: Encoding, name: str) -> dict[str, Any] | None:
    """Return what is said of a column of texts; None for one of numbers."""
    if name in encoding.categories:
        return {"type": "text", "categories": list(encoding.categories[name].values)}
    match encoding.codes.get(name):
        case None:
            return None
        case DateCode(format=format):
            return {"type": "date", **({"format": format} if format else {})}
        case ordinal.Coding(order=order):
            return {"type": "text", "order": list(order)}
        case target.Coding(values=values):
            return {"type": "text", "categories": list(values)}
    return {"type": "text"}


def _numbers(encoding: Encoding) -> Mapping[str, dict[str, Any]]:
    """Return what is said of each column of numbers."""
    return {
        name: {"type": "number"} if isinstance(group.missing, Filling) else {"type": "number", "required": True}
        for group in encoding.groups
        for name in group.names
    }
