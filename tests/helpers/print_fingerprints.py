"""Prints the fingerprints of the components that need no NumPy, as JSON; it runs on any Python."""

from __future__ import annotations

import importlib
import json

from numbann.components.built_in import BUILT_IN
from numbann.components.declare import freeze
from numbann.model.provenance import fingerprint


def main() -> None:
    """Those of every module of built-in components that can be imported."""
    found = {}
    for name in BUILT_IN:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        for component in (freeze(value) for value in vars(module).values() if hasattr(value, "__numbann__")):
            found[f"{component.kind} {component.name}"] = fingerprint(component)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
