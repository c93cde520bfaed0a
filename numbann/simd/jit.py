"""The compiler's settings: one set of flags, one cache, and kernels as addresses."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.core.ccallback import CFunc
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature

from numbann.errors import DeviceError
from numbann.simd.cache import KernelCache
from numbann.simd.columns import INTS, Op
from numbann.simd.op import BFLOAT16

# Without "reassoc": reordered sums would have bits that depend on the vector width and on how a loop is split.  Without
# "nnan" and "ninf": NaN must come through, and the loop over epochs stops at a loss that is not finite
SAFE = {"contract", "nsz", "arcp", "afn"}
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
DTYPES = {"float32": types.float32, "float64": types.float64}
PRECISIONS = {**DTYPES, BFLOAT16: types.Opaque(BFLOAT16)}  # of kernels


class _Inner(CPUDispatcher):
    """A function compiled once for all texts that it is given; numba would compile it for each message of an error."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """The types that a call is compiled for."""
        return super().get_call_template(
            [types.unliteral(kind) if isinstance(kind, types.StringLiteral) else kind for kind in args], kws
        )


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function for use inside kernels; it becomes part of each kernel that calls it."""
    if numba.config.DISABLE_JIT:
        return function
    return _Inner(function, targetoptions={"nopython": True, **OPTIONS})


def inner_safe(function: Callable[..., Any]) -> Any:
    """Compile scalar mathematics, always inlined; operations may be fused or approximate, never reordered."""
    return numba.njit(fastmath=SAFE, forceinline=True, **OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function as a part of the one function that calls it, whose types and branches it shares."""
    return numba.njit(inline="always", **OPTIONS)(function)


def entry(function: Callable[..., Any], dispatcher: Callable[..., Any]) -> Any:
    """Compile a function that Python calls with arrays, by a class of numba's, and keep it in the cache folder."""
    _require_compiler()
    compiled_later = dispatcher(function, targetoptions={"nopython": True, **OPTIONS})
    compiled_later._cache = KernelCache(function)
    return compiled_later


@functools.cache
def address(function: Callable[..., Any], dtype: str, signature: Callable[[Any], Any] | None = None) -> int:
    """The address of a kernel compiled for a dtype.

    A kernel is a plain function (op, first, last, step, scratch): a row of arguments, a range of units, the numbers of
    the step and a scratch area of the dtype.  signature(dtype) replaces this signature where a function needs another
    one.
    """
    return compiled(function, (signature or kernel_signature)(PRECISIONS[dtype])).address


@functools.cache
def function(kernel: Callable[..., Any], signature: Callable[[Any], Any], *types: Any) -> Callable[..., Any]:
    """A compiled function that Python calls without its interpreter lock; types are ctypes, the result's first."""
    return ctypes.CFUNCTYPE(*types)(address(kernel, "float32", signature))


def kernel_signature(dtype: Any) -> Any:
    """void (op, first, last, step, scratch): the one signature that the driver calls."""
    return types.void(Op(dtype), types.intp, types.intp, INTS, types.CPointer(sums_of(dtype)))


def sums_of(dtype: Any) -> Any:
    """The type of sums in kernels of a precision."""
    return types.float32 if dtype == PRECISIONS[BFLOAT16] else dtype


_KEEP: dict[int, Any] = {}  # compiled kernels by address; they must outlive every table, which holds addresses only
MISSES = 0  # kernels that this process compiled because the cache did not have them


def compiled(function: Callable[..., Any], signature: Any, fastmath: Any = False) -> Any:
    """Compile a function to a cfunc, or load it from the cache."""
    global MISSES
    _require_compiler()
    options = {"fastmath": fastmath, "error_model": "numpy"}
    kernel = CFunc(function, normalize_signature(signature), locals={}, options=options)
    kernel._cache = KernelCache(function)
    kernel.compile()
    MISSES += not kernel.cache_hits
    _KEEP[kernel.address] = kernel
    return kernel


def _require_compiler() -> None:
    """DeviceError if numba is told to compile nothing: kernels work on addresses, which Python cannot do."""
    if numba.config.DISABLE_JIT:
        raise DeviceError("NUMBA_DISABLE_JIT is set, but numbann computes in compiled code alone; unset it")


def kernel_at(address: int) -> tuple[Callable[..., Any], str]:
    """The function that a kernel was compiled from, and its precision."""
    kernel = _KEEP[address]
    return kernel._pyfunc, str(kernel._sig.args[0].precision)


def code_of(address: int) -> str:
    """The optimized LLVM code of a kernel with the flags of components; compiled again, as a cached kernel has none."""
    kernel = _KEEP[address]
    again = numba.cfunc(kernel._sig, fastmath=SAFE, error_model="numpy")(kernel._pyfunc)
    return str(again.inspect_llvm())
