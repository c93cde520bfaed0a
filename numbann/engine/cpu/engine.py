"""Training and inference of a plan on the CPU: holds the arrays, builds the tables, and sends the team through them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from numbann.compile.blocks import free_parameters
from numbann.engine import random
from numbann.engine.cpu import epoch as driver
from numbann.engine.cpu.groups import HUGE, grouped_training
from numbann.engine.cpu.memory import Arena, aligned, scratch
from numbann.engine.cpu.tables import Builder, Table
from numbann.engine.cpu.team import Team, available_cpus
from numbann.plan import Plan
from numbann.simd import jit, op
from numbann.simd.machine import yield_address

Progress = Callable[[int, int], None]
INFERENCE_ROWS = 512  # rows that go through the network together when predicting
SERIAL_FLOPS, PARALLEL_FLOPS = 1_000_000, 40_000_000  # a smaller step is faster on one thread, a larger one on all
TRIALS, TRIAL_FLOPS = 3, 300_000_000  # how often and how long one thread and all are timed in between


@dataclass(frozen=True)
class _Epochs:
    """What training goes over again and again: rows in an order, the numbers of each step, and each row's loss."""

    table: Table
    batch: int
    row: int
    order: np.ndarray
    offsets: np.ndarray
    hyper: np.ndarray
    row_loss: np.ndarray

    def visit(self, order: np.ndarray) -> None:
        """Let the next epoch visit the rows in this order."""
        self.order[:] = order
        np.multiply(order, self.row, out=self.offsets)


class Engine:
    """A network in memory.

    threads: a number, or "auto": one for small steps, all processors for large ones, and what proves faster in between.
    """

    device = "cpu"

    def __init__(self, plan: Plan, threads: int | str = "auto") -> None:
        self.plan = plan
        self.threads, self._undecided = first_choice(plan, threads)
        self.steps_done = 0
        self.compiled = 0
        self._arena = Arena(plan, len(plan.optimizer.stored_states))
        self._scratch = scratch(plan, self.threads)
        self._steps = np.zeros((self.threads, 2 * op.STEP_WIDTH), np.int64)
        self._team = Team(self.threads)
        self._epochs: _Epochs | None = None
        self._last_steps = 0
        self._tables: dict[bool, Table] = {}
        self._drive = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t)(
            jit.address(driver.drive, plan.dtype, driver.driver_signature)
        )

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        """Draw the initial weights; biases and states are zero."""
        self._arena.values[:] = 0
        self.steps_done = 0
        for k, layer in enumerate(self.plan.layers):
            generator = random.generator(seed, random.WEIGHTS, k)
            drawn = layer.init.component.function((layer.inputs, layer.outputs), generator, **layer.init.values)
            self._arena.set_layer(layer, drawn, np.zeros(layer.outputs))

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Copies of each layer's w (I, O) and b (O,)."""
        return [self._arena.layer(layer) for layer in self.plan.layers]

    def set_weights(self, weights: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Store each layer's w (I, O) and b (O,)."""
        for layer, (w, b) in zip(self.plan.layers, weights, strict=True):
            self._arena.set_layer(layer, w, b)

    def state(self) -> dict[str, np.ndarray]:
        """The optimizer's states and the number of steps done, by name."""
        found = {"steps": np.array([self.steps_done], np.int64)}
        for slot, name in enumerate(self.plan.optimizer.stored_states, start=1):
            for k, layer in enumerate(self.plan.layers):
                found[f"{k}.weight.{name}"], found[f"{k}.bias.{name}"] = self._arena.layer(layer, slot)
        return found

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take over what `state` gave."""
        self.steps_done = int(state["steps"][0])
        for slot, name in enumerate(self.plan.optimizer.stored_states, start=1):
            for k, layer in enumerate(self.plan.layers):
                self._arena.set_layer(layer, state[f"{k}.weight.{name}"], state[f"{k}.bias.{name}"], slot)

    # ---- training

    def load_data(self, x: np.ndarray, t: np.ndarray) -> None:
        """The training rows: x (N, I), and t as labels (N,) or rows (N, O).  Compiles what training needs."""
        x = self._matrix(x)
        batch = self.plan.batch_rows(len(x))
        numbers = op.FIRST_PARAMETER + len(free_parameters(self.plan.optimizer.component))
        hyper = aligned((-(-len(x) // batch), numbers), self.plan.dtype)
        order, losses = np.empty(len(x), np.int64), np.empty(len(x), self.plan.dtype)
        offsets = np.empty_like(order)
        arrays = {"x": x, "target": self._target(t), "order": order, "offsets": offsets, "row_loss": losses}

        def made(threads: int) -> _Epochs:
            table = self._counted(lambda: self._training(batch, hyper, threads))
            table.bind(**arrays)
            return _Epochs(table, batch, x.shape[1], order, offsets, hyper, losses)

        choices = {threads: made(threads) for threads in ((1, self.threads) if self._undecided else (self.threads,))}
        if self._undecided:
            self._decide(choices)
        self._epochs = choices[self.threads]

    def _decide(self, choices: dict[int, _Epochs]) -> None:
        """Keep the number of threads that is faster, by steps that leave no trace in the weights."""
        before = self._arena.values.copy()
        seconds = dict.fromkeys(choices, float("inf"))
        try:
            for _ in range(TRIALS):
                for self.threads, epochs in choices.items():
                    seconds[self.threads] = min(seconds[self.threads], self._trial(epochs))
        finally:
            self._arena.values[:] = before
        self.threads, self._undecided = min(seconds, key=seconds.__getitem__), False

    def _trial(self, epochs: _Epochs) -> float:
        """Seconds of a few steps over the first rows, at a rate of zero."""
        epochs.visit(np.arange(len(epochs.order)))
        epochs.hyper[:] = 0
        start = perf_counter()
        steps = 1 + TRIAL_FLOPS // self.plan.step_flops(epochs.batch)
        self._run(epochs.table, epochs.batch, min(len(epochs.order), steps * epochs.batch), None)
        return perf_counter() - start

    def epoch(self, index: int, rates: np.ndarray, progress: Progress | None = None) -> float:
        """Train one epoch with a learning rate for each step; the mean over batches of their mean loss.

        KeyboardInterrupt comes out at the end of a step, and steps_done tells which.
        """
        if self._epochs is None:
            raise RuntimeError("load_data comes before epoch")
        epochs = self._epochs
        epochs.visit(random.epoch_order(self.plan.seed, index, len(epochs.order), epochs.batch))
        self._set_hyper(epochs.hyper, rates)
        try:
            self._run(epochs.table, epochs.batch, len(epochs.order), progress)
        finally:
            self.steps_done += self._last_steps
        return _mean_of_means(epochs.row_loss, epochs.batch)

    def _training(self, batch: int, hyper: np.ndarray, threads: int) -> Table:
        """The table of a training step: a huge batch goes by groups of rows."""
        if batch >= HUGE:
            return grouped_training(self.plan, self._arena, hyper, threads)
        return Builder(self.plan, self._arena, batch, shuffled=True).training(hyper, threads)

    def _set_hyper(self, hyper: np.ndarray, rates: np.ndarray) -> None:
        """The optimizer's numbers for each step of an epoch."""
        optimizer = self.plan.optimizer
        hyper[:, op.LEARNING_RATE] = rates
        hyper[:, op.WEIGHT_DECAY] = self.plan.weight_decay
        hyper[:, op.STEP] = self.steps_done + 1 + np.arange(len(hyper))
        for k, name in enumerate(free_parameters(optimizer.component)):
            hyper[:, op.FIRST_PARAMETER + k] = optimizer.values[name]

    # ---- inference

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predictions (N, O) after the output activation."""
        return self._evaluate(x, None)[1]

    def evaluate(self, x: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean loss over rows, and predictions (N, O)."""
        return self._evaluate(x, self._target(t))

    def _evaluate(self, x: np.ndarray, t: np.ndarray | None) -> tuple[float, np.ndarray]:
        x, losses = self._matrix(x), np.zeros(len(x), self.plan.dtype)
        out = np.empty((len(x), self.plan.outputs), self.plan.dtype)
        table = self._inference(t is not None)
        table.bind(x=x, row_loss=losses, out=out, **({} if t is None else {"target": t}))
        self._run(table, INFERENCE_ROWS, len(x), None)
        return float(losses.mean(dtype=np.float64)), out

    def _inference(self, losses: bool) -> Table:
        """The table that predicts, with losses or without."""
        if losses not in self._tables:
            builder = Builder(self.plan, self._arena, INFERENCE_ROWS, shuffled=False)
            self._tables[losses] = self._counted(lambda: builder.evaluation(losses))
        return self._tables[losses]

    # ---- the driver

    def _counted(self, make: Callable[[], Table]) -> Table:
        """Make a table and count the kernels that had to be compiled for it."""
        before = jit.MISSES
        table = make()
        self.compiled += jit.MISSES - before
        return table

    def _run(self, table: Table, batch: int, total: int, progress: Progress | None) -> None:
        """Send the team through all steps of a table."""
        steps = -(-total // batch)
        call = aligned(driver.CALL_WIDTH, "int64")
        for name, value in self._arguments(table, batch, total, steps).items():
            call[getattr(driver, name)] = value
        try:
            self._team.run(
                self.threads,
                lambda thread: self._drive(call.ctypes.data, thread),
                stop=lambda: call.__setitem__(driver.STOP, 1),
                tick=lambda: progress(int(call[driver.DONE]), steps) if progress else None,
            )
        finally:
            self._last_steps = int(call[driver.DONE])

    def _arguments(self, table: Table, batch: int, total: int, steps: int) -> dict[str, int]:
        return {
            "THREADS": self.threads,
            "OPS": table.ops.ctypes.data,
            "PHASES": table.phases.ctypes.data,
            "PHASE_COUNT": len(table.phases),
            "BATCH": batch,
            "TOTAL": total,
            "FIRST": 0,
            "LAST": steps,
            "SCRATCH": self._scratch.ctypes.data,
            "SCRATCH_BYTES": self._scratch.strides[0],
            "STEPS": self._steps.ctypes.data,
            "YIELD": yield_address(),
            "STOP_AT": -1,
        }

    def _matrix(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x, self.plan.dtype)

    def _target(self, t: np.ndarray) -> np.ndarray:
        """Labels as int64, everything else as rows in the working precision; padded for a loss over whole rows."""
        if self.plan.target == "label":
            return np.ascontiguousarray(t, np.int64)
        if self.plan.loss.component.form == "row":
            padded = np.zeros((len(t), self.plan.layers[-1].columns), self.plan.dtype)
            padded[:, : t.shape[1]] = t
            return padded
        return np.ascontiguousarray(t, self.plan.dtype)

    # ---- the end

    def close(self) -> None:
        """Let the team's threads end."""
        self._team.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def first_choice(plan: Plan, threads: int | str) -> tuple[int, bool]:
    """How many threads to begin with, and whether fewer may be faster."""
    if threads != "auto":
        return int(threads), False
    flops, most = plan.step_flops(plan.batch_size or HUGE), available_cpus()
    if flops < SERIAL_FLOPS or most == 1:
        return 1, False
    return most, flops < PARALLEL_FLOPS


def _mean_of_means(row_loss: np.ndarray, batch: int) -> float:
    """The mean over batches of the mean over their rows."""
    starts = np.arange(0, len(row_loss), batch)
    sums = np.add.reduceat(row_loss.astype(np.float64), starts)
    return float(np.mean(sums / np.diff(starts, append=len(row_loss))))
