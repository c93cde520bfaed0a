"""The bits of a number as an integer of its size, and back: what vector mathematics takes exponents apart with."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numbann.simd.jit import inner_safe

INTEGERS = {types.float32: types.int32, types.float64: types.uint64}
FLOATS = {types.int32: types.float32, types.uint64: types.float64}


@intrinsic
def bits(typing, x):
    """The bits of a float32 as an int32, or of a float64 as a uint64."""
    integer = INTEGERS[x]
    return integer(x), lambda context, builder, signature, arguments: builder.bitcast(
        arguments[0], ir.IntType(integer.bitwidth)
    )


@intrinsic
def from_bits(typing, i):
    """The number with these bits."""
    result = FLOATS[i]
    return result(i), lambda context, builder, signature, arguments: builder.bitcast(
        arguments[0], context.get_value_type(result)
    )


@inner_safe
def clamp(x, low, high):
    """x within bounds; NaN comes through."""
    x = low if x < low else x
    return high if x > high else x
