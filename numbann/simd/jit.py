"""The compiler's settings: one set of flags, and the types of what kernels take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import ir
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

from numbann.errors import DeviceError
from numbann.simd.columns import INTS, Op
from numbann.simd.op import BFLOAT16

Function = TypeVar("Function", bound=Callable[..., Any])

# Without "reassoc": reordered sums would have bits that depend on the vector width and on how a loop is split.  Without
# "nnan" and "ninf": NaN must come through, and the loop over epochs stops at a loss that is not finite
SAFE = {"contract", "nsz", "arcp", "afn"}
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
INSIDE = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # of what compiled code alone calls
DTYPES = {"float32": types.float32, "float64": types.float64}
PRECISIONS = {**DTYPES, BFLOAT16: types.Opaque(BFLOAT16)}  # of kernels


class _Part(JITCodeLibrary):
    """The code of a function that becomes a part of others: it needs no machine code of its own, or says so."""

    alone = False

    def _finalize_final_module(self) -> None:
        if self.alone:
            super()._finalize_final_module()
            return
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerPart(NativeLowering):
    """Makes such code, which numba finds by a key where it has a function's address otherwise."""

    _name = "numbann_lower_part"

    def run_pass(self, state: Any) -> bool:
        context = state.targetctx
        state.library, state.flags.no_compile = _Part(context.codegen(), state.func_id.func_qualname), True
        super().run_pass(state)
        made, key = state.cr, object()
        lines = (line for block in state.func_ir.blocks.values() for line in block.body)
        if any(isinstance(line, ir.DynamicRaise) for line in lines):  # its message is found by a place of its own
            state.library.alone = True
            key = context.get_executable(state.library, made.fndesc, made.env)
        context.insert_user_function(key, made.fndesc, [state.library])
        state.cr = made._replace(cfunc=key)
        return True


class _PartCompiler(Compiler):
    """numba's compiler, with that pass in the place of its own."""

    def define_pipelines(self) -> list[Any]:
        (passes,) = super().define_pipelines()
        passes.passes = [(_LowerPart if one is NativeLowering else one, told) for one, told in passes.passes]
        passes.finalize()
        return [passes]


class _Inner(CPUDispatcher):
    """A function that compiled code alone calls, so that nothing is compiled by which Python could.

    It is compiled once for all texts that it is given; numba would compile it for each message of an error.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named, pipeline_class=_PartCompiler)

    def add_overload(self, result: Any) -> None:
        """Add a compiled form, for callers in compiled code alone."""
        self.overloads[tuple(result.signature.args)] = result

    def __call__(self, *given: Any, **named: Any) -> Any:
        """TypeError: numba would end the process."""
        raise TypeError(f"{self.__name__} is called by compiled code alone; call it in a function with @njit")

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """The types that a call is compiled for."""
        return super().get_call_template(
            [types.unliteral(kind) if isinstance(kind, types.StringLiteral) else kind for kind in args], kws
        )


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function for use inside kernels; it becomes part of each kernel that calls it."""
    if numba.config.DISABLE_JIT:
        return function
    return _Inner(function, targetoptions={"nopython": True, **INSIDE})


def inner_safe(function: Callable[..., Any]) -> Any:
    """Compile scalar mathematics, always inlined; operations may be fused or approximate, never reordered."""
    if numba.config.DISABLE_JIT:
        return function
    return _Inner(function, targetoptions={"nopython": True, "fastmath": SAFE, "forceinline": True, **INSIDE})


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function as a part of the one function that calls it, whose types and branches it shares."""
    return numba.njit(inline="always", **OPTIONS)(function)


def kernel_signature(dtype: Any) -> Any:
    """void (op, first, last, step, scratch): the one signature that the driver calls."""
    return types.void(Op(dtype), types.intp, types.intp, INTS, types.CPointer(sums_of(dtype)))


def sums_of(dtype: Any) -> Any:
    """The type of sums in kernels of a precision."""
    return types.float32 if dtype == PRECISIONS[BFLOAT16] else dtype


def update_signature(dtype: Any) -> Any:
    """void (w, g, count, stride, hyper): that of an optimizer's kernel, or of one in its place."""
    p = types.CPointer(dtype)
    return types.void(p, p, types.intp, types.intp, p)


def takes(signature: Any) -> Callable[[Function], Function]:
    """Give a kernel another signature than `kernel_signature`: one of numba's, or a function of a dtype."""

    def mark(function: Function) -> Function:
        vars(function)["signature"] = signature
        return function

    return mark


def require_compiler() -> None:
    """DeviceError if numba is told to compile nothing: kernels work on addresses, which Python cannot do."""
    if numba.config.DISABLE_JIT:
        raise DeviceError("NUMBA_DISABLE_JIT is set, but numbann computes in compiled code alone; unset it")
