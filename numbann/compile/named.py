"""The kernels of components by name: those of numbann's own are found without reading their mathematics."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import Any

from numbann.components.built_in import is_built_in
from numbann.components.component import Component
from numbann.simd import objects
from numbann.simd.objects import Module, Place

cpu = Module("numbann.compile.cpu")
embeddings = Module("numbann.compile.embeddings")


@functools.cache
def component_kernel(maker: Place, component: Component, *settings: Any) -> int:
    """The address of a component's kernel that a function of cpu.py or embeddings.py makes, with its settings.

    A built-in component is known by its name, since the cache is one of numbann's own sources, and another one of
    numbann by its file, too; any other by the text that is made of its mathematics.
    """
    own = () if is_built_in(component) else _file_of(component)
    if own is None:
        return int(maker.function(component, *settings))
    key = key_of(maker, component, *own, *settings)
    address = objects.find(key)
    if address is None:
        address = int(maker.function(component, *settings))
        objects.keep(key, objects.loaded(address))
    return address


def _file_of(component: Component) -> tuple[str, str] | None:
    """The module and the hash of the file of a component that is in one of numbann's own; else None."""
    name = component.function.__module__
    if component.plugin is not None or not name.startswith("numbann."):
        return None
    return name, hashlib.sha256(Path(str(sys.modules[name].__file__)).read_bytes()).hexdigest()


def key_of(maker: Place, component: Component, *settings: Any) -> tuple[Any, ...]:
    """The key of a component's kernel in the cache, by its name."""
    return *maker, component.kind, component.name, *settings
