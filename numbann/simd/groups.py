"""Huge batches as kernels: groups of rows go through the network in chunks, then the groups' gradients are summed.

A chunk's rows, activations and deltas stay in the first-level cache from the first layer to the gradient.  The groups
depend on the batch alone, never on threads.  Each has a gradient of its own, and the gradients are summed as a binary
tree, so the bits are the same for any number of threads, and of ranks that sum a branch each.
"""

from __future__ import annotations

from numba import carray

from numbann.simd.dense import depth_of, hyper_of, inputs, lanes_like, offsets, panel_of, sum_rows, sum_shared
from numbann.simd.jit import inner
from numbann.simd.op import BATCH, FRESH, GROUP, INDEX, KERNEL, ROWS, START, STEP_WIDTH, THREAD, UNITS, WIDTH
from numbann.simd.pointer import advance, call_kernel, call_sweep, call_update, view
from numbann.simd.sizes import BLOCK


def pass_groups(op, first, last, step, scratch):
    """For the groups first..last from FIRST_GROUP on: the thread's own ops on every chunk of their rows."""
    ops = advance(op.OPS, step[THREAD] * op.OPS_STRIDE)
    chunk = advance(step, STEP_WIDTH)  # a second set of numbers: the ops of a chunk see it as their step
    chunk[INDEX], chunk[BATCH] = step[INDEX], step[BATCH]
    for group in range(first, last):
        begin, end = _bounds(op, op.FIRST_GROUP + group, step)
        if begin == end:  # the last batch may have fewer rows than there are groups
            _clear(view(op.GROUP_ARENA, group * op.GROUP_STRIDE, op.GROUP_STRIDE))
        chunk[GROUP], chunk[FRESH] = group, 1
        for row in range(begin, end, op.CHUNK):
            chunk[START] = step[START] + row
            chunk[ROWS] = min(op.CHUNK, end - row)
            _run(ops, op.OP_COUNT, chunk, scratch)
            chunk[FRESH] = 0  # from the second chunk on, the group has a gradient to add to


@inner
def _bounds(op, group, step):
    """The first row of a group in the batch, and the row after its last."""
    rows = step[ROWS]
    return rows * group // op.GROUPS, rows * (group + 1) // op.GROUPS


@inner
def _run(ops, count, chunk, scratch):
    """Run every op on a chunk: on all of its rows, or on all units of the op."""
    for k in range(count):
        op = advance(ops, k * WIDTH)
        units = op[UNITS] if op[UNITS] >= 0 else chunk[ROWS]
        call_kernel(op[KERNEL], op, 0, units, chunk, scratch)


def add_gradient(op, first, last, step, scratch):
    """For the panels first..last of a layer: add the chunk's dw = x' d and db = 1' d to those of its group."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _add_weights(op, panel, step, lanes)
        column, vectors, _ = panel_of(op, panel, lanes)
        db = advance(op.GROUP_VECTOR, step[GROUP] * op.GROUP_STRIDE + column)
        before = op.ZERO if step[FRESH] == 1 else db
        sum_rows(op, op.D, column, vectors, step[ROWS], before, db)


def add_weights_gradient(op, first, last, step, scratch):
    """The same for dw alone, which products in bfloat16 make of other numbers than db."""
    lanes = lanes_like(scratch)
    for panel in range(first, last):
        _add_weights(op, panel, step, lanes)


@inner
def _add_weights(op, panel, step, lanes):
    """Add one panel of the chunk's dw to that of its group."""
    column, vectors, width = panel_of(op, panel, lanes)
    d, dw = advance(op.D, column), advance(op.GROUP_W, step[GROUP] * op.GROUP_STRIDE + column * op.INPUTS_PADDED)
    before, row = (op.ZERO, 0) if step[FRESH] == 1 else (dw, width)
    x, table, depth = inputs(op, step), offsets(op, step), depth_of(op.D, step[ROWS])
    call_sweep(op.SWEEPS[vectors - 1], x, table, d, op.D_ROW, before, row, dw, width, op.INPUTS, depth)


def add_vector(op, first, last, step, scratch):
    """For the panels first..last of a trained vector: add the chunk's gradient to that of its group."""
    lanes, rows = lanes_like(scratch), 1 if op.SUMMED else step[ROWS]
    for panel in range(first, last):
        column, vectors, _ = panel_of(op, panel, lanes)
        group = step[GROUP] * op.GROUP_STRIDE
        gradient = advance(op.GROUP_VECTOR, group + column)
        before = op.ZERO if step[FRESH] == 1 else gradient
        sum_rows(op, op.SLOPES, column, vectors, rows, before, gradient)


def add_shared(op, first, last, step, scratch):
    """Add the chunk's gradient to the number that a layer's units share to that of its group."""
    gradient = advance(op.GROUP_VECTOR, step[GROUP] * op.GROUP_STRIDE)
    gradient[0] = sum_shared(op, step, scratch, op.ZERO[0] if step[FRESH] == 1 else gradient[0])


def update_sum(op, first, last, step, scratch):
    """For the blocks first..last of the arena: sum the groups' gradients, and run the optimizer on the sum."""
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, op.LENGTH - start)
        _sum_groups(op, start, count, scratch)
        w = advance(op.ARENA, start)
        call_update(op.UPDATE, w, scratch, count, op.STRIDE, hyper_of(op, step))


def store_sum(op, first, last, step, scratch):
    """For the blocks first..last of a gradient: store the sum of the groups' gradients in SUM."""
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, op.LENGTH - start)
        _sum_groups(op, start, count, scratch)
        total, target = carray(scratch, count), view(op.SUM, start, count)
        for i in range(count):
            target[i] = total[i]


@inner
def _sum_groups(op, start, count, scratch):
    """The sum of `count` elements of the groups' gradients, a power of 2 of them, as a binary tree.

    It is left at the beginning of the scratch area.  Sums that wait for their other half lie one after the other there.
    """
    waiting = 0
    for group in range(op.GROUPS):
        part = view(op.GROUP_ARENA, group * op.GROUP_STRIDE + start, count)
        if group % 2 == 0:
            _copy(part, view(scratch, waiting * BLOCK, count))
            waiting += 1
            continue
        _add(part, view(scratch, (waiting - 1) * BLOCK, count))
        pairs = group // 2
        while pairs % 2 == 1:
            waiting -= 1
            _add(view(scratch, waiting * BLOCK, count), view(scratch, (waiting - 1) * BLOCK, count))
            pairs //= 2
    _positive_zeros(carray(scratch, count))


@inner
def _clear(gradient):
    for i in range(len(gradient)):
        gradient[i] = 0


@inner
def _copy(part, total):
    for i in range(len(total)):
        total[i] = part[i]


@inner
def _add(part, total):
    for i in range(len(total)):
        total[i] += part[i]


@inner
def _positive_zeros(total):
    """total + 0: a sum of branches that were summed elsewhere has the same sign where it is zero."""
    for i in range(len(total)):
        total[i] += 0
