"""Functions that Python and @njit code call with arrays: compiled for their types, and kept as numba has them."""

from __future__ import annotations

import functools
import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from numbann.caches import read, read_checked, write_checked
from numbann.simd.cache import cache_folder, describe
from numbann.simd.jit import OPTIONS, require_compiler
from numbann.simd.objects import SETTINGS


def entry(function: Callable[..., Any], dispatcher: Callable[..., Any]) -> Any:
    """Compile a function that Python calls with arrays, by a class of numba's, and keep it in the cache folder."""
    require_compiler()
    compiled_later = dispatcher(function, targetoptions={"nopython": True, **OPTIONS})
    compiled_later._cache = KernelCache(function)
    return compiled_later


class KernelCache(NullCache):
    """What numba asks for compiled forms of a function, with a file for each signature.

    numba's own cache reads pickles unchecked, and two processes that write its index together may leave one signature
    with the code of another.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled function for a signature; None if it is missing or damaged."""
        content = read_checked(self._path(signature, context.codegen()))
        if content is None:
            return None
        context.refresh()
        return CompileResult._rebuild(context, *pickle.loads(content))

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep the compiled function for a signature, unless it contains addresses of this process."""
        if not result.library.has_dynamic_globals:
            write_checked(self._path(signature, result.codegen), dumps(result._reduce()))

    def _path(self, signature: Any, codegen: Any) -> Path:
        code, settings = self._function.__code__, [getattr(numba.config, name) for name in SETTINGS]
        what = describe(self._function), hash_of(code.co_filename), code.co_code, settings
        digest = hashlib.sha256(repr((signature, codegen.magic_tuple(), *what)).encode()).hexdigest()
        return cache_folder() / f"{self._function.__name__}-{digest[:20]}.kernel"


@functools.cache
def hash_of(path: str) -> str:
    """The hash of a source file; of nothing if it cannot be read."""
    return hashlib.sha256(read(Path(path)) or b"").hexdigest()
