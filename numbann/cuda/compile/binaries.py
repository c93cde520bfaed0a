"""The cache of the CUDA engine's machine code: files in the cache folder, and their names.

The folder's name is a hash of numbann's own sources (numbann.simd.cache).  A file's name is a hash of everything else:
the functions of a kernel and what they close over, the generated modules (their names are hashes of their texts), the
launch bounds, the dtype, the compute capability, and the tools that make machine code.  So no file can be stale, and a
damaged one counts as missing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from numbann.caches import read_checked, write_checked
from numbann.cuda.threads.device import Capability, bounds_of
from numbann.cuda.threads.running import Binary, toolchain
from numbann.simd.cache import cache_folder, describe


def file_of(kernel: Any, dtype: str, capability: Capability) -> Path:
    """The path of a kernel's file, which need not exist."""
    what = repr((describe(kernel), bounds_of(kernel), dtype, capability, toolchain()))
    return cache_folder() / f"{kernel.__name__}-{hashlib.sha256(what.encode()).hexdigest()[:20]}.cubin"


def read(path: Path) -> Binary | None:
    """Read a file; None if it is missing or damaged."""
    content = read_checked(path)
    if content is None:
        return None
    entry, _, code = content.partition(b"\0")
    return Binary(entry.decode(), code)


def store(path: Path, binary: Binary) -> None:
    """Write a file: the kernel's name, a zero, and the code."""
    write_checked(path, binary.entry.encode() + b"\0" + binary.code)
