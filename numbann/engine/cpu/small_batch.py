"""Predictions of a few rows with little overhead: through buffers of the engine's own that are bound once.

The calling thread does the work.  Reading the weights takes most of the time; if they are many, the other threads read
their share, as long as they are still awake from the call before.
"""

from __future__ import annotations

import numpy as np

from numbann.engine.cpu.builder import Builder
from numbann.engine.cpu.call_words import TOTAL
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.operands import Operands, Scaling
from numbann.engine.cpu.runner import Call, Runner
from numbann.engine.shared.alignment import aligned
from numbann.network.plan import ITEMSIZE

SMALL_BATCH = 16  # rows
SHARED_BYTES = 1 << 18  # threads share at least this many bytes of weights


class SmallBatch:
    """Predicts up to SMALL_BATCH rows at a time, of inputs or of raw numbers with a scaling."""

    def __init__(self, arena: Arena, runner: Runner, threads: int, scaling: Scaling | None = None) -> None:
        plan = arena.plan
        inputs = aligned((SMALL_BATCH, plan.inputs), scaling.dtype if scaling else plan.dtype)
        outputs = aligned((SMALL_BATCH, plan.outputs), plan.dtype)
        shares = threads > 1 and arena.layout.arena * ITEMSIZE[plan.dtype] >= SHARED_BYTES
        self._team, self._threads = runner.team, threads if shares else 1

        def make_call(count: int) -> Call:
            table = Builder(Operands(arena, SMALL_BATCH, training=False, scaling=scaling)).evaluation(False, count)
            table.bind(x=inputs, out=outputs)
            call = runner.call(table, count, SMALL_BATCH)
            runner.set(call, 0, 1)
            return call

        self._alone, self._together = make_call(1), make_call(self._threads)
        # A view for each number of rows, made once
        self._inputs = [inputs[:rows] for rows in range(SMALL_BATCH + 1)]
        self._outputs = [outputs[:rows] for rows in range(SMALL_BATCH + 1)]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predictions (N, O) of at most SMALL_BATCH rows."""
        rows = len(x)
        self._inputs[rows][...] = x
        if self._threads == 1 or not self._shared(rows):
            self._alone.numbers[TOTAL] = rows
            self._team.run_briefly(1, self._alone.address)
        return self._outputs[rows].copy()

    def _shared(self, rows: int) -> bool:
        """Run the prediction on all threads if they are awake; return whether they did it."""
        self._together.numbers[TOTAL] = rows
        return self._team.run_if_ready(self._threads, self._together.address)
