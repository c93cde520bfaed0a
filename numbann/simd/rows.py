"""Reductions over one row by vectors: lane by lane down the row, then a fixed tree over the lanes.

The order of the operations depends on the length of the row alone, so the bits are the same on every machine.  Rows are
padded: memory up to a whole number of vectors can be read, and a mask leaves out what stands there.
"""

from __future__ import annotations

import contextlib

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.jit import inner
from numbann.simd.pointer import pointer_of
from numbann.simd.vector import I32, constant, first_lanes, load, load_lanes, multiply_add, splat, store, vector_type


@inner
def row_max(x):
    """The largest element."""
    return _reduce("max", pointer_of(x), pointer_of(x), len(x))


@inner
def row_sum(x):
    """The sum."""
    return _reduce("sum", pointer_of(x), pointer_of(x), len(x))


@inner
def row_dot(x, y):
    """The sum of the products with another row."""
    return _reduce("dot", pointer_of(x), pointer_of(y), len(x))


@intrinsic(prefer_literal=True)
def _reduce(typing, operation, x, y, count):
    """Combine `count` elements of x, or products of x and y, by a literal operation: "max", "sum" or "dot"."""
    name = operation.literal_value

    def generate(context, builder, signature, arguments):
        _, x, y, count = arguments
        vector = vector_type(x.type.pointee)
        neutral = ir.Constant(vector, [float("-inf") if name == "max" else 0.0] * vector.count)
        total = cgutils.alloca_once_value(builder, neutral)
        with _vectors(builder, count, vector) as k:
            inside = first_lanes(builder, vector.count, builder.sub(count, k))
            values = builder.select(inside, load(builder, builder.gep(x, [k])), neutral)
            if name == "dot":
                others = builder.select(inside, load(builder, builder.gep(y, [k])), neutral)
                grown = multiply_add(builder, values, others, builder.load(total))
            else:
                grown = _combine(builder, name, builder.load(total), values)
            builder.store(grown, total)
        return _tree(builder, name, builder.load(total))

    return x.dtype(operation, x, y, count), generate


@inner
def scale_row(x, factor):
    """x <- factor x, and zeros in its padding.

    Loops over whole vectors leave any number in the padding; after this, kernels may read it again.
    """
    _scale(pointer_of(x), len(x), factor)


@intrinsic
def _scale(typing, x, count, factor):
    """Multiply the vectors of a row, whose last one is masked."""

    def generate(context, builder, signature, arguments):
        x, count, factor = arguments
        factors = splat(builder, factor)
        zero = ir.Constant(factors.type, [0.0] * factors.type.count)
        with _vectors(builder, count, factors.type) as k:
            place = builder.gep(x, [k])
            inside = first_lanes(builder, factors.type.count, builder.sub(count, k))
            store(builder, builder.select(inside, builder.fmul(load(builder, place), factors), zero), place)
        return context.get_dummy_value()

    return types.void(x, types.intp, x.dtype), generate


@inner
def copy_row(x, to):
    """to <- x, and zeros in its padding.  It reads nothing beyond x, which need not be padded."""
    copy_padded(pointer_of(x), pointer_of(to), len(x))


@intrinsic
def copy_padded(typing, x, to, count):
    """Copy `count` elements, and zeros up to a whole number of vectors."""

    def generate(context, builder, signature, arguments):
        x, to, count = arguments
        vector = vector_type(x.type.pointee)
        zero = ir.Constant(vector, [0.0] * vector.count)
        with _vectors(builder, count, vector) as k:
            inside = first_lanes(builder, vector.count, builder.sub(count, k))
            store(builder, load_lanes(builder, builder.gep(x, [k]), inside, zero), builder.gep(to, [k]))
        return context.get_dummy_value()

    return types.void(x, x, types.intp), generate


@contextlib.contextmanager
def _vectors(builder, count, vector):
    """A loop over the first element of each vector of a row."""
    step = constant(vector.count)
    with cgutils.for_range_slice(builder, constant(0), count, step, intp=step.type) as (k, _):
        yield k


def _combine(builder, name, x, y):
    """The larger or the sum; max drops a NaN in y, and a sum keeps it."""
    if name == "max":
        return builder.select(builder.fcmp_ordered(">", y, x), y, x)
    return builder.fadd(x, y)


def _tree(builder, name, value):
    """Add or compare the two halves of a vector until one element is left."""
    count = value.type.count
    while count > 1:
        count //= 2
        low, high = (ir.Constant(ir.VectorType(I32, count), [start + i for i in range(count)]) for start in (0, count))
        undefined = ir.Constant(value.type, ir.Undefined)
        halves = builder.shuffle_vector(value, undefined, low), builder.shuffle_vector(value, undefined, high)
        value = _combine(builder, "max" if name == "max" else "sum", *halves)
    return builder.extract_element(value, ir.Constant(I32, 0))
