"""LLVM vectors: load, store, broadcast, multiply-add and transpose, for intrinsics while they build code.

A vector is 64 bytes on every machine: 16 floats or 8 doubles.  LLVM splits it on narrower processors, and the bits of
the results stay the same.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from numbann.simd.sizes import BYTES

I32, I64 = ir.IntType(32), ir.IntType(64)


def lanes(scalar: ir.Type) -> int:
    """How many scalars a vector holds."""
    return BYTES // (8 if isinstance(scalar, ir.DoubleType) else 4)


def vector_type(scalar: ir.Type) -> ir.VectorType:
    """The vector of a scalar type."""
    return ir.VectorType(scalar, lanes(scalar))


def constant(value: int) -> ir.Constant:
    """An int64."""
    return ir.Constant(I64, value)


def load(builder, base, offset=0, count=None):
    """The vector `offset` elements after base, of `count` lanes.  It may lie anywhere: a row of x is not aligned."""
    return builder.load(_at(builder, base, offset, count), align=4)


def load_lanes(builder, base, mask, others):
    """The vector at base in the lanes of a mask, and `others` in the other lanes, whose memory is not touched."""
    vector = others.type
    name = f"llvm.masked.load.{suffix(vector)}.p0"
    given = [vector.as_pointer(), I32, mask.type, vector]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, given), name)
    return builder.call(function, [builder.bitcast(base, given[0]), ir.Constant(I32, 4), mask, others])


def store_lanes(builder, value, base, mask):
    """Store the lanes of a mask at base; the memory of the other lanes is not touched."""
    name = f"llvm.masked.store.{suffix(value.type)}.p0"
    given = [value.type, value.type.as_pointer(), I32, mask.type]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), given), name)
    builder.call(function, [value, builder.bitcast(base, given[1]), ir.Constant(I32, 4), mask])


def first_lanes(builder, lanes, count):
    """A mask of so many lanes, true in those below a count."""
    each = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
    return builder.icmp_signed("<", each, splat(builder, builder.trunc(count, I32), lanes))


def widened(builder, value, count):
    """A vector of so many lanes: that of as many or fewer, and zeros behind them."""
    if value.type.count == count:
        return value
    each = ir.Constant(ir.VectorType(I32, count), list(range(count)))
    return builder.shuffle_vector(value, ir.Constant(value.type, [0.0] * value.type.count), each)


def store(builder, value, base, offset=0):
    """Store a vector `offset` elements after base."""
    builder.store(value, _at(builder, base, offset), align=4)


def prefetch(builder, base, offset):
    """Bring the line `offset` elements after base into the nearest cache, to be written; any address may be given."""
    _prefetch(builder, _at(builder, base, offset), write=1, near=3)


def prefetch_far(builder, base):
    """Bring the line at base into the second-level cache, to be read; any address may be given."""
    _prefetch(builder, base, write=0, near=1)


def _prefetch(builder, base, write, near):
    place = builder.bitcast(base, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [place.type, I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [place, *(ir.Constant(I32, number) for number in (write, near, 1))])


def _at(builder, base, offset, count=None):
    vector = ir.VectorType(base.type.pointee, count) if count else vector_type(base.type.pointee)
    return builder.bitcast(builder.gep(base, [constant(offset)]), vector.as_pointer())


def splat(builder, scalar, count=None):
    """A vector with the scalar in every lane; an integer needs the number of lanes."""
    vector = ir.VectorType(scalar.type, count) if count else vector_type(scalar.type)
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def multiply_add(builder, x, y, z):
    """x y + z of scalars or vectors with one rounding, on every processor."""
    name = f"llvm.fma.{suffix(x.type)}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(x.type, [x.type] * 3), name)
    return builder.call(function, [x, y, z])


def suffix(kind):
    """What LLVM appends to the name of an intrinsic function for a scalar or a vector."""
    scalar = getattr(kind, "element", kind)
    return (f"v{kind.count}" if scalar is not kind else "") + ("f32" if isinstance(scalar, ir.FloatType) else "f64")


def transpose(builder, rows):
    """The columns of a square block, one vector for each row, by log2(lanes) rounds of two-operand shuffles.

    Round by round, blocks of 1, 2, 4, ... lanes change places with those across the diagonal.
    """
    count, half = len(rows), 1
    while half < count:
        exchanged = [None] * count
        for i in range(count):
            if not i & half:
                low = [count + (x ^ half) if x & half else x for x in range(count)]
                high = [count + x if x & half else x ^ half for x in range(count)]
                exchanged[i] = _shuffle(builder, rows[i], rows[i + half], low)
                exchanged[i + half] = _shuffle(builder, rows[i], rows[i + half], high)
        rows, half = exchanged, half * 2
    return rows


def _shuffle(builder, x, y, order):
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, len(order)), order))
