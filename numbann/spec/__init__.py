"""The spec: a JSON file, read strictly, checked with all faults at once, and resolved against the data.

No numpy and no numba in here, so that `numbann check` starts at once.
"""

from __future__ import annotations

from numbann.spec.loading import Loaded, load, restore
from numbann.spec.model import ComponentSpec, Spec, to_json
from numbann.spec.resolution import Resolved, resolve
from numbann.spec.source import Source

__all__ = [
    "ComponentSpec",
    "Loaded",
    "Resolved",
    "Source",
    "Spec",
    "load",
    "resolve",
    "restore",
    "to_json",
]
