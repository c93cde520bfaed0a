"""Modules of generated code, named by the hash of their text and of numbann's sources, and kept in the cache folder.

So a name stands for one meaning for ever.  numba writes these names into the caches of functions that call kernels.
Where such a name is of another version, or its file is gone, importing it raises OSError; numba takes that for a lost
file of its cache and compiles the function again.  So no cache outside of numbann is stale.  What runs is the text
itself, in the process that made it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

from numbann.caches import read, write
from numbann.simd.cache import cache_folder, versions_hash

PREFIX = "numbann_generated_"


@functools.cache
def load(text: str) -> ModuleType:
    """The module with this text."""
    name = name_of(text)
    path = cache_folder() / f"{name}.py"
    if read(path) != text.encode():
        write(path, text.encode())
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(text, str(path), "exec"), vars(module))
    return module


def name_of(text: str) -> str:
    """The name of the module with this text."""
    return PREFIX + hashlib.sha256(versions_hash().encode() + text.encode()).hexdigest()[:20]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports generated modules by name, as numba does where a cached function calls kernels."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """This loader for every generated module, there or not."""
        return importlib.machinery.ModuleSpec(name, self) if name.startswith(PREFIX) else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The module from the cache folder; OSError, not ImportError, if this version has none of this name."""
        content = read(cache_folder() / f"{spec.name}.py")
        if content is None or name_of(content.decode(errors="replace")) != spec.name:
            raise OSError(f"{spec.name} is not in numbann's cache, or of another version")
        return load(content.decode())

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the module is complete."""


sys.meta_path.append(_Finder())
