"""Inputs that are codes of categories, as kernels: each picks a row of a trained table.

A feature's rows lie behind those of the features before it.  A number that is no code of the feature picks no row.
"""

from __future__ import annotations

from numbann.simd.dense import inputs, offsets
from numbann.simd.embedding import pass_columns
from numbann.simd.jit import inner
from numbann.simd.op import ROWS
from numbann.simd.pointer import advance, view


@inner
def row_of(op, feature, x):
    """The row of the table that a feature of the inputs x picks; -1 for none."""
    code, first = x[op.SOURCES[feature]], op.CATEGORIES[feature]
    if not 0 <= code < op.CATEGORIES[feature + 1] - first:  # NaN, too
        return -1
    whole = int(code)
    return first + whole if whole == code else -1


def pick_rows(op, first, last, step, scratch):
    """EMBEDDED: each feature's row, for the rows first..last of the batch, and the columns that are passed on."""
    given, table = inputs(op, step), offsets(op, step)
    for r in range(first, last):
        x, place = advance(given, table[r]), r * op.EMBEDDED_ROW + op.PLACE
        for f in range(op.FEATURES):
            picked, row = view(op.EMBEDDED, place + f * op.SIZE, op.SIZE), row_of(op, f, x)
            if row < 0:
                for j in range(len(picked)):
                    picked[j] = 0
            else:
                numbers = advance(op.VECTORS, row * op.SIZE)
                for j in range(len(picked)):
                    picked[j] = numbers[j]
    pass_columns(op, step, op.PLACE + op.FEATURES * op.SIZE, first, last)


def pick_rows_backward(op, first, last, step, scratch):
    """For the features first..last: the gradient to each row of their tables, summed over the batch in its order."""
    given, table, begin = inputs(op, step), offsets(op, step), op.CATEGORIES[first]
    sums = view(op.SLOPES, begin * op.SIZE, (op.CATEGORIES[last] - begin) * op.SIZE)
    for k in range(len(sums)):
        sums[k] = 0
    for r in range(step[ROWS]):
        x, d = advance(given, table[r]), advance(op.DX, r * op.DX_ROW + op.PLACE)
        for f in range(first, last):
            row = row_of(op, f, x)
            if row >= 0:
                slopes = view(op.SLOPES, row * op.SIZE, op.SIZE)
                for j in range(len(slopes)):
                    slopes[j] += d[f * op.SIZE + j]
