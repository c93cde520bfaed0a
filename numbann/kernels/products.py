"""matmul and the dense layer on ordinary arrays, from Python and from @njit code.

What computes is simd/product.py, compiled once: in code of users a product is a call, not its loops.
"""

from __future__ import annotations

import functools

import numpy as np

from numbann.errors import KernelValueError, ShapeError
from numbann.kernels.arguments import Argument
from numbann.kernels.arrays import c_ordered, overlap
from numbann.kernels.edge import Results, publish
from numbann.simd.jit import inner
from numbann.simd.product import name_product, named_product, numbers_to_pack

name_product()

PRODUCT = "{} have shapes {} and {}, which do not fit: columns of the first must equal rows of the second"


@inner
def multiply(a, by_depth, b, turned, bias, out):
    """out = bias + a b, or a' b if by_depth, or a b' if turned; bias None is 0."""
    rows, columns = out.shape
    depth, b_row, b_column = (b.shape[1], 1, b.shape[1]) if turned else (b.shape[0], columns, 1)
    packed = np.empty(numbers_to_pack(turned, by_depth, rows, columns, depth, out.itemsize), out.dtype)
    x, w, biased, size = c_ordered(a), c_ordered(b), bias is not None, packed.size
    named_product(x, a.shape[1], by_depth, w, b_row, b_column, bias, biased, out, rows, columns, depth, packed, size)


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
