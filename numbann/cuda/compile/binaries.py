"""The cache of the CUDA engine's machine code: files in the cache folder, and their names.

The folder's name is a hash of numbann's own sources (numbann.simd.jit).  A file's name is a hash of everything else:
the functions of a kernel and what they close over, the generated modules (their names are hashes of their texts), the
launch bounds, the dtype, the compute capability, and the tools that make machine code.  So no file can be stale, and a
damaged one counts as missing.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from numbann.compile.modules import write
from numbann.cuda.threads.device import Capability, bounds_of
from numbann.cuda.threads.running import Binary, toolchain
from numbann.simd.jit import cache_folder, cache_works

DIGEST = 32  # bytes of the digest at the start of a file; then follow the kernel's name, a zero, and the code


def file_of(kernel: Any, dtype: str, capability: Capability) -> Path:
    """The path of a kernel's file, which need not exist."""
    what = repr((describe(kernel), bounds_of(kernel), dtype, capability, toolchain()))
    return cache_folder() / f"{kernel.__name__}-{hashlib.sha256(what.encode()).hexdigest()[:20]}.cubin"


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
    if value is None or isinstance(value, str | bool | int | float | np.generic):
        return repr(value)
    raise TypeError(f"a kernel closes over {value!r}, which has no lasting name")


def read(path: Path) -> Binary | None:
    """Read a file; None if it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, rest = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(rest).digest() != digest:
        return None
    entry, _, code = rest.partition(b"\0")
    return Binary(entry.decode(), code)


def store(path: Path, binary: Binary) -> None:
    """Write a file; a folder that cannot be written is no error, since the cache only saves time."""
    rest = binary.entry.encode() + b"\0" + binary.code
    if cache_works():
        with contextlib.suppress(OSError):
            write(path, hashlib.sha256(rest).digest() + rest)
