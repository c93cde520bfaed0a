"""The lanes of a warp, which compute a row together: how elements are shared among them, and how they sum and wait.

Blocks have one dimension and whole warps.  All lanes of a warp must call a function of this file together, since they
wait for each other in it; `index`, `share`, `element` and `shift_for` do not wait.  Lanes take elements in turn: then
neighbouring lanes read neighbouring elements.  In the simulator a block is one warp of few lanes, which exchange
numbers through shared memory.
"""

from __future__ import annotations

import numpy as np

from numbann.cuda.threads.device import SIMULATED, THREADS, cuda, inner

COUNT = THREADS if SIMULATED else 32
MASK, SHIFT = COUNT - 1, COUNT.bit_length() - 1
ALL = 0xFFFFFFFF


@inner
def index():
    """The number of a thread's lane."""
    return cuda.threadIdx.x & MASK


@inner
def share(count):
    """How many of `count` elements a lane has."""
    return (count - index() + MASK) >> SHIFT


@inner
def element(n):
    """The index in the row of a lane's n-th element; unsigned, so that numba tests no sign before it indexes."""
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
    """The largest value of all lanes; every lane gets it."""
    distance = COUNT >> 1
    while distance > 0:
        other = exchange(value, distance)
        value = other if other > value else value
        distance >>= 1
    return value


@inner
def reduce_sum(value):
    """The sum over all lanes, in a fixed tree; every lane gets the same bits.

    value must be a sum that starts at 0.  The compiler may fuse a bare product with the first addition of the tree, and
    then two lanes that exchange their values would round differently.
    """
    return reduce_sum_of_group(value, COUNT)


@inner
def reduce_sum_of_group(value, width):
    """As `reduce_sum`, over each group of `width` neighbouring lanes; width: a power of two."""
    distance = width >> 1
    while distance > 0:
        value += exchange(value, distance)
        distance >>= 1
    return value


@inner
def shift_for(count):
    """The logarithm, to base 2, of the number of lanes for a row of `count` elements; at most that of a warp."""
    shift = 0
    while shift < SHIFT and 1 << shift < count:
        shift += 1
    return shift


@inner
def put(row, k, value):
    """Set one element of a row.  Lanes may read its old value before the call, and read the new one after it."""
    barrier()
    if index() == 0:
        row[k] = value
    barrier()
