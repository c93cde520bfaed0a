"""The cache of compiled code: a folder that nobody else can write, and a checked file for each kernel.

Loading compiled code runs it, so whoever can write the folder, or put another in its place, runs code in the next
process.  The folder is named by the hash of all kernel sources and of the compilers' versions, so nothing in it can be
stale.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

from numbann.caches import private_folder
from numbann.errors import CacheWarning
from numbann.versions import version_of

# A change in any of these folders makes a new cache folder: a file's name does not depend on the functions that its
# kernel calls in other files
KERNEL_SOURCES = ("components", "mathematics", "derivation", "simd", "compile", "engine", "kernels", "cuda")


# ---- the folder


@functools.cache
def versions_hash() -> str:
    """The hash of every kernel source of numbann and of the versions of its compilers."""
    package = os.path.dirname(os.path.dirname(__file__))
    digest = hashlib.sha256(repr((*map(version_of, ("numba", "llvmlite")), sys.version_info[:2])).encode())
    for folder in KERNEL_SOURCES:
        for path in _sources(os.path.join(package, folder)):
            with open(path, "rb", buffering=0) as file:  # every process reads them all: twice as fast as by Path
                digest.update(file.read())
    return digest.hexdigest()[:16]


def _sources(folder: str) -> Iterator[str]:
    """Yield the Python files in a folder and in those below it, in the same order everywhere."""
    for place, below, files in os.walk(folder):
        below.sort()
        yield from (os.path.join(place, name) for name in sorted(files) if name.endswith(".py"))


@functools.cache
def cache_folder() -> Path:
    """The folder of this version's compiled code, which may not exist; checked once, when it is first asked for."""
    folder, reason = private_folder(versions_hash())
    if reason:
        message = f"compiled code is not kept between runs: {reason}, or name another folder in NUMBANN_CACHE_DIR"
        warnings.warn(message, CacheWarning, stacklevel=2)
        return _temporary_folder()
    return folder


def _temporary_folder() -> Path:
    """A new private folder, which this process removes at its end."""
    folder, process = tempfile.mkdtemp(prefix="numbann-"), os.getpid()
    # A forked process ends too, and its parent still uses the folder
    atexit.register(lambda: os.getpid() == process and shutil.rmtree(folder, ignore_errors=True))
    return Path(folder)


def cache_lasts() -> bool:
    """Whether the next process finds what this one writes to the folder."""
    folder = cache_folder()
    return folder.name == versions_hash() and os.access(folder, os.W_OK)


def cache_is_empty() -> bool:
    """Whether this version has no compiled kernel on disk."""
    return next(cache_folder().glob("*.object"), None) is None


def describe(value: Any) -> str:
    """What a kernel is built of, as text; TypeError for a value without a name that holds in every process."""
    function = getattr(value, "py_func", value)
    if isinstance(function, FunctionType):
        code = function.__code__
        closed = [describe(cell.cell_contents) for cell in function.__closure__ or ()]
        return f"{function.__module__}:{code.co_firstlineno}:{function.__qualname__}({', '.join(closed)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(describe, value))})"
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if value is None or isinstance(value, str | bool | int | float) or type(value).__module__ == "numpy":
        return repr(value)
    raise TypeError(f"a kernel closes over {value!r}, which has no lasting name")
