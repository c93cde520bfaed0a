"""Predictions and evaluation of a plan on the CPU, by tables of their own over the weights that training moves.

A few rows go through small buffers of the engine's own, so that nothing is allocated or bound to a table; the work for
them is done by the calling thread.  Many rows are read and written where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from numbann.engine.cpu.memory import Arena, aligned
from numbann.engine.cpu.runner import Call, Runner
from numbann.engine.cpu.tables import Builder
from numbann.plan import Plan
from numbann.simd import jit

FEW = 16  # rows that are predicted by way of the small buffers
TOGETHER = 128  # rows of each thread that go through the network together
SERIAL_FLOPS = 4_000_000  # a smaller prediction is faster on one thread


class Inference:
    """Predicts with the weights of an arena.  Calls from several threads wait for each other."""

    def __init__(self, plan: Plan, arena: Arena, runner: Runner, choices: Sequence[int]) -> None:
        self.plan = plan
        self.compiled = 0
        self._arena, self._runner = arena, runner
        self._fewest, self._most = choices[0], choices[-1]
        self._calls: dict[tuple[bool, int], Call] = {}
        self._small: tuple[Call, np.ndarray, np.ndarray] | None = None
        self._lock = threading.Lock()

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predictions (N, O) after the output activation."""
        with self._lock:
            return self._predict_few(x) if len(x) <= FEW else self._go(x, None)[1]

    def evaluate(self, x: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean loss over rows, and predictions (N, O)."""
        with self._lock:
            losses, out = self._go(x, self.target(t))
        return float(losses.mean(dtype=np.float64)), out

    def matrix(self, x: np.ndarray) -> np.ndarray:
        """Rows as the kernels read them."""
        return np.ascontiguousarray(x, self.plan.dtype)

    def target(self, t: np.ndarray) -> np.ndarray:
        """Labels as int64, everything else as rows in the working precision; padded for a loss over whole rows."""
        if self.plan.target == "label":
            return np.ascontiguousarray(t, np.int64)
        if self.plan.loss.component.form == "row":
            padded = np.zeros((len(t), self.plan.layers[-1].columns), self.plan.dtype)
            padded[:, : t.shape[1]] = t
            return padded
        return np.ascontiguousarray(t, self.plan.dtype)

    def _predict_few(self, x: np.ndarray) -> np.ndarray:
        """Predictions of at most FEW rows."""
        if self._small is None:
            inputs, outputs = (
                aligned((FEW, width), self.plan.dtype) for width in (self.plan.inputs, self.plan.outputs)
            )
            call = self._call(False, 1, FEW)
            call.table.bind(x=inputs, out=outputs)
            self._small = call, inputs, outputs
        call, inputs, outputs = self._small
        inputs[: len(x)] = x
        self._runner.run(call, 0, call.rows(len(x)))
        return outputs[: len(x)].copy()

    def _go(self, x: np.ndarray, t: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Each row's loss, where targets are given, and predictions (N, O)."""
        x = self.matrix(x)
        losses = np.zeros(len(x), self.plan.dtype)
        out = np.empty((len(x), self.plan.outputs), self.plan.dtype)
        serial = self.plan.step_flops(len(x)) < SERIAL_FLOPS
        key = t is not None, self._fewest if serial else self._most
        if key not in self._calls:
            self._calls[key] = self._call(*key, TOGETHER * key[1])
        call = self._calls[key]
        call.table.bind(x=x, row_loss=losses, out=out, **({} if t is None else {"target": t}))
        self._runner.run(call, 0, call.rows(len(x)))
        return losses, out

    def _call(self, losses: bool, threads: int, rows: int) -> Call:
        """Calls of the table that predicts so many rows at a time, with losses or without."""
        before = jit.MISSES
        table = Builder(self.plan, self._arena, rows, shuffled=False).evaluation(losses)
        self.compiled += jit.MISSES - before
        return self._runner.call(table, threads, rows)
