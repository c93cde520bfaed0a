"""The compiler's settings: one set of flags, one cache folder, and kernels as addresses.

The cache folder is named by the hash of all kernel sources and of the compilers' versions, so no compiled kernel in it
can be stale.  A folder that cannot be written and a damaged file cost time, never an error.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import pickle
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba import types

from numbann.simd.columns import INTS, Op

# Without "reassoc": reordered sums would have bits that depend on the vector width and on how a loop is split.  Without
# "nnan" and "ninf": NaN must come through, and the loop over epochs stops at a loss that is not finite
SAFE = {"contract", "nsz", "arcp", "afn"}
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# A change in any of these folders makes a new cache folder.  numba's own key covers one file, not the functions that a
# kernel calls in other files
KERNEL_SOURCES = ("components", "mathematics", "derivation", "simd", "compile", "engine", "kernels", "cuda")
DAMAGE = (EOFError, ValueError, KeyError, OSError, pickle.UnpicklingError, AttributeError, ImportError, IndexError)

DTYPES = {"float32": types.float32, "float64": types.float64}


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function for use inside kernels; it becomes part of each kernel that calls it."""
    return numba.njit(**OPTIONS)(function)


def inner_safe(function: Callable[..., Any]) -> Any:
    """Compile scalar mathematics, always inlined; operations may be fused or approximate, never reordered."""
    return numba.njit(fastmath=SAFE, forceinline=True, **OPTIONS)(function)


def entry(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls with arrays, and keep it in the cache folder."""
    with _cache_here():
        compiled_later = numba.njit(cache=cache_works(), nogil=True, error_model="numpy")(function)
    compiled_later._cache = _Forgiving(compiled_later._cache)
    return compiled_later


class _Forgiving:
    """A numba cache that treats a damaged file as a missing one and ignores a full disk."""

    def __init__(self, cache: Any) -> None:
        self._inner = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Load a compiled function; None if it is missing or damaged."""
        try:
            return self._inner.load_overload(signature, context)
        except DAMAGE:
            with contextlib.suppress(*DAMAGE):
                self._inner.flush()
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep a compiled function if the disk allows it."""
        with contextlib.suppress(*DAMAGE):
            self._inner.save_overload(signature, data)


@functools.cache
def address(function: Callable[..., Any], dtype: str, signature: Callable[[Any], Any] | None = None) -> int:
    """The address of a kernel compiled for a dtype.

    A kernel is a plain function (op, first, last, step, scratch): a row of arguments, a range of units, the numbers of
    the step and a scratch area of the dtype.  signature(dtype) replaces this signature where a function needs another
    one.
    """
    return compiled(function, (signature or kernel_signature)(DTYPES[dtype])).address


@functools.cache
def function(kernel: Callable[..., Any], signature: Callable[[Any], Any], *types: Any) -> Callable[..., Any]:
    """A compiled function that Python calls without its interpreter lock; types are ctypes, the result's first."""
    return ctypes.CFUNCTYPE(*types)(address(kernel, "float32", signature))


def kernel_signature(dtype: Any) -> Any:
    """void (op, first, last, step, scratch): the one signature that the driver calls."""
    return types.void(Op(dtype), types.intp, types.intp, INTS, types.CPointer(dtype))


_KEEP: dict[int, Any] = {}  # compiled kernels by address; they must outlive every table, which holds addresses only
MISSES = 0  # kernels that this process compiled because the cache did not have them


def compiled(function: Callable[..., Any], signature: Any, fastmath: Any = False) -> Any:
    """Compile a function to a cfunc, or load it; a damaged cache is deleted once, then not used."""
    global MISSES
    for attempt in ("cache", "empty cache", "no cache"):
        try:
            with _cache_here():
                kernel = numba.cfunc(
                    signature, cache=attempt != "no cache" and cache_works(), fastmath=fastmath, error_model="numpy"
                )(function)
        except DAMAGE:
            if attempt == "no cache":
                raise
            shutil.rmtree(cache_folder(), ignore_errors=True)
            continue
        MISSES += not kernel.cache_hits
        _KEEP[kernel.address] = kernel
        return kernel
    raise AssertionError("unreachable")


def kernel_at(address: int) -> tuple[Callable[..., Any], str]:
    """The function that a kernel was compiled from, and its precision."""
    kernel = _KEEP[address]
    return kernel._pyfunc, str(kernel._sig.args[0].precision)


def code_of(address: int) -> str:
    """The optimized LLVM code of a kernel with the flags of components; compiled again, as a cached kernel has none."""
    kernel = _KEEP[address]
    again = numba.cfunc(kernel._sig, fastmath=SAFE, error_model="numpy")(kernel._pyfunc)
    return str(again.inspect_llvm())


# ---- the cache folder


@functools.cache
def cache_root() -> Path:
    """NUMBANN_CACHE_DIR, or the platform's folder for caches."""
    if "NUMBANN_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBANN_CACHE_DIR"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "numbann" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "numbann"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "numbann"


@functools.cache
def versions_hash() -> str:
    """The hash of every kernel source of numbann and of the versions of its compilers."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256(repr((numba.__version__, llvmlite.__version__, sys.version_info[:2])).encode())
    for folder in KERNEL_SOURCES:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path:
    """The folder of this version's compiled kernels."""
    return cache_root() / versions_hash()


def cache_is_empty() -> bool:
    """Whether this version has no compiled kernel on disk."""
    return next(cache_folder().rglob("*.nbi"), None) is None


@functools.cache
def cache_works() -> bool:
    """Whether files can be written to the cache folder."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache_folder()):
            return True
    except OSError:
        return False


_POINTING = threading.RLock()


@contextlib.contextmanager
def _cache_here() -> Iterator[None]:
    """Point numba at the cache folder for one decoration, then restore the user's setting."""
    with _POINTING:  # CACHE_DIR is global, and trainings in several threads may compile at once
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(cache_folder())
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before
