"""Predictions and evaluation of a plan on the CPU, by tables of their own over the weights that training updates.

Rows are read and results written where they are.  A few rows take the faster way of small_batch.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from numbann.engine.cpu.builder import Builder
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.operands import Operands, Scaling
from numbann.engine.cpu.runner import Call, Runner
from numbann.engine.cpu.small_batch import SMALL_BATCH, SmallBatch
from numbann.engine.shared.batches import for_members
from numbann.engine.shared.epochs import Epochs
from numbann.engine.shared.feeding import ArrayFeed, Inputs, RingFeed, portions
from numbann.engine.shared.weighting import weighted_mean
from numbann.network.plan import Plan

ROWS_PER_THREAD = 128  # rows of a thread that go through all layers together
RAW_DTYPES = {"f": "float32", "d": "float64"}  # by NumPy's character for a dtype
SERIAL_FLOPS = 4_000_000  # a smaller prediction is faster on one thread


class Inference:
    """Predicts with the weights of an arena.  Calls from several threads wait for each other."""

    def __init__(self, plan: Plan, arena: Arena, runner: Runner, choices: Sequence[int]) -> None:
        self.plan = plan
        self._arena, self._runner = arena, runner
        self._fewest, self._most = choices[0], choices[-1]
        self._calls: dict[tuple[bool, str, int], Call] = {}
        self._small_batches: dict[str, SmallBatch] = {}
        self._scalings: dict[str, Scaling] = {}
        self._batch_calls: dict[tuple[int, tuple[str, ...], int], Call] = {}

    def predict(self, x: Inputs) -> np.ndarray:
        """Predictions (N, O) after the output activation."""
        with self._runner.team.lock:
            self._arena.round()
            return self._predict(x, "")

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """Predictions (N, O) for inputs (raw - shift) / scale, raw (N, I) contiguous float32 or float64.

        None if an input is infinite or NaN.  shift and scale (I,), float64, are the same at every call.
        """
        dtype = RAW_DTYPES[raw.dtype.char]
        with self._runner.team.lock:
            self._arena.round()
            if dtype not in self._scalings:
                self._scalings[dtype] = Scaling(dtype, shift, scale, np.zeros(1, np.int64))
            flag = self._scalings[dtype].flag
            flag[0] = 0
            out = self._predict(raw, dtype)
            return None if flag[0] else out

    def evaluate(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """The mean loss over rows, weighted by weight (N,), and predictions (N, O).

        group (N,): the group of each row; batches of a loss of whole batches hold whole groups.
        """
        with self._runner.team.lock:
            self._arena.round()
            if self.plan.couples_losses:
                return self._evaluate_batches(x, self.target(t), weight, group)
            losses, out = self._evaluate(x, for_members(self.target(t), self.plan.members), "")
        return float(losses.mean(dtype=np.float64)) if weight is None else weighted_mean(losses, weight), out

    def target(self, t: np.ndarray) -> np.ndarray:
        """Labels as int64, other targets as rows in the plan's dtype, padded for a loss over whole rows."""
        if self.plan.target == "label":
            return np.ascontiguousarray(t, np.int64)
        if self.plan.loss.component.form == "row":
            padded = np.zeros((len(t), self._arena.layout.layers[-1].width_columns), self.plan.dtype)
            padded[:, : t.shape[1]] = t
            return padded
        return np.ascontiguousarray(t, self.plan.dtype)

    def _predict(self, x: Inputs, raw: str) -> np.ndarray:
        """Predictions of rows, of a raw dtype or of inputs ("")."""
        members = self.plan.members
        if not isinstance(x, np.ndarray) or len(x) * members > SMALL_BATCH:
            return self._evaluate(x, None, raw)[1]
        if raw not in self._small_batches:
            self._small_batches[raw] = SmallBatch(self._arena, self._runner, self._most, self._scalings.get(raw))
        return self._mean(self._small_batches[raw].predict(for_members(x, members)))

    def _mean(self, numbers: np.ndarray) -> np.ndarray:
        """The mean of the members' numbers (N members, ...) for each row."""
        members = self.plan.members
        return numbers if members == 1 else numbers.reshape(-1, members, *numbers.shape[1:]).mean(1)

    def _evaluate(self, x: Inputs, t: np.ndarray | None, raw: str) -> tuple[np.ndarray, np.ndarray]:
        """Each row's loss, if targets are given, and predictions (N, O).  Members see the same row one by one."""
        if isinstance(x, np.ndarray) and not raw:
            x = np.ascontiguousarray(x, self.plan.dtype)
        members = self.plan.members
        losses = np.zeros(len(x) * members, self.plan.dtype)
        out = np.empty((len(x) * members, self.plan.outputs), self.plan.dtype)
        serial = self.plan.step_flops(len(losses)) < SERIAL_FLOPS
        key = t is not None, raw, self._fewest if serial else self._most
        if key not in self._calls:
            self._calls[key] = self._call(*key)
        call = self._calls[key]
        for first, rows in self._portions(x, call.batch):
            targets = {} if t is None else {"target": t[first:]}
            call.table.bind(x=rows, row_loss=losses[first:], out=out[first:], **targets)
            self._runner.run(call, 0, call.rows(len(rows)))
        return self._mean(losses), self._mean(out)

    def _portions(self, x: Inputs, batch: int) -> Iterator[tuple[int, np.ndarray]]:
        """As `portions`, with each row once for each member."""
        members = self.plan.members
        if members == 1:
            yield from portions(x, batch, self.plan)
            return
        for first, rows in portions(x, batch, self.plan):
            for begin in range(0, len(rows), batch):
                yield (first + begin) * members, for_members(rows[begin : begin + batch], members)

    def _evaluate_batches(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None, group: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """The mean loss of batches, by the weight of their rows, and predictions.

        Batches are those of training, in an order that depends on the seed and the number of rows alone.
        """
        epochs = Epochs(self.plan, len(x), weight, None, group)
        epochs.begin(0, np.zeros(epochs.steps), 0, {})
        feed = ArrayFeed(x, self.plan) if isinstance(x, np.ndarray) else RingFeed(x, epochs.batch, self.plan)
        serial = self.plan.step_flops(len(x)) < SERIAL_FLOPS
        key = epochs.batch, tuple(epochs.slots), self._fewest if serial else self._most
        if key not in self._batch_calls:
            self._batch_calls[key] = self._batch_call(*key)
        call, offsets = self._batch_calls[key], np.empty_like(epochs.order)
        losses = np.zeros(len(x), self.plan.dtype)
        found = np.empty((len(x), self.plan.outputs), self.plan.dtype)
        arrays = {"order": epochs.order, "offsets": offsets, **epochs.slots}
        call.table.bind(x=feed.x, target=t, row_loss=losses, out=found, **arrays)
        call.rows(len(x))
        for first, last in feed.blocks(epochs.order, offsets, epochs.bounds):
            self._runner.run(call, first, last)
        out = np.empty_like(found)
        out[epochs.order] = found
        return epochs.mean_loss(losses), out

    def _batch_call(self, rows: int, slots: tuple[str, ...], threads: int) -> Call:
        """A call of the table that evaluates batches of at most `rows` rows."""
        builder = Builder(Operands(self._arena, rows, training=False, slots=slots, ordered=True))
        return self._runner.call(builder.evaluation(True), threads, rows)

    def _call(self, losses: bool, raw: str, threads: int) -> Call:
        """A call of the table that predicts ROWS_PER_THREAD rows a thread at a time, with losses or without."""
        rows = ROWS_PER_THREAD * threads * self.plan.members
        builder = Builder(Operands(self._arena, rows, training=False, scaling=self._scalings.get(raw)))
        return self._runner.call(builder.evaluation(losses), threads, rows)
