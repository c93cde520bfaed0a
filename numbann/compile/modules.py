"""Modules of generated code, named by the hash of their text, written to the cache folder and imported.

The text holds everything that its meaning depends on, and the folder's name the rest, so a module on disk is never
stale.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from numbann.simd.jit import cache_folder, cache_works


@functools.cache
def load(text: str) -> ModuleType:
    """The module with this text, from the cache folder if that can be written."""
    name = "numbann_generated_" + hashlib.sha256(text.encode()).hexdigest()[:20]
    path = cache_folder() / f"{name}.py"
    if cache_works() and not (path.is_file() and path.read_bytes() == text.encode()):
        write(path, text.encode())
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(text, str(path), "exec"), vars(module))
    return module


def write(path: Path, content: bytes) -> None:
    """Write a file so that no other process ever sees a part of it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(content)
    os.replace(file.name, path)
