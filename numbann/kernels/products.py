"""matmul and the dense layer on ordinary C-ordered arrays, from Python and from @njit code.

Blocks of b are packed to panels of whole vectors first, which costs little beside the product; the tiles are those of
the engine.
"""

from __future__ import annotations

import numpy as np

from numbann.errors import ShapeError
from numbann.kernels.arrays import flat, shape_text
from numbann.simd.dense import FORWARD_DEPTH
from numbann.simd.jit import entry, inner
from numbann.simd.pointer import advance, pointer_of
from numbann.simd.sweep import name_sweeps, named_sweep

name_sweeps()


@inner
def multiply(by_depth, a, table, b, b_row, b_column, bias, out, rows, columns, depth):
    """out (rows, columns) = bias + a b, panel by panel; b has the strides b_row and b_column, all arrays are flat.

    by_depth says how the table finds a, see numbann.simd.tile.
    """
    if depth == 0:
        for i in range(rows):
            out[i * columns : (i + 1) * columns] = bias
        return
    lanes = 64 // out.itemsize
    block = np.empty(min(depth, FORWARD_DEPTH) * 4 * lanes, b.dtype)
    for column in range(0, columns, 4 * lanes):
        real = min(4 * lanes, columns - column)
        vectors = (real + lanes - 1) // lanes
        width = vectors * lanes
        init = np.zeros(width, out.dtype)
        init[:real] = bias[column : column + real]
        target, place, row = out, column, columns
        if real < width:
            target, place, row = np.empty(rows * width, out.dtype), 0, width
        x, offsets, w, c = pointer_of(a), pointer_of(table), pointer_of(block), advance(pointer_of(target), place)
        start, start_row = pointer_of(init), 0
        for k in range(0, depth, FORWARD_DEPTH):
            count = min(FORWARD_DEPTH, depth - k)
            _pack(b[k * b_row + column * b_column :], b_row, b_column, real, width, count, block)
            if by_depth:
                named_sweep("depth", vectors, x, advance(offsets, k), w, width, start, start_row, c, row, rows, count)
            else:
                named_sweep("rows", vectors, advance(x, k), offsets, w, width, start, start_row, c, row, rows, count)
            start, start_row = c, row
        if real < width:
            for i in range(rows):
                for j in range(real):
                    out[i * columns + column + j] = target[i * width + j]


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
def _offsets(rows, row):
    """Where each row starts."""
    return np.arange(rows) * row


@inner
def _check_product(name, a, b):
    """ShapeError, naming both shapes, if a b has no meaning."""
    if a.shape[1] != b.shape[0]:
        shapes = shape_text(a) + " and " + shape_text(b)
        raise ShapeError(
            name + ": shapes " + shapes + " do not fit: columns of the first must equal rows of the second"
        )


@inner
def _result(out, rows, columns, like):
    """out if it is given and fits, else a new array."""
    result = np.empty((rows, columns), like.dtype) if out is None else out
    if result.shape != (rows, columns):
        raise ShapeError(
            "out has shape " + shape_text(result) + ", the result has (" + str(rows) + ", " + str(columns) + ")"
        )
    return result


@entry
def matmul(a, b, out=None):
    """a @ b: a (B, I), b (I, O) -> (B, O).  float32 or float64, C-ordered; ShapeError if the shapes do not fit."""
    _check_product("matmul", a, b)
    (rows, depth), columns = a.shape, b.shape[1]
    result = _result(out, rows, columns, a)
    multiply(
        False,
        flat(a),
        _offsets(rows, depth),
        flat(b),
        columns,
        1,
        np.zeros(columns, a.dtype),
        result.reshape(result.size),
        rows,
        columns,
        depth,
    )
    return result


@entry
def dense_forward(x, w, b, out=None):
    """x w + b: x (B, I), w (I, O), b (O,) -> (B, O).  float32 or float64; ShapeError if the shapes do not fit."""
    _check_product("dense_forward", x, w)
    if b.size != w.shape[1]:
        raise ShapeError("dense_forward: b has " + str(b.size) + " elements, w has " + str(w.shape[1]) + " columns")
    (rows, depth), columns = x.shape, w.shape[1]
    result = _result(out, rows, columns, x)
    multiply(
        False, flat(x), _offsets(rows, depth), flat(w), columns, 1, b, result.reshape(result.size), rows, columns, depth
    )
    return result


@entry
def dense_backward(x, w, dy, out=None):
    """The gradients of x w + b: x (B, I), w (I, O), dy (B, O) -> dx = dy w' (B, I), dw = x' dy (I, O), db (O,).

    out: a tuple (dx, dw, db) of arrays to fill.  ShapeError if the shapes do not fit.
    """
    _check_product("dense_backward", x, w)
    if dy.shape[0] != x.shape[0] or dy.shape[1] != w.shape[1]:
        needed = "(" + str(x.shape[0]) + ", " + str(w.shape[1]) + ")"
        raise ShapeError("dense_backward: dy has shape " + shape_text(dy) + ", it must be " + needed)
    (rows, inputs), outputs = x.shape, w.shape[1]
    if out is None:
        dx, dw, db = np.empty((rows, inputs), x.dtype), np.empty((inputs, outputs), x.dtype), np.empty(outputs, x.dtype)
    else:
        dx, dw, db = _result(out[0], rows, inputs, x), _result(out[1], inputs, outputs, x), out[2]
        if db.size != outputs:
            raise ShapeError(
                "dense_backward: out has " + str(db.size) + " elements for db, w has " + str(outputs) + " columns"
            )
    multiply(
        False,
        flat(dy),
        _offsets(rows, outputs),
        flat(w),
        1,
        outputs,
        np.zeros(inputs, x.dtype),
        dx.reshape(dx.size),
        rows,
        inputs,
        outputs,
    )
    multiply(
        True,
        flat(x),
        _offsets(rows, inputs),
        flat(dy),
        outputs,
        1,
        np.zeros(outputs, x.dtype),
        dw.reshape(dw.size),
        inputs,
        outputs,
        rows,
    )
    for j in range(outputs):
        db[j] = 0
    for i in range(rows):
        for j in range(outputs):
            db[j] += dy[i, j]
    return dx, dw, db
