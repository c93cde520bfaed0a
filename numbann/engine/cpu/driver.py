"""The driver: interprets a table of phases, step by step, on every thread of a team.

It is compiled once for all networks: components, shapes and precisions are in the kernels and the table.
"""

from __future__ import annotations

from numba import types

from numbann.engine.cpu.call_words import (
    ARRIVED,
    BATCH,
    DONE,
    FIRST,
    GENERATION,
    LAST,
    OPS,
    PHASE_COUNT,
    PHASES,
    SCRATCH,
    SCRATCH_BYTES,
    STEPS,
    STOP,
    STOP_AT,
    THREADS,
    TOTAL,
    YIELD,
)
from numbann.simd import op as layout
from numbann.simd.jit import INTS, inner, takes
from numbann.simd.machine import (
    atomic_add,
    atomic_load,
    atomic_store,
    flush_denormals,
    restore_denormals,
    wait,
)
from numbann.simd.pointer import advance, call_kernel, ints


@takes(types.void(INTS, types.intp))
def drive(call, thread):
    """Run the steps FIRST..LAST of the table as one thread of the team."""
    state = flush_denormals()
    step = advance(ints(call[STEPS]), thread * 2 * layout.STEP_WIDTH)
    scratch = advance(ints(call[SCRATCH]), thread * (call[SCRATCH_BYTES] // 8))
    for index in range(call[FIRST], call[LAST]):
        start = index * call[BATCH]
        rows = min(call[BATCH], call[TOTAL] - start)
        step[layout.START], step[layout.ROWS], step[layout.BATCH] = start, rows, rows
        step[layout.INDEX], step[layout.THREAD] = index, thread
        # One thread reads the flag, and the barriers carry its decision to the others: all leave after the same step
        if thread == 0 and atomic_load(call, STOP) != 0:
            atomic_store(call, STOP_AT, index)
        for phase in range(call[PHASE_COUNT]):
            _phase(call, phase, thread, step, scratch)
            if call[THREADS] > 1:
                _barrier(call)
        if thread == 0:
            atomic_store(call, DONE, index + 1)
        if atomic_load(call, STOP_AT) == index:
            break
    restore_denormals(state)


@inner
def _phase(call, phase, thread, step, scratch):
    """Do one thread's share of every op of a phase."""
    bounds = advance(ints(call[PHASES]), 2 * phase)
    for k in range(bounds[0], bounds[1]):
        op = advance(ints(call[OPS]), k * layout.WIDTH)
        first, last = _share(op, step[layout.ROWS], thread, call[THREADS])
        if first < last:
            call_kernel(op[layout.KERNEL], op, first, last, step, scratch)


@inner
def _share(op, rows, thread, threads):
    """The range of units, or of rows in whole grains, that a thread does."""
    if op[layout.BORDERS] != 0:
        borders = advance(ints(op[layout.BORDERS]), thread)
        return borders[0], borders[1]
    units = op[layout.UNITS]
    if units >= 0:
        return units * thread // threads, units * (thread + 1) // threads
    grain = -units
    grains = (rows + grain - 1) // grain
    return min(rows, grains * thread // threads * grain), min(rows, grains * (thread + 1) // threads * grain)


@inner
def _barrier(call):
    """Wait until every thread of the team is here.

    The last one to arrive resets the count before it opens the barrier: a thread that leaves may arrive at the next
    barrier at once.
    """
    generation = atomic_load(call, GENERATION)
    if atomic_add(call, ARRIVED, 1) == call[THREADS] - 1:
        atomic_store(call, ARRIVED, 0)
        atomic_store(call, GENERATION, generation + 1)
        return
    waited = 0
    while atomic_load(call, GENERATION) == generation:
        waited = wait(call[YIELD], waited)
