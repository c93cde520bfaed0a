"""Trackers: callbacks that write a run where other programs show it.  Each imports its package when it is made."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from numbann.errors import NumbannError
from numbann.spec.agreement import no_package
from numbann.spec.model import CALLBACKS, PACKAGES, ComponentSpec, to_json
from numbann.training.beside import told
from numbann.training.trackers.tracker import Tracker


def make(kind: str, /, **given: Any) -> Tracker:
    """Make a tracker by its name in a spec, with the keys that a spec gives it; NumbannError if it cannot be made."""
    if find_spec(PACKAGES[kind]) is None:
        raise NumbannError(no_package(kind))
    section = CALLBACKS[kind]
    try:
        module = importlib.import_module(f"{__name__}.{kind}")
        found: Tracker = getattr(module, section.__name__)(**{**to_json(section()), **given})
    except Exception as error:
        raise NumbannError(f"callback {kind} cannot be made: {told(error)}") from error
    return found


def make_all(chosen: Iterable[ComponentSpec]) -> list[Tracker]:
    """Make the trackers that a spec names."""
    return [make(one.type, **one.parameters) for one in chosen]
