"""The spec: a JSON file, read strictly, checked with all faults at once, and resolved against the data.

No NumPy and no numba in here, and its modules are imported when they are used, so that `numbann check` starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numbann.spec.loading import Loaded, load, restore
    from numbann.spec.model import ComponentSpec, Spec, to_json
    from numbann.spec.resolution import Resolved, resolve
    from numbann.spec.source import Source

HOMES = {
    **dict.fromkeys(("Loaded", "load", "restore"), "loading"),
    **dict.fromkeys(("ComponentSpec", "Spec", "to_json"), "model"),
    **dict.fromkeys(("Resolved", "resolve"), "resolution"),
    "Source": "source",
}
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


def __getattr__(name: str) -> Any:
    """Import the module of a name."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
