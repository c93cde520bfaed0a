"""The kernels of components by name: those of built-in ones are found without reading their mathematics."""

from __future__ import annotations

import functools
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

    A built-in component is known by its name, since the cache is one of numbann's own sources; any other by the text
    that is made of its mathematics.
    """
    if not is_built_in(component):
        return int(maker.function(component, *settings))
    key = maker.module, maker.name, component.kind, component.name, *settings
    address = objects.find(key)
    if address is None:
        address = int(maker.function(component, *settings))
        objects.keep(key, objects.loaded(address))
    return address
