"""Helpers of array functions: results of the right shape, and C-ordered arrays as one dimension or as rows."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from numbann.errors import KernelValueError, ShapeError
from numbann.simd.jit import inner, inner_safe

# Messages have places: to format one in compiled code would take longer to compile than a kernel
LABELS = "{}: y has {} rows of {} classes, t has {} labels; give one label for each row, and at least one class"
TARGETS = "{}: y and t have, as rows, shapes {} and {}, which must be {}"
SHAPE = "{}: {} has the shape {}; give {}"
UNITS = "{}: {} has {} elements, rows have {}"
SHARED = "{}: {} and {} share memory; give each its own"
STATE = "{}: w and {} have shapes {} and {}, which must be equal"


def c_ordered(array):
    """An array if its type is C-ordered, else a copy, also of a view that turns out to be."""
    raise NotImplementedError


@overload(c_ordered)
def _c_ordered(array):
    return (lambda array: array) if array.layout == "C" else (lambda array: array.copy())


@inner
def flat(array):
    """A C-ordered array as one dimension; an array of another order is copied."""
    return c_ordered(array).reshape(array.size)


def as_rows(array):
    """An array as rows of its last dimension."""
    raise NotImplementedError


@overload(as_rows)
def _as_rows(array):
    if array.ndim == 2:
        return lambda array: c_ordered(array)  # without a reshape, which takes long to compile

    def reshaped(array):
        count = array.shape[array.ndim - 1]
        return c_ordered(array).reshape((array.size // count, count))

    return reshaped


@inner
def padded_row(rows):
    """A row as long as those of an array, with room behind it for a whole number of vectors."""
    count, lanes = rows.shape[1], 64 // rows.itemsize
    return np.zeros(count + lanes, rows.dtype)[:count]


@inner
def whole(rows, like):
    """A C-ordered copy in the type of another array, with room behind it for a vector."""
    found = np.empty(rows.size + 16, like.dtype)[: rows.size].reshape(rows.shape)
    found[:] = rows
    return found


@inner
def copy(source, place):
    """Copy a row to another of its length.  An assignment of rows would take numba much longer to compile."""
    for k in range(len(place)):
        place[k] = source[k]


@inner
def check_units(name, argument, rows, given):
    """ShapeError unless there is a number for each element of a row."""
    if given.size != rows.shape[1]:
        raise ShapeError(UNITS, name, argument, given.size, rows.shape[1])


def units_of(name, argument, rows, given):
    """A padded row of a number for each element of a row; given: as many, or one number for all."""
    raise NotImplementedError


@overload(units_of)
def _units_of(name, argument, rows, given):
    if isinstance(given, types.Array):

        def vector(name, argument, rows, given):
            check_units(name, argument, rows, given)
            row = padded_row(rows)
            copy(given, row)
            return row

        return vector

    def number(name, argument, rows, given):
        row, value = padded_row(rows), rows.dtype.type(opaque(given))
        for k in range(len(row)):
            row[k] = value
        return row

    return number


@inner
def clear(array):
    """Fill an array of one dimension with zeros."""
    for k in range(len(array)):
        array[k] = 0


@inner
def check_shapes(names, x, y):
    """ShapeError if two shapes differ; names: as "relu: z and out".

    Of shapes there are fewer types than of arrays, so it is compiled less often.
    """
    if x != y:
        raise ShapeError("{} have shapes {} and {}, which must be equal", names, x, y)


@inner
def check_shape(name, argument, shape, wanted):
    """ShapeError unless an argument has the shape that is wanted."""
    if shape != wanted:
        raise ShapeError(SHAPE, name, argument, shape, wanted)


@inner
def rows_for(columns, count):
    """Room for `count` rows, each as long as a column and padded: see row_of."""
    return np.empty(count * (columns.shape[0] + 64 // columns.itemsize), columns.dtype)


@inner
def row_of(rows, k, count):
    """The row k, of `count` numbers, in such room."""
    first = k * (count + 64 // rows.itemsize)
    return rows[first : first + count]


@inner
def labels_of(name, rows, t, more):
    """t; ShapeError unless it has a label for each row; KernelValueError with the label if one is no class.

    more: how many more classes there are than columns.
    """
    count, classes = rows.shape[0], rows.shape[1] + more
    if t.size != count or classes == 0:
        raise ShapeError(LABELS, name, count, classes, t.size)
    for i in range(count):
        if t[i] < 0 or t[i] >= classes:
            raise KernelValueError("{}: t[{}], the label {}, is outside 0..{}", name, i, t[i], classes - 1)
    return t


@inner
def targets_of(name, rows, t, share, columns, needed):
    """t as rows; ShapeError, which says what is needed, unless rows have `share` numbers for each `columns` of t's."""
    targets = as_rows(t)
    if rows.shape[0] != targets.shape[0] or columns * rows.shape[1] != share * targets.shape[1]:
        raise ShapeError(TARGETS, name, rows.shape, targets.shape, needed)
    return targets


@inner
def result_like(names, array, out):
    """`out` if it is given and fits, else a new array like `array`."""
    result = np.empty(array.shape, array.dtype) if out is None else out
    check_shapes(names, array.shape, result.shape)
    return result


def single_precision(kind):
    """Whether a Numba type is float32 or holds it."""
    return getattr(kind, "dtype", kind) == types.float32


@intrinsic
def opaque(typing, number):
    """A number in 64 bits that LLVM knows nothing of, or a default.

    A power of an exponent that was a short integer would call powi, which a process may lack: LLVM ends it.
    """
    if isinstance(number, types.Omitted):
        return number(number), lambda context, builder, signature, arguments: arguments[0]
    wide = types.float64 if isinstance(number, types.Float) else types.int64 if number.signed else types.uint64
    return wide(number), _hide


def _hide(context, builder, signature, arguments):
    """Code that passes 64 bits through an instruction of no known meaning, in a register of integers."""
    bits, kind = ir.IntType(64), signature.return_type
    value = builder.bitcast(context.cast(builder, arguments[0], signature.args[0], kind), bits)
    hidden = builder.asm(ir.FunctionType(bits, [bits]), "", "=r,0", [value], side_effect=False)
    return builder.bitcast(hidden, context.get_value_type(kind))


@intrinsic
def overlap(typing, x, y):
    """Whether two C-ordered arrays share memory; never if one is None or of another order, which is copied first."""
    return types.boolean(x, y), lambda *given: _comparison(*given, but_same=False)


@intrinsic
def shifted(typing, x, y):
    """Whether two arrays overlap, but are not the very same memory."""
    return types.boolean(x, y), lambda *given: _comparison(*given, but_same=True)


def _comparison(context, builder, signature, arguments, but_same):
    """Code that compares the memory of two arrays, from their starts and ends."""
    if not all(isinstance(kind, types.Array) and kind.layout == "C" for kind in signature.args):
        return context.get_constant(types.boolean, False)
    ends = []
    for kind, value in zip(signature.args, arguments, strict=True):
        array = context.make_array(kind)(context, builder, value)
        start = builder.ptrtoint(array.data, ir.IntType(64))
        ends.append((start, builder.add(start, builder.mul(array.nitems, array.itemsize))))
    (start, end), (other, other_end) = ends
    found = builder.and_(builder.icmp_unsigned("<", start, other_end), builder.icmp_unsigned("<", other, end))
    if but_same:
        moved = builder.or_(builder.icmp_unsigned("!=", start, other), builder.icmp_unsigned("!=", end, other_end))
        found = builder.and_(found, moved)
    return found


# ---- states of an optimizer that are kept only if a parameter asks for them: arrays, or None


@inner
def flat_state(state):
    """A state as one dimension; None stays None."""
    return None if state is None else state.reshape(state.size)


@inner_safe  # always inlined, or loops are not vectors
def state_at(state, i, weights):
    """An element of a state; 0 in the precision of the weights if the state is not kept."""
    return weights.dtype.type(0) if state is None else state[i]


@inner_safe  # always inlined, or loops are not vectors
def keep_state(state, i, value):
    """Set an element of a state if it is kept."""
    if state is not None:
        state[i] = value


@inner
def check_state(name, state_name, w, state, parameter):
    """ShapeError if a state does not fit the weights; KernelValueError if it is None though a parameter asks for it."""
    if state is not None:
        if state.shape != w.shape:
            raise ShapeError(STATE, name, state_name, w.shape, state.shape)
    elif parameter != 0:
        raise KernelValueError("{}: its parameters ask for the state {}; give an array", name, state_name)
