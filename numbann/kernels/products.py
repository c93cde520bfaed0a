"""matmul and the dense layer on ordinary arrays, from Python and from @njit code.

The tiles are those of the engine.  The engine stores weights in panels; here blocks of b are packed into panels of
whole vectors first, which takes little time beside the product.
"""

from __future__ import annotations

import functools

import numpy as np

from numbann.errors import KernelValueError, ShapeError
from numbann.kernels.arrays import c_ordered, flat, overlap, shape_text
from numbann.kernels.edge import Argument, publish
from numbann.simd.dense import FORWARD_DEPTH
from numbann.simd.jit import inner
from numbann.simd.pointer import advance, pointer_of
from numbann.simd.sweep import name_sweeps, named_sweep

name_sweeps()


@inner
def multiply(a, by_depth, b, turned, bias, out):
    """out = bias + a b, or a' b if by_depth, or a b' if turned, panel by panel."""
    rows, columns = out.shape
    depth, b_row, b_column = (b.shape[1], 1, b.shape[1]) if turned else (b.shape[0], b.shape[1], 1)
    if depth == 0:
        for i in range(rows):
            out[i] = bias
        return
    flat_a, flat_b, flat_out = flat(a), flat(b), out.reshape(out.size)
    table, lanes = np.arange(a.shape[0]) * a.shape[1], 64 // out.itemsize
    init, block = np.empty(4 * lanes, out.dtype), np.empty(min(depth, FORWARD_DEPTH) * 4 * lanes, b.dtype)
    for column in range(0, columns, 4 * lanes):
        real = min(4 * lanes, columns - column)
        vectors = (real + lanes - 1) // lanes
        width = vectors * lanes
        init[:real], init[real:] = bias[column : column + real], 0
        target, place, row = flat_out, column, columns
        if real < width:
            target, place, row = np.empty(rows * width, out.dtype), 0, width
        # Pointers are taken in the loop, where the arrays are needed again: numba frees an array after its last use,
        # and a pointer does not keep it alive
        x, offsets, w, c = pointer_of(flat_a), pointer_of(table), pointer_of(block), advance(pointer_of(target), place)
        start, start_row = pointer_of(init), 0
        for k in range(0, depth, FORWARD_DEPTH):
            count = min(FORWARD_DEPTH, depth - k)
            _pack(flat_b[k * b_row + column * b_column :], b_row, b_column, real, width, count, block)
            if by_depth:
                named_sweep("depth", vectors, x, advance(offsets, k), w, width, start, start_row, c, row, rows, count)
            else:
                named_sweep("rows", vectors, advance(x, k), offsets, w, width, start, start_row, c, row, rows, count)
            start, start_row = c, row
        if real < width:
            for i in range(rows):
                for j in range(real):
                    flat_out[i * columns + column + j] = target[i * width + j]


@inner
def _pack(b, b_row, b_column, real, width, depth, block):
    """block (depth, width) = the first `real` columns of b side by side, padded with zeros to whole vectors."""
    for k in range(depth):
        line = block[k * width : (k + 1) * width]
        if b_column == 1:
            source = b[k * b_row : k * b_row + real]
            for j in range(real):
                line[j] = source[j]
        else:
            for j in range(real):
                line[j] = b[k * b_row + j * b_column]
        for j in range(real, width):
            line[j] = 0


@inner
def _check_product(names, a, b):
    """ShapeError with both shapes if a b has no meaning."""
    if a.shape[1] != b.shape[0]:
        shapes = f"{shape_text(a)} and {shape_text(b)}"
        raise ShapeError(
            f"{names} have shapes {shapes}, which do not fit: columns of the first must equal rows of the second"
        )


@inner
def _result(name, out, rows, columns, like):
    """`out` if it is given and fits, else a new array."""
    result = np.empty((rows, columns), like.dtype) if out is None else out
    if result.shape != (rows, columns):
        raise ShapeError(f"{name} has shape {shape_text(result)}, the result has ({rows}, {columns})")
    return result


def matmul(a, b, out=None):
    """a @ b: a (B, I), b (I, O) -> (B, O)."""
    _check_product("matmul: a and b", a, b)
    if overlap(out, a) or overlap(out, b):
        raise KernelValueError("matmul: out shares memory with a or b; give another array")
    result = _result("matmul: out", out, a.shape[0], b.shape[1], a)
    multiply(a, False, b, False, np.zeros(b.shape[1], a.dtype), result)
    return result


def dense_forward(x, w, b, out=None):
    """x w + b: x (B, I), w (I, O), b (O,) -> (B, O)."""
    _check_product("dense_forward: x and w", x, w)
    if b.size != w.shape[1]:
        raise ShapeError(f"dense_forward: b has {b.size} elements, w has {w.shape[1]} columns")
    if overlap(out, x) or overlap(out, w) or overlap(out, b):
        raise KernelValueError("dense_forward: out shares memory with x, w or b; give another array")
    result = _result("dense_forward: out", out, x.shape[0], w.shape[1], x)
    multiply(x, False, w, False, flat(b), result)
    return result


def dense_backward(x, w, dy, out=None):
    """The gradients of x w + b: x (B, I), w (I, O), dy (B, O) -> dx = dy w' (B, I), dw = x' dy (I, O), db (O,).

    out: a tuple (dx, dw, db) of arrays to fill.
    """
    _check_product("dense_backward: x and w", x, w)
    if dy.shape != (x.shape[0], w.shape[1]):
        needed = f"({x.shape[0]}, {w.shape[1]})"
        raise ShapeError(f"dense_backward: dy has shape {shape_text(dy)}, it must be {needed}")
    (rows, inputs), outputs = x.shape, w.shape[1]
    if out is None:
        dx, dw, db = np.empty((rows, inputs), x.dtype), np.empty((inputs, outputs), x.dtype), np.empty(outputs, x.dtype)
    else:
        dx, dw, db = out
        _result("dense_backward: out[0]", dx, rows, inputs, x)
        _result("dense_backward: out[1]", dw, inputs, outputs, x)
        if db.size != outputs:
            raise ShapeError(f"dense_backward: out[2] has {db.size} elements, w has {outputs} columns")
        if _any_overlap(dx, x, w, dy) or _any_overlap(dw, x, w, dy) or _any_overlap(db, x, w, dy):
            raise KernelValueError("dense_backward: out shares memory with x, w or dy; give other arrays")
        if overlap(dx, dw) or overlap(dx, db) or overlap(dw, db):
            raise KernelValueError("dense_backward: arrays of out share memory; give each its own")
    # Views of another order, which may share memory with the results, are copied before any result is written
    rows_of_x, rows_of_dy = c_ordered(x), c_ordered(dy)
    multiply(rows_of_dy, False, w, True, np.zeros(inputs, x.dtype), dx)
    multiply(rows_of_x, True, rows_of_dy, False, np.zeros(outputs, x.dtype), dw)
    db[:] = 0
    for i in range(rows):
        db += rows_of_dy[i]
    return dx, dw, db


@inner
def _any_overlap(out, x, w, dy):
    return overlap(out, x) or overlap(out, w) or overlap(out, dy)


# ---- the kernels

_OUT = Argument("out", "written", default=None)
_TAKES = {
    "matmul": (Argument("a", "array", 2), Argument("b", "array"), _OUT),
    "dense_forward": (Argument("x", "array", 2), Argument("w", "array"), Argument("b", "array", 1), _OUT),
    "dense_backward": (
        *(Argument("x", "array", 2), Argument("w", "array"), Argument("dy", "array")),
        Argument("out", "results", (2, 2, 1), default=None),
    ),
}
_RULES = """

Arrays are all float32 or all float64, of any order; what is written is C-ordered, and shares memory with nothing else.
ShapeError if shapes do not fit, KernelTypeError for arrays of another type, KernelValueError for shared memory.
"""


@functools.cache
def product_kernels():
    """The kernels of products, by name."""
    text = '"""Made by numbann: products of matrices."""\nfrom numbann.kernels.products import ' + ", ".join(_TAKES)
    docs = {function.__name__: f"{function.__doc__}{_RULES}" for function in (matmul, dense_forward, dense_backward)}
    return publish(text, _TAKES, docs, "numbann.kernels")
