"""Typed pointers in Numba.  An address is an int64 only where it enters (columns.py); all arithmetic is by element.

Arithmetic uses LLVM's GEP instruction.  Never compute an address with integers: LLVM 22 can miscompile that.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.jit import INTS, inner
from numbann.simd.vector import prefetch_far


@intrinsic
def ints(typing, address):
    """An address as a pointer to int64."""
    return INTS(types.intp), lambda context, builder, signature, arguments: builder.inttoptr(
        arguments[0], ir.IntType(64).as_pointer()
    )


@intrinsic
def advance(typing, base, count):
    """base + count elements."""
    return base(base, types.intp), lambda context, builder, signature, arguments: builder.gep(
        arguments[0], [arguments[1]]
    )


@intrinsic
def pointer_of(typing, array):
    """A pointer to an array's first element.  It does not keep the array alive; the caller must."""
    result = types.CPointer(array.dtype)

    def generate(context, builder, signature, arguments):
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return result(array), generate


@intrinsic
def apart(typing, base):
    """The same pointer, with the promise that memory written through it is read and written through no other.

    LLVM then puts a loop over many arrays into vectors without testing at run time which of them overlap; it does so
    for a few arrays only.  To LLVM the pointer comes from assembly, of which there is none.
    """

    def generate(context, builder, signature, arguments):
        kind = arguments[0].type
        same = ir.InlineAsm(ir.FunctionType(kind, [kind]), "", "=r,0", False)
        return builder.call(same, arguments, "apart", cconv="noalias")  # what stands before the type of the result

    return base(base), generate


@intrinsic
def fetch(typing, base):
    """Ask for the line at a pointer, which is read later; any address may be given."""

    def generate(context, builder, signature, arguments):
        prefetch_far(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(base), generate


@intrinsic
def itemsize(typing, base):
    """The bytes of one element, a constant."""
    size = base.dtype.bitwidth // 8
    return types.intp(base), lambda context, builder, signature, arguments: ir.Constant(ir.IntType(64), size)


@intrinsic(prefer_literal=True)
def on_stack(typing, count, like):
    """A pointer to memory for a literal count of numbers like this one, until the function that has the call ends."""
    kind = types.unliteral(like)

    def generate(context, builder, signature, arguments):
        scalar = context.get_value_type(kind)
        place = cgutils.alloca_once(builder, ir.ArrayType(scalar, count.literal_value))
        return builder.bitcast(place, scalar.as_pointer())

    return types.CPointer(kind)(count, like), generate


@inner
def view(base, offset, count):
    """A one-dimensional array of `count` elements that starts at base + offset."""
    return carray(advance(base, offset), count)


@inner
def padded(row):
    """A row's length rounded up to whole vectors: the row's padding makes that many elements safe to read and write.

    The length is unsigned, so an index below it is never negative and needs no test for counting from the end.
    """
    lanes = 64 // row.itemsize
    return np.uintp((len(row) + lanes - 1) & -lanes)


@intrinsic
def call_sweep(typing, address, a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    """Call a matrix sweep by its address (see sweep.py)."""
    given = (a, table, b, b_row, init, init_row, c, c_row, rows, depth)
    return types.void(types.intp, *given), _call


@intrinsic
def call_ahead(typing, address, a, table, b, b_row, init, init_row, c, c_row, rows, depth, ahead, ahead_table, beside):
    """Call a sweep that looks ahead by its address."""
    given = (a, table, b, b_row, init, init_row, c, c_row, rows, depth, ahead, ahead_table, beside)
    return types.void(types.intp, *given), _call


@intrinsic
def call_kernel(typing, address, op, first, last, step, scratch):
    """Call a kernel by its address."""
    return types.void(types.intp, INTS, types.intp, types.intp, INTS, scratch), _call


@intrinsic
def call_update(typing, address, w, g, count, stride, hyper):
    """Call an optimizer's kernel by its address: `count` weights at w, gradients at g, state k at w + k stride."""
    return types.void(types.intp, w, g, types.intp, types.intp, hyper), _call


@intrinsic
def call_driver(typing, address, call, thread):
    """Call the driver by its address, as one thread of a team."""
    return types.void(types.intp, INTS, types.intp), _call


@intrinsic
def call_yield(typing, address):
    """Call the operating system's yield by its address; its result does not matter."""
    return types.void(types.intp), _call


def _call(context, builder, signature, arguments):
    target = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments[1:]])
    builder.call(builder.inttoptr(arguments[0], target.as_pointer()), arguments[1:])
    return context.get_dummy_value()
