"""A process of plugins.py: the time until a plugin's activation is ready to train with, and what it compiled.

    python benchmarks/plugin_process.py PLUGIN.py NAME FORMULA

The plugin's activation and the built-in of that formula are made ready for a small net, after a first engine has loaded
everything that they share.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.plugins.finding import with_files
from numbann.simd import objects
from numbann.testing.speed import engine_of


def ready(component: Component) -> float:
    """Seconds until an engine with this activation can train."""
    start = time.perf_counter()
    engine_of(component, (64, 32, 10)).close()
    return time.perf_counter() - start


def main(plugin: str, name: str, formula: str) -> None:
    """Print what was found, as JSON."""
    ready(built_in().get("activation", "relu"))
    start = time.perf_counter()
    registry = with_files([Path(plugin)])
    found = registry.get("activation", name)
    load = time.perf_counter() - start
    known, misses = ready(registry.get("activation", formula)), objects.MISSES
    own = ready(found)
    print(json.dumps({"load": load, "built-in": known, "plugin": own, "compiled": objects.MISSES - misses}))


if __name__ == "__main__":
    main(*sys.argv[1:])
