"""The lanes of a warp: threads that do a row together.

Blocks have one dimension and whole warps, and all lanes of a warp call what is here, except `own`.  In the simulator a
block is one warp of few lanes, which exchange numbers through shared memory.
"""

from __future__ import annotations

import numpy as np

from numbann.cuda.threads.device import SIMULATED, THREADS, cuda, inner

COUNT = THREADS if SIMULATED else 32
MASK, SHIFT = COUNT - 1, COUNT.bit_length() - 1
ALL = 0xFFFFFFFF


@inner
def index():
    """A thread's lane."""
    return cuda.threadIdx.x & MASK


@inner
def share(count):
    """How many of so many elements are a lane's."""
    return (count - index() + MASK) >> SHIFT


@inner
def element(n):
    """The place of a lane's element of a number; unsigned, so that none is taken to count from the end."""
    return np.uint64((n << SHIFT) + index())


if SIMULATED:

    @inner
    def barrier():
        """Wait for all lanes; what each has written, all can read."""
        cuda.syncthreads()

    @inner
    def exchange(value, distance):
        """The value of the lane whose number differs in one bit."""
        values = cuda.shared.array(COUNT, value.dtype)
        values[cuda.threadIdx.x] = value
        cuda.syncthreads()
        found = values[cuda.threadIdx.x ^ distance]
        cuda.syncthreads()
        return found

else:

    @inner
    def barrier():
        """Wait for all lanes; what each has written, all can read."""
        cuda.syncwarp()

    @inner
    def exchange(value, distance):
        """The value of the lane whose number differs in one bit."""
        return cuda.shfl_xor_sync(ALL, value, distance)


@inner
def reduce_max(value):
    """The largest value of all lanes, which get the same bits."""
    distance = COUNT >> 1
    while distance > 0:
        other = exchange(value, distance)
        value = other if other > value else value
        distance >>= 1
    return value


@inner
def reduce_sum(value):
    """The sum over all lanes, in a fixed tree: they get the same bits.

    The value must be a sum that begins at 0: a product might be contracted with the first addition in one lane.
    """
    return reduce_sum_of_group(value, COUNT)


@inner
def reduce_sum_of_group(value, width):
    """The sum over each so many lanes, a power of two; as `total`."""
    distance = width >> 1
    while distance > 0:
        value += exchange(value, distance)
        distance >>= 1
    return value


@inner
def shift_for(count):
    """The power of two that is the number of lanes which do a row of so many elements, if they need not be a warp."""
    shift = 0
    while shift < SHIFT and 1 << shift < count:
        shift += 1
    return shift


@inner
def put(row, k, value):
    """Set one element of a row, when all lanes have come here, and let none go on before."""
    barrier()
    if index() == 0:
        row[k] = value
    barrier()
