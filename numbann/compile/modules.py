"""Modules of generated code, named by the hash of their text, written to the cache folder and imported.

The text holds everything that its meaning depends on, and the folder's name the rest, so a module on disk is never
stale.  It is there to be read: what runs is the text itself.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from types import ModuleType

from numbann.simd.cache import cache_folder, read, write


@functools.cache
def load(text: str) -> ModuleType:
    """The module with this text."""
    name = "numbann_generated_" + hashlib.sha256(text.encode()).hexdigest()[:20]
    path = cache_folder() / f"{name}.py"
    if read(path) != text.encode():
        write(path, text.encode())
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(text, str(path), "exec"), vars(module))
    return module
