"""Columns of inputs for kernels of embeddings: a column of some rows as a vector, and back.

The mathematics of an embedding works on one column of up to TOGETHER rows at a time, so that its loops are whole
vectors whatever the numbers of terms and outputs are.
"""

from __future__ import annotations

from numbann.simd.dense import inputs, lanes_like, offsets
from numbann.simd.jit import inner
from numbann.simd.pointer import advance, padded


@inner
def after(count, like):
    """Where the next vector of numbers of memory begins."""
    lanes = lanes_like(like)
    return (count + lanes - 1) & -lanes


@inner
def take_column(op, step, column, first, x):
    """x = a column of the inputs, of the rows from `first` on, and zeros in its padding."""
    given, table = advance(inputs(op, step), column), advance(offsets(op, step), first)
    for i in range(len(x), padded(x)):
        x[i] = 0
    for i in range(len(x)):
        x[i] = given[table[i]]


@inner
def take_slopes(op, column, first, d):
    """d = a column of the gradient to what the layer gets, of the rows from `first` on, and zeros in its padding."""
    given = advance(op.DX, first * op.DX_ROW + column)
    for i in range(len(d), padded(d)):
        d[i] = 0
    for i in range(len(d)):
        d[i] = given[i * op.DX_ROW]


@inner
def put_column(op, column, first, e):
    """A column of what the layer gets = e, of the rows from `first` on."""
    target = advance(op.EMBEDDED, first * op.EMBEDDED_ROW + column)
    for i in range(len(e)):
        target[i * op.EMBEDDED_ROW] = e[i]


@inner
def pass_columns(op, step, column, first, last):
    """The columns of the inputs that are left as they are, behind `column` others."""
    given, table, sources = inputs(op, step), offsets(op, step), advance(op.SOURCES, op.FEATURES)
    for r in range(first, last):
        x, target = advance(given, table[r]), advance(op.EMBEDDED, r * op.EMBEDDED_ROW + column)
        for k in range(op.PASSED):
            target[k] = x[sources[k]]
