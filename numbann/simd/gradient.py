"""Stored gradients as kernels: store a gradient instead of applying it, measure it, then hand it to the optimizer.

The blocks that it is measured in depend on its length alone and are summed in order, so the bits are the same for any
number of threads.
"""

from __future__ import annotations

from math import sqrt

from numba import carray

from numbann.simd.dense import hyper_of
from numbann.simd.jit import inner, takes, update_signature
from numbann.simd.op import CLIP_NORM
from numbann.simd.pointer import advance, call_update, view
from numbann.simd.rows import row_dot
from numbann.simd.sizes import BLOCK, SMALL


@takes(update_signature)
def store(w, g, count, stride, hyper):
    """Take the optimizer's place: w <- g, where w is a piece of a stored gradient."""
    target, gradient = carray(w, count), carray(g, count)
    for i in range(count):
        target[i] = gradient[i]


def sum_squares(op, first, last, step, scratch):
    """The sum of squares of each of the blocks first..last of GRADIENT, into its element of SQUARES."""
    sums = op.SQUARES
    for block in range(first, last):
        part = view(op.GRADIENT, block * BLOCK, min(BLOCK, op.LENGTH - block * BLOCK))
        sums[block] = row_dot(part, part)


def update_clipped(op, first, last, step, scratch):
    """The optimizer on the blocks first..last of ARENA, with GRADIENT scaled to a norm of at most CLIP_NORM.

    Every thread adds up the sums of squares itself, in the same order, so all scale by the same factor.
    """
    hyper, scaled = hyper_of(op, step), carray(scratch, BLOCK)
    factor = scaled.dtype.type(_factor(op, hyper[CLIP_NORM]))
    for block in range(first, last):
        start = block * BLOCK
        count = min(BLOCK, op.LENGTH - start)
        w, g = advance(op.ARENA, start), advance(op.GRADIENT, start)
        if factor == 1:
            call_update(op.UPDATE, w, g, count, op.STRIDE, hyper)
            continue
        gradient = carray(g, count)
        for i in range(count):
            scaled[i] = factor * gradient[i]
        call_update(op.UPDATE, w, scratch, count, op.STRIDE, hyper)


def keep_within(op, first, last, step, scratch):
    """A vector of LENGTH numbers between the two PARAMETERS, and so is what lies STRIDE elements from it."""
    low, high = op.PARAMETERS[0], op.PARAMETERS[1]
    for start in (0, op.STRIDE):
        w = view(op.MOVED_VECTOR, start, op.LENGTH)
        for i in range(op.LENGTH):
            w[i] = low if w[i] < low else (high if w[i] > high else w[i])


@inner
def _factor(op, largest):
    """min(1, largest / (norm + SMALL)), from the sums of squares of all blocks; NaN if the norm is."""
    total = 0.0
    for block in range(op.BLOCKS):
        total += op.SQUARES[block]
    factor = largest / (sqrt(total) + SMALL)
    return 1.0 if factor > 1 else factor
