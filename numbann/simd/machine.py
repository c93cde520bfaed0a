"""The processor's own instructions: vector features, pauses, atomics and the treatment of denormals."""

from __future__ import annotations

import platform

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.jit import INTS, inner
from numbann.simd.objects import processor_features
from numbann.simd.pointer import call_yield
from numbann.simd.sizes import SPIN

ARM = platform.machine().lower() in ("aarch64", "arm64")


def features() -> set[str]:
    """The processor features that numba compiles for; NUMBA_CPU_FEATURES may narrow them."""
    if numba.config.CPU_FEATURES is not None:
        return {item[1:] for item in numba.config.CPU_FEATURES.split(",") if item.startswith("+")}
    if numba.config.CPU_NAME not in (None, "host"):
        return set()
    return processor_features()


WIDE = "avx512f" in features()  # 32 registers of 64 bytes: tiles may be several vectors wide


@intrinsic
def atomic_add(typing, base, index, value):
    """Add value to base[index], and return what was there before."""
    return types.int64(
        INTS, types.intp, types.int64
    ), lambda context, builder, signature, arguments: builder.atomic_rmw(
        "add", builder.gep(arguments[0], [arguments[1]]), arguments[2], "acq_rel"
    )


@intrinsic
def atomic_load(typing, base, index):
    """Read base[index] with acquire order: what its writer wrote before is visible afterwards."""
    return types.int64(INTS, types.intp), lambda context, builder, signature, arguments: builder.load_atomic(
        builder.gep(arguments[0], [arguments[1]]), "acquire", 8
    )


@intrinsic
def atomic_store(typing, base, index, value):
    """Set base[index] with release order: everything written before is visible to whoever reads the value."""

    def generate(context, builder, signature, arguments):
        builder.store_atomic(arguments[2], builder.gep(arguments[0], [arguments[1]]), "release", 8)
        return context.get_dummy_value()

    return types.void(INTS, types.intp, types.int64), generate


@intrinsic
def atomic_replace(typing, base, index, expected, value):
    """Set base[index] to a value if it holds the expected one; return whether it did."""

    def generate(context, builder, signature, arguments):
        base, index, expected, value = arguments
        found = builder.cmpxchg(builder.gep(base, [index]), expected, value, "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(INTS, types.intp, types.int64, types.int64), generate


@intrinsic
def pause(typing):
    """Tell the processor that this is a waiting loop."""

    def generate(context, builder, signature, arguments):
        name = "llvm.aarch64.hint" if ARM else "llvm.x86.sse2.pause"
        given = [ir.IntType(32)] if ARM else []
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), given), name)
        builder.call(function, [ir.Constant(ir.IntType(32), 1)] if ARM else [])
        return context.get_dummy_value()

    return types.void(), generate


@inner
def wait(yielding, waited):
    """Wait a moment, and give the processor away after SPIN of them; return the number of moments waited."""
    if waited < SPIN:
        pause()
    else:
        call_yield(yielding)
    return waited + 1


@intrinsic
def prefer_wide(typing):
    """Let LLVM vectorize the function that contains this call with 64-byte registers."""

    def generate(context, builder, signature, arguments):
        # LLVM's tuning for some processors stops at 32 bytes, though these loops are faster with 64
        attributes = builder.function.attributes
        set.add(attributes, '"prefer-vector-width"="512"')  # llvmlite's own add knows plain names only
        if "alwaysinline" not in attributes:
            attributes.add("noinline")  # inlined, the function would take over the width of its caller
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def flush_denormals(typing):
    """Treat denormal numbers as zero from here on; return the state to restore."""

    def generate(context, builder, signature, arguments):
        before = _control(builder)
        _set_control(builder, builder.or_(before, ir.Constant(before.type, 1 << 24 if ARM else 0x8040)))
        return builder.zext(before, ir.IntType(64)) if not ARM else before

    return types.int64(), generate


@intrinsic
def restore_denormals(typing, state):
    """Restore a state that flush_denormals returned."""

    def generate(context, builder, signature, arguments):
        _set_control(builder, arguments[0] if ARM else builder.trunc(arguments[0], ir.IntType(32)))
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _control(builder):
    """Read the floating-point control register."""
    if ARM:
        return builder.call(_function(builder, "llvm.aarch64.get.fpcr", ir.IntType(64), []), [])
    slot = cgutils.alloca_once(builder, ir.IntType(32))
    builder.call(_function(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [_BYTE]), [builder.bitcast(slot, _BYTE)])
    return builder.load(slot)


def _set_control(builder, value):
    """Write the floating-point control register."""
    if ARM:
        builder.call(_function(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), [ir.IntType(64)]), [value])
        return
    slot = cgutils.alloca_once_value(builder, value)
    builder.call(_function(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [_BYTE]), [builder.bitcast(slot, _BYTE)])


_BYTE = ir.IntType(8).as_pointer()


def _function(builder, name, result, arguments):
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)
