"""Machine code of the CUDA engine's kernels in the cache folder, and its names there.  It compiles nothing.

The folder is named by the hash of numbann's own sources (numbann.simd.jit), a file by everything else: the functions
that a kernel is built of with what they close over, generated modules by names that are hashes of their texts, the
kernel's bounds, the dtype, the GPU's compute capability, and what makes machine code.  So no file can be stale; one
that is damaged counts as missing.
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

DIGEST = 32  # bytes that a file begins with; then come the kernel's name, a zero, and the code


def file_of(kernel: Any, dtype: str, capability: Capability) -> Path:
    """The file of a kernel, whether it is there or not."""
    what = repr((describe(kernel), bounds_of(kernel), dtype, capability, toolchain()))
    return cache_folder() / f"{kernel.__name__}-{hashlib.sha256(what.encode()).hexdigest()[:20]}.cubin"


def describe(value: Any) -> str:
    """What a kernel is built of; TypeError for what has no name that holds in every process."""
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
    """What a file holds; None if it is not there or damaged."""
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
    """Write a file, if that can be done."""
    rest = binary.entry.encode() + b"\0" + binary.code
    if cache_works():
        with contextlib.suppress(OSError):
            write(path, hashlib.sha256(rest).digest() + rest)
