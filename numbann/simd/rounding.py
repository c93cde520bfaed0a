"""Rounding to bfloat16 as kernels: the values of a layer's rows before a product reads them, and weights as they move.

Products read pairs of neighbours along their depth.  So values are stored twice: with the pairs of each row, for the
products forward and back, and with those of each column, for the gradient.  Weights are stored with the pairs of each
column; the delta product turns these around.
"""

from __future__ import annotations

from numba import types

from numbann.simd.bfloat import as_type_of, round_pair, round_values
from numbann.simd.dense import block, inputs, lanes_like, offsets, panel_of, update_weights
from numbann.simd.jit import inner, takes
from numbann.simd.pointer import advance
from numbann.simd.sizes import ROUNDED


def round_rows(op, first, last, step, scratch):
    """The pairs of X (B, OUTPUTS): of rows, or of panels; zeros stand for what is missing in a pair."""
    begin, end, column, width = block(op, first, last, step, scratch)
    x, table = inputs(op, step), offsets(op, step)
    there = min(width, op.OUTPUTS - column)
    for r in range(begin, end, 2):
        even = advance(x, table[r] + column)
        odd, odd_there = even, 0
        if r + 1 < end:
            odd, odd_there = advance(x, table[r + 1] + column), there
        rounded = advance(op.ROUNDED, r * op.ROUNDED_ROW + column // 2)
        paired = advance(op.PAIRED, r // 2 * op.PAIRED_ROW + column)
        for j in range(0, width, ROUNDED):
            round_values(
                advance(even, j),
                advance(odd, j),
                there - j,
                odd_there - j,
                advance(rounded, j // 2),
                op.ROUNDED_ROW,
                advance(paired, j),
            )


def weights_update(op, first, last, step, scratch):
    """For the units first..last of w: as dense.weights_update, and the pairs of w."""
    blocks = _blocks(op)
    for unit in range(first, last):
        panel = unit // blocks
        row = (unit - panel * blocks) * op.UNIT
        lanes = lanes_like(scratch)
        pairs = as_type_of(_pairs_of(op, panel, row, lanes), scratch)
        update_weights(op, panel, row, step, scratch, lanes, pairs)
        _round_unit(op, panel, row, lanes)


def round_weights(op, first, last, step, scratch):
    """The pairs of w for the units first..last."""
    blocks = _blocks(op)
    for unit in range(first, last):
        panel = unit // blocks
        _round_unit(op, panel, (unit - panel * blocks) * op.UNIT, lanes_like(scratch))


@inner
def _blocks(op):
    """The units of a panel."""
    return (op.INPUTS + op.UNIT - 1) // op.UNIT


@inner
def _pairs_of(op, panel, row, lanes):
    """Where the pairs of the rows row.. of one panel of w are."""
    column, _, width = panel_of(op, panel, lanes)
    return advance(op.PAIRED, column * op.PAIRS_PADDED + row // 2 * width)


@inner
def _round_unit(op, panel, row, lanes):
    """The pairs of the rows row.. of one panel of w, at most a unit of them, an even number."""
    column, _, width = panel_of(op, panel, lanes)
    w = advance(op.MOVED_W, column * op.INPUTS_PADDED + row * width)
    _round_panel(w, _pairs_of(op, panel, row, lanes), min(op.UNIT, op.INPUTS - row), width)


@inner
def _round_panel(w, pairs, rows, width):
    """The pairs of the rows of a panel; a last row without another is paired with the padding below it."""
    for i in range(0, rows, 2):
        for j in range(0, width, 16):
            even = advance(w, i * width + j)
            round_pair(even, advance(even, width), advance(pairs, i // 2 * width + j))


@takes(types.void(types.CPointer(types.float32), types.CPointer(types.int32), types.intp, types.intp))
def round_panel(w, pairs, rows, width):
    """The same, for Python."""
    _round_panel(w, pairs, rows, width)
