"""Values of files that may say anything: each is checked as it is read, so that damage is told and not computed with.

These functions raise what `reading` turns into an error that names the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage


@contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Turn an error about what a file says into one that names the file."""
    try:
        yield path
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {error.strerror}") from None
    except UNUSABLE as error:
        raise RunDirectoryError(f"{path}: is damaged: {describe_damage(error)}") from None


def object_in(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds."""
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise TypeError
    json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate in a name is damage, too
    return found


def spec_of(found: Any) -> dict[str, Any]:
    """Return a resolved spec that has what is asked of it."""
    task, layers = found["data"]["task"], found["model"]["layers"]
    if not isinstance(task, str) or not all(isinstance(layer["units"], int) for layer in layers):
        raise TypeError
    found["train"].get("select")
    return dict(found)


def figures_of(found: Any) -> dict[str, float | None]:
    """Return loss and metrics by name."""
    return {str(name): number_of(value) for name, value in found.items()}


def number_of(value: Any, otherwise: Any = None) -> Any:
    """Return a finite number, or what stands for none."""
    if value is None:
        return otherwise
    if type(value) not in (int, float) or not isfinite(value):
        raise TypeError
    return value


def text_of(value: Any) -> str | None:
    """Return a text, or None for none."""
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value
