"""A worker thread in compiled code: it waits a little for calls, runs the driver on them, and says when it is done.

Handing over a call through a box takes less than a microsecond; waking a worker that has parked in Python takes fifty.
"""

from __future__ import annotations

from numba import types

from numbann.engine.cpu import call_words
from numbann.engine.cpu.box_words import (
    BOX,
    CALL,
    CALLED,
    CLAIMED,
    CLOSING,
    DRIVER,
    PARKED,
    PATIENCE,
    READY,
    REPORTS,
    STATE,
    YIELD,
)
from numbann.simd.jit import INTS, inner, takes
from numbann.simd.machine import atomic_load, atomic_replace, atomic_store, wait
from numbann.simd.pointer import advance, call_driver, ints


@takes(types.int64(INTS, types.intp))
def serve(box, thread):
    """Run calls until one must be reported (return 1), or until none comes for a while (return 0); then park.

    A team that closes is not waited for: on a busy machine its patience could last for minutes.
    """
    atomic_store(box, STATE, READY)
    waited, patience = 0, PATIENCE
    while True:
        state = atomic_load(box, STATE)
        if state == CALLED:
            call_driver(box[DRIVER], ints(box[CALL]), thread)
            patience = ints(box[CALL])[call_words.PATIENCE]
            if box[REPORTS] != 0:
                atomic_store(box, STATE, PARKED)
                return 1
            atomic_store(box, STATE, READY)
            waited = 0
        elif (waited > patience or atomic_load(box, CLOSING)) and atomic_replace(box, STATE, READY, PARKED):
            return 0
        else:
            waited = wait(box[YIELD], waited)


@takes(types.int64(INTS, types.intp, types.intp, types.intp, types.intp))
def engage(boxes, first, count, call, patience):
    """Let the workers first..count run a call, all of them or none; return whether they do.

    With first = 1 the caller runs it as thread 0 and returns when all are done; else they will report.  patience: the
    moments to wait for a worker that is about to be ready.
    """
    if not _claim(boxes, first, count, patience):
        return 0
    for k in range(first, count):
        box = advance(boxes, k * BOX)
        box[CALL], box[REPORTS] = call, first == 0
        atomic_store(box, STATE, CALLED)
    if first == 1:
        call_driver(boxes[DRIVER], ints(call), 0)
        for k in range(first, count):
            _finish(advance(boxes, k * BOX))
    return 1


@inner
def _claim(boxes, first, count, patience):
    """Claim the workers that are ready; if one does not become ready soon, release them all.

    A worker starts only when all are claimed: a team with a missing thread would wait for ever at its first barrier.
    """
    for k in range(first, count):
        box, waited = advance(boxes, k * BOX), 0
        while not atomic_replace(box, STATE, READY, CLAIMED):
            if waited >= patience or atomic_load(box, STATE) == PARKED:
                for claimed in range(first, k):
                    atomic_store(advance(boxes, claimed * BOX), STATE, READY)
                return False
            waited = wait(box[YIELD], waited)
    return True


@inner
def _finish(box):
    """Wait until a worker no longer reads its call."""
    waited = 0
    while atomic_load(box, STATE) == CALLED:
        waited = wait(box[YIELD], waited)
