"""The words of a call of the driver: a row of int64 that Python fills in and all threads share.

The words that threads write are 128 bytes apart, so that no two share a cache line.
"""

from __future__ import annotations

THREADS, OPS, PHASES, PHASE_COUNT, BATCH, TOTAL, FIRST, LAST = 0, 1, 2, 3, 4, 5, 6, 7
SCRATCH, SCRATCH_BYTES, STEPS, YIELD, PATIENCE = 8, 9, 10, 11, 12  # PATIENCE: moments to wait for another call
ARRIVED, GENERATION, STOP, STOP_AT, DONE = 32, 48, 64, 80, 96
CALL_WIDTH = 112
