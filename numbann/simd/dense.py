"""Dense layers as kernels: forward, delta (the gradient to the inputs), and the weights' gradient with a fused update.

x (B, I), w (I, O), b (O,), h = x w + b (B, O).  w is stored in panels of 4 vectors of columns, the last one narrower:
[panel][I padded][width].  So the tiles of a panel read w front to back, and nothing is packed in a step.  A kernel is
(op, first, last, step, scratch), see op.py.

A product over a long depth is cut into blocks.  A block starts from the sums that the one before it has stored, so each
element is the same chain of multiply-adds as without blocks: its bits depend neither on the cuts, nor on threads, nor
on how a batch is split.
"""

from __future__ import annotations

from numbann.simd.bfloat import as_type_of, terms_of
from numbann.simd.jit import inner
from numbann.simd.op import INDEX, ROWS, START
from numbann.simd.pointer import advance, call_ahead, call_sweep, call_update, fetch, itemsize, view
from numbann.simd.rows import row_sum
from numbann.simd.sizes import BYTES, DELTA_DEPTH, PANEL
from numbann.simd.tile import equal_blocks, transpose_block

# Most of the depth of blocks.  All rows pass over a block before the next one begins, so the block must stay in a near
# cache: in float32 a full panel takes 256 bytes for each step of the depth
FORWARD_DEPTH = 512  # rows of w: 128 KB
UPDATE_DEPTH = 128  # rows of the batch: 32 KB of d


@inner
def lanes_like(like):
    """The elements in a vector of the pointer's type."""
    return BYTES // itemsize(like)


@inner
def offsets(op, step):
    """The offsets of the batch's rows in x."""
    return advance(op.TABLE, op.MOVES * step[START])


@inner
def inputs(op, step):
    """x, from the element that the offsets of the batch's rows count from."""
    return advance(op.X, op.X_MOVES * step[START])


def dense_forward(op, first, last, step, scratch):
    """h = x w + b for the rows first..last."""
    lanes = lanes_like(scratch)
    for panel in range(panels(op, lanes)):
        _forward_panel(op, panel, first, last, step, scratch, lanes)


def dense_forward_panels(op, first, last, step, scratch):
    """h = x w + b for the panels first..last of w and all rows: a thread keeps its weights in its cache."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _forward_panel(op, panel, 0, step[ROWS], step, scratch, lanes)


@inner
def panels(op, lanes):
    """The number of panels of w."""
    return (op.COLUMNS + 4 * lanes - 1) // (4 * lanes)


@inner
def panel_of(op, panel, lanes):
    """A panel's first column, its number of vectors and its width."""
    column = panel * 4 * lanes
    vectors = min(4, (op.COLUMNS - column) // lanes)
    return column, vectors, vectors * lanes


@inner
def _forward_panel(op, panel, first, last, step, scratch, lanes):
    """One panel of h for the rows first..last."""
    column, vectors, width = panel_of(op, panel, lanes)
    x, table = inputs(op, step), advance(offsets(op, step), first)
    w = advance(op.W, column * op.INPUTS_PADDED)
    h = advance(op.H, first * op.H_ROW + column)
    init, init_row = advance(op.BIAS, column), 0
    sweep = op.SWEEPS[vectors - 1]
    deep = equal_blocks(op.INPUTS, FORWARD_DEPTH)
    for k in range(0, op.INPUTS, deep):
        w_block, depth = advance(w, k * width), min(deep, op.INPUTS - k)
        call_sweep(sweep, advance(x, k), table, w_block, width, init, init_row, h, op.H_ROW, last - first, depth)
        init, init_row = h, op.H_ROW


def fetch_rows(op, first, last, step, scratch):
    """Ask for one of PARTS of the rows first..last of the next batch; after the last one the table leads anywhere."""
    x, table, lanes = inputs(op, step), advance(offsets(op, step), step[ROWS]), lanes_like(scratch)
    r = first + op.PART
    while r < last:
        row = advance(x, table[r])
        for k in range(0, op.INPUTS, lanes):
            fetch(advance(row, k))
        r += op.PARTS


def dense_delta(op, first, last, step, scratch):
    """dx = d w' for the rows first..last."""
    lanes = lanes_like(scratch)
    for panel in range((op.DX_COLUMNS + 4 * lanes - 1) // (4 * lanes)):
        _delta_panel(op, panel, first, last, scratch, lanes)


def dense_delta_panels(op, first, last, step, scratch):
    """dx = d w' for the panels first..last of dx and all rows, so that a thread reads its own rows of w only."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _delta_panel(op, panel, 0, step[ROWS], scratch, lanes)


@inner
def _delta_panel(op, panel, first, last, scratch, lanes):
    """One panel of dx for the rows first..last.

    A sweep reads the rows of its second operand, here w'.  Blocks of w are transposed into the scratch area for it.
    """
    column = panel * 4 * lanes
    vectors = min(4, (op.DX_COLUMNS - column) // lanes)
    width = vectors * lanes
    table, d, w, terms = advance(op.D_TABLE, first), op.D, op.W, terms_of(op.D)
    block = as_type_of(scratch, w)
    dx = advance(op.DX, first * op.DX_ROW + column)
    init, init_row = advance(op.INIT, first * op.INIT_ROW + column), op.INIT_ROW
    sweep = op.SWEEPS[vectors - 1]
    for k in range(0, op.COLUMNS, DELTA_DEPTH * terms):
        k_end = min(k + DELTA_DEPTH * terms, op.COLUMNS)
        _transpose_panel(op, w, column, width, k, k_end, block, lanes)
        # Without the padding of d, which may hold any number
        d_block, depth = advance(d, k // terms), (min(k_end, op.OUTPUTS) - k + terms - 1) // terms
        call_sweep(sweep, d_block, table, block, width, init, init_row, dx, op.DX_ROW, last - first, depth)
        init, init_row = dx, op.DX_ROW


@inner
def _transpose_panel(op, w, column, width, k, k_end, block, lanes):
    """block (k_end - k, width) = the rows column.. of w, transposed, for the columns k..k_end of w."""
    start, terms = k, terms_of(w)
    while start < k_end:
        stored = min(4, (op.COLUMNS - start) // lanes) * lanes
        panel = advance(w, start * op.INPUTS_PADDED)
        for j in range(0, stored, lanes):
            for i in range(0, width, lanes * terms):
                source, target = (column + i) // terms * stored + j, (start - k + j) // terms * width + i
                transpose_block(advance(panel, source), stored, advance(block, target), width, width - i)
        start += stored


def dense_update(op, first, last, step, scratch):
    """For the units first..last of w and b: their gradient over the rows of the batch, then the optimizer on them.

    A panel has a unit for each UNIT rows of w, dw = x' d, and one more for its piece of b, db = 1' d.  The gradient
    exists in the scratch area only: the optimizer reads it from the first-level cache, and it is never written to
    memory.
    """
    lanes = lanes_like(scratch)
    blocks = (op.INPUTS + op.UNIT - 1) // op.UNIT
    for unit in range(first, last):
        panel = unit // (blocks + 1)
        block = unit - panel * (blocks + 1)
        if block < blocks:
            update_weights(op, panel, block * op.UNIT, step, scratch, lanes, scratch)
        else:
            _update_vector(op, op.D, panel, step[ROWS], step, scratch, lanes)


def weights_update(op, first, last, step, scratch):
    """The same for w alone, where b is trained in another way."""
    lanes = lanes_like(scratch)
    blocks = (op.INPUTS + op.UNIT - 1) // op.UNIT
    for unit in range(first, last):
        panel = unit // blocks
        update_weights(op, panel, (unit - panel * blocks) * op.UNIT, step, scratch, lanes, scratch)


@inner
def update_weights(op, panel, row, step, scratch, lanes, beside):
    """The rows row.. of one panel of w, at most a unit of them; beside: what else is written of each two rows."""
    column, vectors, width = panel_of(op, panel, lanes)
    rows = min(op.UNIT, op.INPUTS - row)
    x, d = advance(inputs(op, step), row), advance(op.D, column)
    w = advance(op.MOVED_W, column * op.INPUTS_PADDED + row * width)
    init, init_row, sweep = op.ZERO, 0, op.SWEEPS[vectors - 1]
    depths = depth_of(op.D, step[ROWS])
    for k in range(0, depths, UPDATE_DEPTH):
        table, depth = advance(offsets(op, step), k), min(UPDATE_DEPTH, depths - k)
        y, row_of_y, next_w = advance(d, k * op.D_ROW), op.D_ROW, advance(op.AHEAD, k)
        if op.AHEAD_SWEEP != 0 and vectors == PANEL:
            call_ahead(
                op.AHEAD_SWEEP, x, table, y, row_of_y, init, init_row, scratch, width, rows, depth, w, next_w, beside
            )
        else:
            call_sweep(sweep, x, table, y, row_of_y, init, init_row, scratch, width, rows, depth)
        init, init_row = scratch, width
    call_update(op.UPDATE, w, scratch, rows * width, op.STRIDE, hyper_of(op, step))


@inner
def depth_of(factors, count):
    """The depth of a product over so many terms: of pairs, half as many."""
    terms = terms_of(factors)
    return (count + terms - 1) // terms


@inner
def _update_vector(op, d, panel, rows, step, scratch, lanes):
    """One panel's piece of b, or of another vector, from `rows` rows d of gradients to it."""
    column, vectors, width = panel_of(op, panel, lanes)
    sum_rows(op, d, column, vectors, rows, op.ZERO, scratch)
    vector = advance(op.MOVED_VECTOR, column)
    call_update(op.UPDATE, vector, scratch, width, op.STRIDE, hyper_of(op, step))


@inner
def sum_rows(op, d, column, vectors, rows, before, total):
    """total = before + 1' d for a panel.

    The sum is a product with ones, so that the tiles do it: every entry of the table leads to the same one.
    """
    width = vectors * lanes_like(total)
    sweep = op.SWEEPS[vectors - 1]
    call_sweep(sweep, op.ONES, op.ZEROS, advance(d, column), op.D_ROW, before, 0, total, width, 1, rows)


@inner
def hyper_of(op, step):
    """The optimizer's numbers of this step."""
    return advance(op.HYPER, step[INDEX] * op.HYPER_ROW)


@inner
def block(op, first, last, step, like):
    """The first row, the row after the last, the first column and the width that an elementwise op goes over."""
    if op.UNITS < 0:
        return first, last, 0, op.COLUMNS
    start, width = first * 4 * lanes_like(like), (last - first) * 4 * lanes_like(like)
    return 0, step[ROWS], start, min(width, op.COLUMNS - start)


@inner
def runs(op, row, first, last, step, like):
    """The same for an elementwise op over rows of `row` elements, for which whole rows are one long row."""
    if op.UNITS < 0:
        return 0, 1, first * row, (last - first) * row
    return block(op, first, last, step, like)


def vector_update(op, first, last, step, scratch):
    """For the panels first..last of a trained vector: the sum of its rows' gradients, and the optimizer on it."""
    lanes = lanes_like(scratch)
    rows = 1 if op.SUMMED else step[ROWS]
    for panel in range(first, last):
        _update_vector(op, op.SLOPES, panel, rows, step, scratch, lanes)


def shared_update(op, first, last, step, scratch):
    """The sum of all units' gradients to the number that they share, and the optimizer on it: one unit of work."""
    scratch[0] = sum_shared(op, step, scratch, op.ZERO[0])
    call_update(op.UPDATE, op.MOVED_VECTOR, scratch, 1, op.STRIDE, hyper_of(op, step))


@inner
def sum_shared(op, step, scratch, total):
    """total + the sum of SLOPES: down the rows of a panel, across it by a fixed tree, then from panel to panel."""
    lanes = lanes_like(scratch)
    for panel in range(panels(op, lanes)):
        column, vectors, width = panel_of(op, panel, lanes)
        sum_rows(op, op.SLOPES, column, vectors, step[ROWS], op.ZERO, scratch)
        total += row_sum(view(scratch, 0, min(width, op.OUTPUTS - column)))
    return total


def copy_rows(op, first, last, step, scratch):
    """Copy the rows first..last of a, without padding, to their rows of the predictions."""
    a, out = op.A, op.PREDICTIONS
    for r in range(first, last):
        for j in range(op.OUTPUTS):
            out[(step[START] + r) * op.OUTPUTS + j] = a[r * op.A_ROW + j]
