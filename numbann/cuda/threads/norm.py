"""Layer norm and batch norm as CUDA kernels; the formulas and their sources are in numbann.simd.norm.

A block of threads computes a row (layer norm) or a column (batch norm).  Its sums follow a fixed tree (`sum_block`), so
the bits are the same on every run.  The variance is the mean of (h - mean)^2, in a second pass: E(h^2) - mean^2 would
lose its digits where the mean is large.  h^ overwrites h; the way back reads it there.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads import op
from numbann.cuda.threads.batches import batch_rows
from numbann.cuda.threads.device import THREADS, cuda, inner, kernel
from numbann.cuda.threads.mathematics import math
from numbann.cuda.threads.updates import sum_block


@functools.cache
def layer_norm(dtype: str, epsilon: float) -> Any:
    """Make the kernel of z = scale h^ + shift, with the mean and the variance of each row.  h, z: (B, O)."""
    number, summed = np.dtype(dtype).type, sum_block(dtype)
    zero, one, epsilon = number(0), number(1), number(epsilon)

    @kernel
    def forward(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places, r = ints[op.HEAD + layer * op.WIDTH :], cuda.blockIdx.x
        outputs, scale = places[op.OUTPUTS], places[op.NORM_VECTORS]
        if r >= batch_rows(ints, step):
            return
        h, z, share = places[op.H] + r * outputs, places[op.Z] + r * outputs, one / number(outputs)
        total = zero
        for c in range(cuda.threadIdx.x, outputs, THREADS):
            total += work[h + c]
        mean = summed(total) * share
        total = zero
        for c in range(cuda.threadIdx.x, outputs, THREADS):
            total += (work[h + c] - mean) * (work[h + c] - mean)
        factor = one / math.sqrt(summed(total) * share + epsilon)
        if cuda.threadIdx.x == 0:
            work[places[op.FACTORS] + r] = factor
        for c in range(cuda.threadIdx.x, outputs, THREADS):
            normal = (work[h + c] - mean) * factor
            work[h + c] = normal
            work[z + c] = arena[scale + c] * normal + arena[scale + outputs + c]

    return forward


@functools.cache
def layer_norm_back(dtype: str) -> Any:
    """Make the kernel of dh = factor (g - mean(g) - h^ mean(g h^)) with g = scale dz; means over a row.

    dh overwrites dz.  Each row's gradients to scale and shift, dz h^ and dz, go to a buffer that `update_vectors` sums.
    """
    number, summed = np.dtype(dtype).type, sum_block(dtype)
    zero, one = number(0), number(1)

    @kernel
    def back(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places, r = ints[op.HEAD + layer * op.WIDTH :], cuda.blockIdx.x
        outputs, scale = places[op.OUTPUTS], places[op.NORM_VECTORS]
        if r >= batch_rows(ints, step):
            return
        h, d, share = places[op.H] + r * outputs, places[op.D] + r * outputs, one / number(outputs)
        slopes = places[op.NORM_SLOPES] + r * outputs
        total, along = zero, zero
        for c in range(cuda.threadIdx.x, outputs, THREADS):
            dz = work[d + c]
            work[slopes + c] = dz * work[h + c]
            work[slopes + places[op.SLOPES_STRIDE] + c] = dz
            total += dz * arena[scale + c]
            along += dz * arena[scale + c] * work[h + c]
        mean = summed(total) * share
        along = summed(along) * share
        factor = work[places[op.FACTORS] + r]
        for c in range(cuda.threadIdx.x, outputs, THREADS):
            work[d + c] = factor * (work[d + c] * arena[scale + c] - mean - work[h + c] * along)

    return back


@functools.cache
def batch_norm(dtype: str, epsilon: float, momentum: float) -> Any:
    """Make the kernel of z = scale h^ + shift, with the mean and the variance of each column of the batch.

    The running mean and variance move by the share `momentum` towards those of the batch; the running variance is
    that of a sample, divided by rows - 1, as in PyTorch.
    """
    number, summed = np.dtype(dtype).type, sum_block(dtype)
    zero, one, epsilon, momentum = number(0), number(1), number(epsilon), number(momentum)

    @kernel
    def forward(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places, c = ints[op.HEAD + layer * op.WIDTH :], cuda.blockIdx.x
        outputs, scale, rows = places[op.OUTPUTS], places[op.NORM_VECTORS] + c, batch_rows(ints, step)
        h, z, share = places[op.H] + c, places[op.Z] + c, one / number(rows)
        total = zero
        for r in range(cuda.threadIdx.x, rows, THREADS):
            total += work[h + r * outputs]
        mean = summed(total) * share
        total = zero
        for r in range(cuda.threadIdx.x, rows, THREADS):
            total += (work[h + r * outputs] - mean) * (work[h + r * outputs] - mean)
        spread = summed(total)
        factor = one / math.sqrt(spread * share + epsilon)
        if cuda.threadIdx.x == 0:
            running = places[op.STATISTICS] + c
            work[places[op.FACTORS] + c] = factor
            arena[running] += momentum * (mean - arena[running])
            if rows > 1:
                arena[running + outputs] += momentum * (spread / number(rows - 1) - arena[running + outputs])
        for r in range(cuda.threadIdx.x, rows, THREADS):
            normal = (work[h + r * outputs] - mean) * factor
            work[h + r * outputs] = normal
            work[z + r * outputs] = arena[scale] * normal + arena[scale + outputs]

    return forward


@functools.cache
def batch_norm_back(dtype: str) -> Any:
    """Make the kernel of dh = scale factor (dz - mean(dz) - h^ mean(dz h^)), in place of dz; means over the batch."""
    number, summed = np.dtype(dtype).type, sum_block(dtype)
    zero, one = number(0), number(1)

    @kernel
    def back(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places, c = ints[op.HEAD + layer * op.WIDTH :], cuda.blockIdx.x
        outputs, scale, rows = places[op.OUTPUTS], places[op.NORM_VECTORS] + c, batch_rows(ints, step)
        h, d, share = places[op.H] + c, places[op.D] + c, one / number(rows)
        slopes = places[op.NORM_SLOPES] + c
        total, along = zero, zero
        for r in range(cuda.threadIdx.x, rows, THREADS):
            dz, normal = work[d + r * outputs], work[h + r * outputs]
            work[slopes + r * outputs] = dz * normal
            work[slopes + places[op.SLOPES_STRIDE] + r * outputs] = dz
            total += dz
            along += dz * normal
        mean = summed(total) * share
        along = summed(along) * share
        factor = arena[scale] * work[places[op.FACTORS] + c]
        for r in range(cuda.threadIdx.x, rows, THREADS):
            place = r * outputs
            work[d + place] = factor * (work[d + place] - mean - work[h + place] * along)

    return back


@functools.cache
def running_norm(dtype: str, epsilon: float) -> Any:
    """Make the device function of z by a batch norm's running statistics, for predictions.

    It depends on one element alone, so a product calls it before it ends.
    """
    number = np.dtype(dtype).type
    epsilon = number(epsilon)

    @inner
    def normalized(arena, work, data, ints, places, step, r, c, h):
        outputs = places[op.OUTPUTS]
        scale, running = places[op.NORM_VECTORS] + c, places[op.STATISTICS] + c
        factor = arena[scale] / math.sqrt(arena[running + outputs] + epsilon)
        return (h - arena[running]) * factor + arena[scale + outputs]

    return normalized
