"""The mathematics of numbann: its components, and the functions of rows that they call."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from numbann.components.hookspecs import hookimpl


@hookimpl
def numbann_register(register: Callable[[object], object]) -> None:
    """Register every component that a module of this package declares under a public name."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if hasattr(value, "__numbann__") and value.__module__ == module.name and not name.startswith("_"):
                register(value)
