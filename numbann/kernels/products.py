"""matmul and the dense layer on ordinary arrays, from Python and from @njit code.

The tiles are those of the engine, which stores weights in panels.  Here a is read where it is, and b too if it fits in
a near cache; blocks of a larger b are packed first, which takes little time beside the product.
"""

from __future__ import annotations

import functools

import numpy as np

from numbann.errors import KernelValueError, ShapeError
from numbann.kernels.arrays import c_ordered, overlap
from numbann.kernels.edge import Argument, Results, publish
from numbann.simd.jit import inner
from numbann.simd.pointer import advance, on_stack, pointer_of
from numbann.simd.rows import copy_padded
from numbann.simd.sweep import PANEL, name_sweeps, named_sweep

name_sweeps()

DEPTH = 512  # the most of the depth that is taken at once: 128 KB of a panel of b
BLOCK = 540 << 10  # bytes of a block of rows of a: a part of the second-level cache
ZEROS = 64  # at least as many as a panel has columns
TABLE = DEPTH  # offsets of the rows of a block, or of its depths
PRODUCT = "{} have shapes {} and {}, which do not fit: columns of the first must equal rows of the second"
NEAR, FEW_ROWS = 128 << 10, 12  # bytes of b that are read where they are, and rows of a for which all of b is


@inner
def multiply(a, by_depth, b, turned, bias, out):
    """out = bias + a b, or a' b if by_depth, or a b' if turned; bias None is 0.

    A block of rows of a stays in the second-level cache while the panels of b pass.  Each element is one chain of
    multiply-adds in the order of the depth, so its bits depend on no block.
    """
    rows, columns = out.shape
    depth, b_row, b_column = (b.shape[1], 1, b.shape[1]) if turned else (b.shape[0], b.shape[1], 1)
    if depth == 0 or out.size == 0:
        _fill(out, bias)
        return
    a_rows, b_rows = c_ordered(a), c_ordered(b)
    size, lanes, a_row = out.itemsize, 64 // out.itemsize, a.shape[1]
    parts = (depth + DEPTH - 1) // DEPTH
    deep = (depth + parts - 1) // parts
    height = rows if by_depth else _block_height(rows, deep * size)
    packs = turned or (rows > FEW_ROWS and depth * columns * size > NEAR)
    packed = np.empty(deep * (columns + lanes) if packs else 0, out.dtype)
    table, init = on_stack(TABLE, 0), on_stack(ZEROS, out.dtype.type(0))
    for i in range(deep if by_depth else height):
        table[i] = i * a_row
    for j in range(PANEL * lanes):
        init[j] = 0
    for k in range(0, depth, deep):
        count = min(deep, depth - k)
        for i in range(0, rows, height):
            # Pointers are taken in the loop, where the arrays are needed again: numba frees an array after its last
            # use, and a pointer does not keep it alive
            tall = min(height, rows - i)
            x = advance(pointer_of(a_rows), k * a_row + i if by_depth else i * a_row + k)
            column = 0
            while column < columns:
                wide = min(PANEL * lanes, columns - column)
                if wide > lanes:
                    wide -= wide % lanes  # the columns that fill no vector are the last panel
                w, w_row = advance(pointer_of(b_rows), k * b_row + column * b_column), columns
                if packs:
                    w_row = (wide + lanes - 1) // lanes * lanes
                    block = advance(pointer_of(packed), column * deep)
                    if i == 0:
                        _pack_panel(w, b_row, b_column, wide, w_row, count, block)
                    w = block
                c = advance(pointer_of(out), i * columns + column)
                start, start_row = c, columns
                if k == 0:
                    start, start_row = init if bias is None else advance(pointer_of(bias), column), 0
                if by_depth:
                    named_sweep("depth", wide, x, table, w, w_row, start, start_row, c, columns, tall, count)
                else:
                    named_sweep("rows", wide, x, table, w, w_row, start, start_row, c, columns, tall, count)
                column += wide


@inner
def _fill(out, bias):
    """Every row = bias; number by number, since numba compiles a second long for the assignment of an array."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0 if bias is None else bias[j]


@inner
def _block_height(rows, row):
    """The height of equal blocks of rows of `row` bytes, in whole tiles; at most TABLE."""
    blocks = max(1, (rows * row + BLOCK // 2) // BLOCK)
    return min(rows, TABLE, ((rows + blocks - 1) // blocks + 11) // 12 * 12)


@inner
def _pack_panel(b, b_row, b_column, real, width, depth, block):
    """block (depth, width) = the first `real` columns of b side by side, padded with zeros to whole vectors."""
    for k in range(depth):
        line, source = advance(block, k * width), advance(b, k * b_row)
        if b_column == 1:
            copy_padded(source, line, real)
        else:
            for j in range(width):
                line[j] = source[j * b_column] if j < real else 0


@inner
def _check_product(names, a, b):
    """ShapeError with both shapes if a b has no meaning."""
    if a.shape[1] != b.shape[0]:
        raise ShapeError(PRODUCT, names, a.shape, b.shape)


@inner
def _result(name, out, rows, columns, like):
    """`out` if it is given and fits, else a new array."""
    result = np.empty((rows, columns), like.dtype) if out is None else out
    if result.shape != (rows, columns):
        raise ShapeError("{} has shape {}, the result has ({}, {})", name, result.shape, rows, columns)
    return result


def matmul(a, b, out=None):
    """a @ b: a (B, I), b (I, O) -> (B, O)."""
    _check_product("matmul: a and b", a, b)
    if overlap(out, a) or overlap(out, b):
        raise KernelValueError("matmul: out shares memory with a or b; give another array")
    result = _result("matmul: out", out, a.shape[0], b.shape[1], a)
    multiply(a, False, b, False, None, result)
    return result


def dense_forward(x, w, b, out=None):
    """x w + b: x (B, I), w (I, O), b (O,) -> (B, O)."""
    _check_product("dense_forward: x and w", x, w)
    if b.size != w.shape[1]:
        raise ShapeError("dense_forward: b has {} elements, w has {} columns", b.size, w.shape[1])
    if overlap(out, x) or overlap(out, w) or overlap(out, b):
        raise KernelValueError("dense_forward: out shares memory with x, w or b; give another array")
    result = _result("dense_forward: out", out, x.shape[0], w.shape[1], x)
    multiply(x, False, w, False, c_ordered(b), result)
    return result


def dense_backward(x, w, dy, out=None):
    """The gradients of x w + b: x (B, I), w (I, O), dy (B, O) -> dx = dy w' (B, I), dw = x' dy (I, O), db (O,).

    out: a tuple (dx, dw, db) of arrays to fill.
    """
    _check_product("dense_backward: x and w", x, w)
    if dy.shape != (x.shape[0], w.shape[1]):
        raise ShapeError("dense_backward: dy has shape {}, it must be ({}, {})", dy.shape, x.shape[0], w.shape[1])
    (rows, inputs), outputs = x.shape, w.shape[1]
    if out is None:
        dx, dw, db = np.empty((rows, inputs), x.dtype), np.empty((inputs, outputs), x.dtype), np.empty(outputs, x.dtype)
    else:
        dx, dw, db = out
        _result("dense_backward: out[0]", dx, rows, inputs, x)
        _result("dense_backward: out[1]", dw, inputs, outputs, x)
        if db.size != outputs:
            raise ShapeError("dense_backward: out[2] has {} elements, w has {} columns", db.size, outputs)
        if _any_overlap(dx, x, w, dy) or _any_overlap(dw, x, w, dy) or _any_overlap(db, x, w, dy):
            raise KernelValueError("dense_backward: out shares memory with x, w or dy; give other arrays")
        if overlap(dx, dw) or overlap(dx, db) or overlap(dw, db):
            raise KernelValueError("dense_backward: arrays of out share memory; give each its own")
    # Views of another order, which may share memory with the results, are copied before any result is written
    rows_of_x, rows_of_dy = c_ordered(x), c_ordered(dy)
    multiply(rows_of_dy, False, w, True, None, dx)
    multiply(rows_of_x, True, rows_of_dy, False, None, dw)
    for j in range(outputs):
        db[j] = 0
    for i in range(rows):
        for j in range(outputs):
            db[j] += rows_of_dy[i, j]
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
# Without arrays of as many dimensions there are no results, and the kernel tells why
_RESULTS = {
    "matmul": Results("empty((len(a), b.shape[1]), a.dtype) if a.ndim == b.ndim == 2 else None"),
    "dense_forward": Results("empty((len(x), w.shape[1]), x.dtype) if x.ndim == w.ndim == 2 else None"),
    "dense_backward": Results(
        "(empty(x.shape, x.dtype), empty(w.shape, x.dtype), empty(w.shape[1], x.dtype))"
        " if x.ndim == w.ndim == 2 else (None, None, None)"
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
    return publish(text, _TAKES, _RESULTS, docs, "numbann.kernels")
