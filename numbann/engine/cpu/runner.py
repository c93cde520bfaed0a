"""Runs tables on a team of threads: holds what threads need besides a table, and calls the call_words."""

from __future__ import annotations

import numpy as np

from numbann.engine.cpu import call_words
from numbann.engine.cpu.box_words import PATIENCE
from numbann.engine.cpu.memory import scratch
from numbann.engine.cpu.table import Table
from numbann.engine.cpu.team import Team
from numbann.engine.shared.alignment import aligned
from numbann.engine.shared.report import Report
from numbann.network.plan import Plan
from numbann.records import dataclass
from numbann.simd import op
from numbann.simd.system import yield_address

BRIEF = 1_000_000_000  # floating-point operations, some hundredths of a second that Ctrl-C may have to wait


@dataclass(frozen=True)
class Call:
    """A table with everything that the driver needs to run it; `rows` sets how many rows there are in all."""

    table: Table
    threads: int
    batch: int
    numbers: np.ndarray
    address: int

    def bind(self, **arrays: np.ndarray) -> None:
        """As of the table."""
        self.table.bind(**arrays)

    def rows(self, total: int) -> int:
        """Set the number of rows; return the number of steps."""
        self.numbers[call_words.TOTAL] = total
        return -(-total // self.batch)

    @property
    def done(self) -> int:
        """The number of the next step."""
        return int(self.numbers[call_words.DONE])


class Runner:
    """Up to `threads` threads and their scratch areas."""

    def __init__(self, plan: Plan, threads: int) -> None:
        self.plan = plan
        self.team = Team(threads)
        self._scratch = scratch(plan, threads)
        self._steps = np.zeros((threads, 2 * op.STEP_WIDTH), np.int64)

    def call(self, table: Table, threads: int, batch: int, patience: int = PATIENCE) -> Call:
        """Prepare a call of a table; after it, workers wait `patience` moments for another one."""
        numbers = aligned(call_words.CALL_WIDTH, "int64")
        values = {
            "THREADS": threads,
            "OPS": table.ops.ctypes.data,
            "PHASES": table.phases.ctypes.data,
            "PHASE_COUNT": len(table.phases),
            "BATCH": batch,
            "SCRATCH": self._scratch.ctypes.data,
            "SCRATCH_BYTES": self._scratch.strides[0],
            "STEPS": self._steps.ctypes.data,
            "YIELD": yield_address(),
            "PATIENCE": patience,
        }
        for name, value in values.items():
            numbers[getattr(call_words, name)] = value
        return Call(table, threads, batch, numbers, numbers.ctypes.data)

    def set(self, call: Call, first: int, last: int) -> None:
        """Set the steps first..last for a call."""
        numbers = call.numbers
        numbers[call_words.FIRST], numbers[call_words.LAST], numbers[call_words.DONE] = first, last, first
        numbers[call_words.STOP], numbers[call_words.STOP_AT] = 0, -1

    def run(self, call: Call, first: int, last: int, report: Report | None = None) -> None:
        """Run the steps first..last; if an exception ends them, `call.done` says how far they came."""
        self.set(call, first, last)
        if (last - first) * self.plan.step_flops(call.batch) <= BRIEF:
            self.team.run_briefly(call.threads, call.address)
            return
        self.team.run(
            call.threads,
            call.address,
            stop=lambda: call.numbers.__setitem__(call_words.STOP, 1),
            tick=lambda: report(call.done) if report else None,
        )
