"""Dense layers as kernels: forward, delta (the gradient to the inputs) and the weights' gradient with the update fused.

x (B, I), w (I, O), b (O,), z = x w + b (B, O).  w is stored in panels of 4 vectors of columns, the last one narrower:
[panel][I padded][width].  A kernel is (op, first, last, step, scratch), see op.py.  Products over depth are cut at
fixed places, so bits depend neither on threads nor on how a batch is split.
"""

from __future__ import annotations

from numbann.simd.jit import inner
from numbann.simd.op import (
    BIAS,
    COLUMNS,
    D_ROW,
    DX,
    DX_COLUMNS,
    DX_ROW,
    HYPER,
    HYPER_ROW,
    INDEX,
    INPUTS,
    INPUTS_PADDED,
    MOVES,
    ONES,
    OUTPUTS,
    ROWS,
    SKIP,
    SKIP_ROW,
    START,
    STRIDE,
    SUMMED,
    SWEEPS,
    TABLE,
    UNIT,
    UNITS,
    UPDATE,
    X_MOVES,
    Z_ROW,
    ZERO,
    ZEROS,
    D,
    W,
    X,
    Z,
)
from numbann.simd.pointer import advance, call_sweep, call_update, ints, itemsize, pointer
from numbann.simd.tile import transpose_block
from numbann.simd.vector import BYTES

FORWARD_DEPTH = 384  # depth of a block of the forward product: its panel stays in the first-level cache
DELTA_DEPTH = 256  # depth of a block of the delta product: its transposed panel fills the scratch area
UPDATE_DEPTH = 128  # rows of a block of the weights' gradient: their piece of d stays in the first-level cache


@inner
def lanes_like(like):
    """Elements in a vector of the pointer's type."""
    return BYTES // itemsize(like)


@inner
def offsets(op, step):
    """The offsets of the batch's rows in x."""
    return advance(ints(op[TABLE]), op[MOVES] * step[START])


@inner
def inputs(op, step, like):
    """x, from where the offsets of the batch's rows count."""
    return advance(pointer(op[X], like), op[X_MOVES] * step[START])


def dense_forward(op, first, last, step, scratch):
    """z = x w + b for the rows first..last."""
    lanes = lanes_like(scratch)
    for panel in range(panels(op, lanes)):
        _forward_panel(op, panel, first, last, step, scratch, lanes)


def dense_forward_panels(op, first, last, step, scratch):
    """z = x w + b for the panels first..last of w and all rows: a thread keeps meeting the same weights."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _forward_panel(op, panel, 0, step[ROWS], step, scratch, lanes)


@inner
def panels(op, lanes):
    """How many panels w has."""
    return (op[COLUMNS] + 4 * lanes - 1) // (4 * lanes)


@inner
def panel_of(op, panel, lanes):
    """A panel's first column, its vectors and its width."""
    column = panel * 4 * lanes
    vectors = min(4, (op[COLUMNS] - column) // lanes)
    return column, vectors, vectors * lanes


@inner
def _forward_panel(op, panel, first, last, step, scratch, lanes):
    """One panel of z for the rows first..last."""
    column, vectors, width = panel_of(op, panel, lanes)
    x, table = inputs(op, step, scratch), advance(offsets(op, step), first)
    w = advance(pointer(op[W], scratch), column * op[INPUTS_PADDED])
    z = advance(pointer(op[Z], scratch), first * op[Z_ROW] + column)
    init, init_row = advance(pointer(op[BIAS], scratch), column), 0
    for k in range(0, op[INPUTS], FORWARD_DEPTH):
        call_sweep(
            op[SWEEPS + vectors - 1],
            advance(x, k),
            table,
            advance(w, k * width),
            width,
            init,
            init_row,
            z,
            op[Z_ROW],
            last - first,
            min(FORWARD_DEPTH, op[INPUTS] - k),
        )
        init, init_row = z, op[Z_ROW]


def dense_delta(op, first, last, step, scratch):
    """dx = d w' for the rows first..last."""
    lanes = lanes_like(scratch)
    for panel in range((op[DX_COLUMNS] + 4 * lanes - 1) // (4 * lanes)):
        _delta_panel(op, panel, first, last, scratch, lanes)


def dense_delta_panels(op, first, last, step, scratch):
    """dx = d w' for the panels first..last of dx and all rows: a thread reads its own rows of w only."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _delta_panel(op, panel, 0, step[ROWS], scratch, lanes)


@inner
def _delta_panel(op, panel, first, last, scratch, lanes):
    """One panel of dx for the rows first..last: rows of w are transposed block by block into the scratch area.

    With a residual connection the gradient that skips the layer is the start.
    """
    column = panel * 4 * lanes
    vectors = min(4, (op[DX_COLUMNS] - column) // lanes)
    width = vectors * lanes
    table, d, w = advance(ints(op[TABLE]), first), pointer(op[D], scratch), pointer(op[W], scratch)
    dx = advance(pointer(op[DX], scratch), first * op[DX_ROW] + column)
    init, init_row, sweep = pointer(op[ZERO], scratch), 0, op[SWEEPS + vectors - 1]
    if op[SKIP] != 0:
        init, init_row = advance(pointer(op[SKIP], scratch), first * op[SKIP_ROW] + column), op[SKIP_ROW]
    for k in range(0, op[COLUMNS], DELTA_DEPTH):
        k_end = min(k + DELTA_DEPTH, op[COLUMNS])
        _transpose_panel(op, w, column, width, k, k_end, scratch, lanes)
        depth = min(k_end, op[OUTPUTS]) - k
        call_sweep(sweep, advance(d, k), table, scratch, width, init, init_row, dx, op[DX_ROW], last - first, depth)
        init, init_row = dx, op[DX_ROW]


@inner
def _transpose_panel(op, w, column, width, k, k_end, scratch, lanes):
    """scratch (k_end - k, width) = rows column.. of w, transposed, for the columns k..k_end of w."""
    start = k
    while start < k_end:
        stored = min(4, (op[COLUMNS] - start) // lanes) * lanes
        panel = advance(w, start * op[INPUTS_PADDED])
        for j in range(0, stored, lanes):
            for i in range(0, width, lanes):
                transpose_block(
                    advance(panel, (column + i) * stored + j),
                    stored,
                    advance(scratch, (start - k + j) * width + i),
                    width,
                )
        start += stored


def dense_update(op, first, last, step, scratch):
    """For the units first..last of w and b: their gradient over the batch's rows, and at once the optimizer on them.

    A panel has a unit for each UNIT rows of w, dw = x' d, and one more for its piece of b, db = 1' d.  A gradient lives
    in the scratch area only.
    """
    lanes = lanes_like(scratch)
    blocks = (op[INPUTS] + op[UNIT] - 1) // op[UNIT]
    for unit in range(first, last):
        panel = unit // (blocks + 1)
        block = unit - panel * (blocks + 1)
        if block < blocks:
            _update_weights(op, panel, block * op[UNIT], step, scratch, lanes)
        else:
            _update_bias(op, panel, step, scratch, lanes)


@inner
def _update_weights(op, panel, row, step, scratch, lanes):
    """The rows row.. of one panel of w, up to a unit of them."""
    column, vectors, width = panel_of(op, panel, lanes)
    rows = min(op[UNIT], op[INPUTS] - row)
    x, d = advance(inputs(op, step, scratch), row), advance(pointer(op[D], scratch), column)
    init, init_row, sweep = pointer(op[ZERO], scratch), 0, op[SWEEPS + vectors - 1]
    for k in range(0, step[ROWS], UPDATE_DEPTH):
        table, depth = advance(offsets(op, step), k), min(UPDATE_DEPTH, step[ROWS] - k)
        d_block = advance(d, k * op[D_ROW])
        call_sweep(sweep, x, table, d_block, op[D_ROW], init, init_row, scratch, width, rows, depth)
        init, init_row = scratch, width
    w = advance(pointer(op[W], scratch), column * op[INPUTS_PADDED] + row * width)
    call_update(op[UPDATE], w, scratch, rows * width, op[STRIDE], hyper_of(op, step, scratch))


@inner
def _update_bias(op, panel, step, scratch, lanes):
    """One panel's piece of b, or of another vector."""
    column, vectors, width = panel_of(op, panel, lanes)
    rows = 1 if op[SUMMED] else step[ROWS]
    bias_gradient(op, column, vectors, rows, pointer(op[ZERO], scratch), scratch, scratch)
    b = advance(pointer(op[BIAS], scratch), column)
    call_update(op[UPDATE], b, scratch, width, op[STRIDE], hyper_of(op, step, scratch))


@inner
def bias_gradient(op, column, vectors, rows, before, db, like):
    """db = before + 1' d for a panel: the sum over rows is a product with ones, where every offset of a table leads."""
    ones, d, width = pointer(op[ONES], like), advance(pointer(op[D], like), column), vectors * lanes_like(like)
    call_sweep(op[SWEEPS + vectors - 1], ones, ints(op[ZEROS]), d, op[D_ROW], before, 0, db, width, 1, rows)


@inner
def hyper_of(op, step, like):
    """The optimizer's numbers of this step."""
    return advance(pointer(op[HYPER], like), step[INDEX] * op[HYPER_ROW])


@inner
def runs(op, row, first, last, step, like):
    """The elements of an elementwise op, in rows of `row` elements: how many runs, the first one's start, each length.

    Whole rows first..last are one run.  An op whose units are panels has a run in every row of the batch.
    """
    if op[UNITS] < 0:
        return 1, first * row, (last - first) * row
    start, width = first * 4 * lanes_like(like), (last - first) * 4 * lanes_like(like)
    return step[ROWS], start, min(width, op[COLUMNS] - start)


@inner
def block(op, first, last, step, like):
    """The rows first..last, first column and width of an elementwise op that has to know them."""
    if op[UNITS] < 0:
        return first, last, 0, op[COLUMNS]
    start, width = first * 4 * lanes_like(like), (last - first) * 4 * lanes_like(like)
    return 0, step[ROWS], start, min(width, op[COLUMNS] - start)


def vector_update(op, first, last, step, scratch):
    """For the panels first..last of a trained vector: the sum of its rows' gradients, and the optimizer on it."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _update_bias(op, panel, step, scratch, lanes)


def copy_rows(op, first, last, step, scratch):
    """Copy the rows first..last of z, without padding, to the rows of the batch in an unpadded result."""
    z, out = pointer(op[Z], scratch), pointer(op[DX], scratch)
    for r in range(first, last):
        for j in range(op[OUTPUTS]):
            out[(step[START] + r) * op[DX_ROW] + j] = z[r * op[Z_ROW] + j]
