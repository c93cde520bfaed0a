"""Huge batches as kernels: groups of rows go through the network in chunks, then the groups' gradients are summed.

A chunk's rows stay in the first-level cache from the first layer to its gradient.  The groups depend on the batch alone
and are summed in order, so the bits do not depend on threads.
"""

from __future__ import annotations

from numba import carray

from numbann.simd import op as layout
from numbann.simd.dense import bias_gradient, hyper_of, inputs, lanes_like, offsets, panel_of
from numbann.simd.jit import inner
from numbann.simd.pointer import advance, call_kernel, call_sweep, call_update, ints, pointer, view

BLOCK = 1024  # elements of the arena that are summed and updated at once


def pass_groups(op, first, last, step, scratch):
    """The groups first..last of the batch: each thread's own ops on every chunk of their rows."""
    ops = advance(ints(op[layout.OPS]), step[layout.THREAD] * op[layout.OPS_STRIDE])
    chunk = advance(step, layout.STEP_WIDTH)
    chunk[layout.INDEX], chunk[layout.BATCH] = step[layout.INDEX], step[layout.BATCH]
    for group in range(first, last):
        begin, end = _bounds(op, group, step)
        chunk[layout.GROUP], chunk[layout.FRESH] = group, 1
        for row in range(begin, end, op[layout.CHUNK]):
            chunk[layout.START] = step[layout.START] + row
            chunk[layout.ROWS] = min(op[layout.CHUNK], end - row)
            _run(ops, op[layout.OP_COUNT], chunk, scratch)
            chunk[layout.FRESH] = 0


@inner
def _bounds(op, group, step):
    """The rows of a group, of all rows of the batch."""
    rows = step[layout.ROWS]
    return rows * group // op[layout.GROUPS], rows * (group + 1) // op[layout.GROUPS]


@inner
def _run(ops, count, chunk, scratch):
    """Every op on a chunk: all of its rows, or all of its units."""
    for k in range(count):
        op = advance(ops, k * layout.WIDTH)
        units = op[layout.UNITS] if op[layout.UNITS] >= 0 else chunk[layout.ROWS]
        call_kernel(op[layout.KERNEL], op, 0, units, chunk, scratch)


def add_gradient(op, first, last, step, scratch):
    """For the panels first..last of a layer: the chunk's dw = x' d and db = 1' d, added to those of its group.

    W and BIAS are the places of dw and db in the first group's arena, STRIDE leads to the next group's.
    """
    lanes = lanes_like(scratch)
    group = step[layout.GROUP] * op[layout.STRIDE]
    for panel in range(first, last):
        column, vectors, width = panel_of(op, panel, lanes)
        sweep, d = op[layout.SWEEPS + vectors - 1], advance(pointer(op[layout.D], scratch), column)
        dw = advance(pointer(op[layout.W], scratch), group + column * op[layout.INPUTS_PADDED])
        db = advance(pointer(op[layout.BIAS], scratch), group + column)
        before_w, before_b, row = dw, db, width
        if step[layout.FRESH] == 1:
            before_w, before_b, row = pointer(op[layout.ZERO], scratch), pointer(op[layout.ZERO], scratch), 0
        x, table, d_row, rows = inputs(op, step, scratch), offsets(op, step), op[layout.D_ROW], step[layout.ROWS]
        call_sweep(sweep, x, table, d, d_row, before_w, row, dw, width, op[layout.INPUTS], rows)
        bias_gradient(op, column, vectors, rows, before_b, db, scratch)


def add_vector(op, first, last, step, scratch):
    """For the panels first..last of a vector of trained numbers: the chunk's gradient, added to that of its group."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        column, vectors, _ = panel_of(op, panel, lanes)
        group = step[layout.GROUP] * op[layout.STRIDE]
        gradient = advance(pointer(op[layout.BIAS], scratch), group + column)
        before = pointer(op[layout.ZERO], scratch) if step[layout.FRESH] == 1 else gradient
        bias_gradient(op, column, vectors, step[layout.ROWS], before, gradient, scratch)


def update_sum(op, first, last, step, scratch):
    """For the blocks first..last of the arena: the sum of the groups' gradients, and the optimizer on it.

    W is the arena, INPUTS its length, D the first group's gradients and D_ROW leads to the next group's.
    """
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, op[layout.INPUTS] - start)
        total = carray(scratch, count)
        for i in range(count):
            total[i] = 0
        for group in range(op[layout.GROUPS]):
            begin, end = _bounds(op, group, step)
            if begin < end:
                part = view(op[layout.D], scratch, group * op[layout.D_ROW] + start, count)
                for i in range(count):
                    total[i] += part[i]
        w = advance(pointer(op[layout.W], scratch), start)
        call_update(op[layout.UPDATE], w, scratch, count, op[layout.STRIDE], hyper_of(op, step, scratch))
