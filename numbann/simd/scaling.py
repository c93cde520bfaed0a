"""Raw numbers to network inputs as a kernel: x = (raw - shift) / scale in float64, rounded once to x's precision.

It does what numbann.data's encoding does with numbers, to the last bit, on rows that are about to be used.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numbann.simd.jit import inner
from numbann.simd.op import BIAS, FLAG, INPUTS, START, Z_ROW, W, X, Z
from numbann.simd.pointer import advance, ints, view


@intrinsic
def _floats(typing, address):
    """The address as a pointer to float32."""
    return types.CPointer(types.float32)(types.intp), _cast(ir.FloatType())


@intrinsic
def _doubles(typing, address):
    """The address as a pointer to float64."""
    return types.CPointer(types.float64)(types.intp), _cast(ir.DoubleType())


def _cast(kind):
    return lambda context, builder, signature, arguments: builder.inttoptr(arguments[0], kind.as_pointer())


def scale_float32(op, first, last, step, scratch):
    """x of the rows first..last from raw float32; FLAG is set if a number of x is infinite or NaN."""
    _scale(_floats(op[X]), op, first, last, step, scratch)


def scale_float64(op, first, last, step, scratch):
    """x of the rows first..last from raw float64; FLAG is set if a number of x is infinite or NaN."""
    _scale(_doubles(op[X]), op, first, last, step, scratch)


SCALINGS = {"float32": scale_float32, "float64": scale_float64}


@inner
def _scale(raw, op, first, last, step, like):
    shift, scale, inputs = _doubles(op[W]), _doubles(op[BIAS]), op[INPUTS]
    odd = 0
    for r in range(first, last):
        source = advance(raw, (step[START] + r) * inputs)
        x = view(op[Z], like, r * op[Z_ROW], inputs)
        for k in range(inputs):
            x[k] = (np.float64(source[k]) - shift[k]) / scale[k]
        for k in range(inputs):
            odd += abs(x[k]) >= np.inf or x[k] != x[k]
    if odd != 0:
        ints(op[FLAG])[0] = 1
