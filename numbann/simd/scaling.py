"""Raw numbers to network inputs as a kernel: x = (raw - shift) / scale in float64, rounded once to x's precision.

It gives the same bits as the encoding of numbann.data, for rows that are used right after.
"""

from __future__ import annotations

import numpy as np

from numbann.simd.jit import inner
from numbann.simd.op import START
from numbann.simd.pointer import advance, view


def scale_float32(op, first, last, step, scratch):
    """x of the rows first..last from raw float32; FLAG is set if a number of x is infinite or NaN."""
    _scale(op.RAW_FLOATS, op, first, last, step)


def scale_float64(op, first, last, step, scratch):
    """x of the rows first..last from raw float64; FLAG is set if a number of x is infinite or NaN."""
    _scale(op.RAW_DOUBLES, op, first, last, step)


@inner
def _scale(raw, op, first, last, step):
    """x of the rows first..last, and FLAG."""
    shift, scale, inputs = op.SHIFT, op.SCALE, op.INPUTS
    odd = 0
    for r in range(first, last):
        source = advance(raw, (step[START] + r) * inputs)
        x = view(op.SCALED, r * op.SCALED_ROW, inputs)
        for k in range(inputs):
            x[k] = (np.float64(source[k]) - shift[k]) / scale[k]
        for k in range(inputs):
            odd += abs(x[k]) >= np.inf or x[k] != x[k]
    if odd != 0:
        op.FLAG[0] = 1
