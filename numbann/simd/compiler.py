"""Compiles kernels to objects: numba makes the code, and a plain entry stands where numba would raise exceptions."""

from __future__ import annotations

import secrets
from typing import Any

from llvmlite import ir
from numba.core.ccallback import _CFuncCompiler
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from numbann.simd.columns import columns_of
from numbann.simd.jit import PRECISIONS, SAFE, Function, kernel_signature, require_compiler
from numbann.simd.objects import Object, Place, loaded

NEVER = "NRT_MemInfo_call_dtor"  # frees an array's memory; those of kernels own none


class _Bare(_CFuncCompiler):
    """Compiles a function without a wrapper."""

    def _customize_flags(self, flags: Any) -> Any:
        flags = super()._customize_flags(flags)
        flags.no_cfunc_wrapper = True
        return flags


def prepare() -> None:
    """Load what numba needs to compile anything, as the first function makes it do otherwise."""
    cpu_target.target_context.refresh()


def compiled(function: Function, dtype: str, fastmath: Any = False) -> Object:
    """Compile a kernel for a dtype."""
    return compiled_with_types(function, dtype, fastmath)[0]


def compiled_with_types(function: Function, dtype: str, fastmath: Any = False) -> tuple[Object, Any]:
    """Compile a kernel for a dtype; the types of its variables, as numba annotates them, come with it."""
    entry = f"numbann_{secrets.token_hex(8)}"
    library, types = _compile(function, dtype, fastmath, entry)
    declared = [one.name for one in library._final_module.functions if one.is_declaration]
    made = Object(
        place=Place(function.__module__, function.__name__),
        precision=dtype,
        entry=entry,
        needs=tuple(name for name in declared if not name.startswith("llvm.")),
        columns=tuple(columns_of(function)),
        lasting=not library.has_dynamic_globals,
        code=library._get_compiled_object(),
    )
    return made, types


def code_of(address: int) -> str:
    """The optimized LLVM code of a component's kernel; compiled again, as an object has none."""
    known = loaded(address)
    return str(_compile(Place(*known.place).function, known.precision, SAFE, known.entry)[0].get_llvm_str())


@global_compiler_lock
def _compile(function: Function, dtype: str, fastmath: Any, entry: str) -> tuple[Any, Any]:
    """Compile a function with an entry of a name, of which nothing else is seen from outside."""
    require_compiler()
    signature = getattr(function, "signature", kernel_signature)
    signature = signature(PRECISIONS[dtype]) if callable(signature) else signature
    options = {"fastmath": fastmath, "error_model": "numpy"}
    bare = _Bare(function, cpu_target, options, {}, pipeline_class=Compiler)
    made = bare.compile(signature.args, signature.return_type)
    library = made.library
    library.add_ir_module(_entry(made.target_context, made.fndesc, entry))
    library.finalize()
    for one in (*library._final_module.functions, *library._final_module.global_variables):
        if not one.is_declaration and one.name != entry:
            one.linkage = "internal"  # after all changes of the code, which it must not guide
    library.get_pointer_to_function(entry)  # makes machine code
    return library, made.type_annotation


def _entry(context: Any, described: Any, name: str) -> Any:
    """The function that is called by its address; a kernel raises nothing, so its status is not looked at."""
    module = context.create_module("entry")
    kind = context.call_conv.get_function_type(described.restype, described.argtypes)
    body = ir.Function(module, kind, described.llvm_func_name)
    given = [context.get_value_type(each) for each in described.argtypes]
    function = ir.Function(module, ir.FunctionType(context.get_value_type(described.restype), given), name)
    builder = ir.IRBuilder(function.append_basic_block())
    _, result = context.call_conv.call_function(
        builder, body, described.restype, described.argtypes, function.args, attrs=("noinline",)
    )
    builder.ret(result)
    dropped = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()]), NEVER)
    ir.IRBuilder(dropped.append_basic_block()).ret_void()
    return module
