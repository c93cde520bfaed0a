"""Training and inference of a plan on a GPU, with the interface of the engine for the CPU.

Data, order, parameters and states stay there for the whole training; the host sends the order of the rows and the rates
once an epoch and reads each row's loss once an epoch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from numbann.cuda.compile import blocks as compiled
from numbann.cuda.engine.layout import Layout
from numbann.cuda.engine.snapshot import Snapshot
from numbann.cuda.engine.steps import Builder
from numbann.cuda.engine.table import Table
from numbann.cuda.refusals import refusal
from numbann.cuda.threads import device, op
from numbann.engine.cpu import engine as cpu
from numbann.engine.interface import LayerFacts
from numbann.engine.shared import random
from numbann.engine.shared.feeding import Inputs, portions, take_rows
from numbann.engine.shared.hyper import hyper_width, set_constants, set_rates
from numbann.engine.shared.processors import available_cpus
from numbann.engine.shared.weighting import Shares, means, weighted_mean
from numbann.errors import DeviceError
from numbann.network.initial import initial
from numbann.network.plan import ITEMSIZE, Plan
from numbann.network.states import TRAINED, of_part

TOGETHER = 1 << 14  # rows that go through the network together in inference
BYTES = 1 << 28  # of their inputs and outputs of layers, if they are more than one
TICK = 0.1  # seconds between two words on how far an epoch is

Progress = Callable[[int, int], None]


class Engine:
    """A network on a GPU.  threads: those of `probe`, which is the CPU's."""

    def __init__(self, plan: Plan, threads: int | str = "auto", index: int = 0) -> None:
        if reason := refusal(plan):
            raise DeviceError(reason)
        self.plan, self.device, self.gpu = plan, f"cuda:{index}", device.name()
        self.threads = available_cpus() if threads == "auto" else int(threads)
        self.steps_done = 0
        self._layout = Layout(plan)
        self._arena = device.filled(np.zeros(self._layout.size, plan.dtype), "parameters and states")
        self._training: _Training | None = None
        self._inference: dict[tuple[bool, int], Table] = {}
        self._twin: cpu.Engine | None = None
        self._misses = compiled.MISSES
        self._lock = threading.Lock()

    @property
    def compiled(self) -> int:
        """How many kernels had to be compiled since it was made, because the cache did not have them."""
        return compiled.MISSES - self._misses + (self._twin.compiled if self._twin else 0)

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that this engine alone goes through."""
        by_library = self._training is not None and self._training.table.by_library
        return ("numba-cuda", "nvmath-python") if by_library else ("numba-cuda",)

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        """Set the initial weights; states are zero."""
        self.steps_done = 0
        self._arena.copy_to_device(np.zeros(self._layout.size, self.plan.dtype))
        self.set_parameters(initial(self.plan, seed))

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of a model's tensors, by the names of the plan; averaged if it says so: those that predict."""
        return self.snapshot().parameters()

    def set_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take over what `parameters` gave; training goes on from there."""
        arena = self._arena.copy_to_host()
        for part in {0, self._layout.predicting}:
            self._layout.store(arena, part, tensors)
        for name, gathered in self._layout.gathered(arena).items():
            gathered[:] = tensors[name]
        self._arena.copy_to_device(arena)

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Copies of each layer's w (I, O) and b (O,), averaged if the plan says so: those that predict."""
        found = self.parameters()
        return [(found[f"layers.{k}.weight"], found[f"layers.{k}.bias"]) for k in range(len(self.plan.layers))]

    def set_weights(self, weights: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Store each layer's w (I, O) and b (O,)."""
        given = {f"layers.{k}.weight": w for k, (w, _) in enumerate(weights)}
        given |= {f"layers.{k}.bias": b for k, (_, b) in enumerate(weights)}
        self.set_parameters(self.parameters() | given)

    @property
    def _kept(self) -> dict[str, int]:
        """The parts of the arena beside the weights that predict, by the names of a checkpoint."""
        states = {name: place for place, name in enumerate(self._layout.states, start=1)}
        return {**({TRAINED: 0} if self._layout.predicting else {}), **states}

    def state(self) -> dict[str, np.ndarray]:
        """What training needs beside `parameters`, by name: the optimizer's states and the number of steps done."""
        return self.snapshot().state()

    def snapshot(self, into: Any = None) -> Snapshot:
        """Parameters and states at this moment; `into` is of no use here."""
        return Snapshot(self._layout, self._arena.copy_to_host(), self._kept, self.steps_done)

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state` gave."""
        self.steps_done = int(state["steps"][0])
        arena = self._arena.copy_to_host()
        for name, part in self._kept.items():
            self._layout.store(arena, part, of_part(name, state))
        self._arena.copy_to_device(arena)

    # ---- training

    def load_data(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, rows: np.ndarray | None = None
    ) -> None:
        """The training rows: x (N, I), t as labels (N,) or rows (N, O), and how much each counts, weight (N,).

        rows: the numbers of those that are trained on, int64; all if None.  Compiles what training needs.
        """
        self._training = None  # so that its memory is free
        if rows is not None:
            x, t, weight = take_rows(x, rows), t[rows], None if weight is None else weight[rows]
        self._training = _Training(self.plan, self._arena, x, t, weight)

    def epoch(self, index: int, rates: np.ndarray, progress: Progress | None = None) -> float:
        """Train one epoch with a learning rate for each step; the mean over batches of their (weighted) mean loss.

        KeyboardInterrupt comes out between two graphs of steps, and steps_done tells which.
        """
        training = self._loaded()
        training.begin(index, rates, self.steps_done)
        begun, told, steps = self.steps_done, perf_counter(), training.steps
        for done in training.table.epoch():
            self.steps_done = begun + done
            if progress and perf_counter() - told > TICK:
                progress(done, steps)
                told = perf_counter()
        training.end()
        return float(training.step_losses().mean())

    def step_losses(self) -> np.ndarray:
        """The (weighted) mean loss over rows of each step of the last epoch, before the step moved the weights."""
        return self._loaded().step_losses()

    def _loaded(self) -> _Training:
        if self._training is None:
            raise RuntimeError("load_data comes first")
        return self._training

    # ---- inference

    def predict(self, x: Inputs) -> np.ndarray:
        """Predictions (N, O) after the output activation."""
        return self._go(x, None)[1]

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """None: raw inputs are scaled before they come here."""
        return None

    def evaluate(self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """The mean loss over rows, weighted by weight (N,), and predictions (N, O)."""
        losses, out = self._go(x, _targets(self.plan, t))
        return float(losses.mean(dtype=np.float64)) if weight is None else weighted_mean(losses, weight), out

    def _go(self, x: Inputs, t: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Each row's loss, where targets are given, and predictions (N, O)."""
        losses = np.zeros(len(x), self.plan.dtype)
        out = np.empty((len(x), self.plan.outputs), self.plan.dtype)
        rows = together(self.plan, len(x))
        with self._lock:
            key = t is not None, rows
            if key not in self._inference:
                self._inference[key] = _inference(self.plan, self._arena, rows, t is not None)
            table = self._inference[key]
            for first, portion in portions(x, rows, self.plan):
                for start in range(0, len(portion), rows):
                    here = slice(first + start, first + min(start + rows, len(portion)))
                    part = np.ascontiguousarray(portion[start : start + rows], self.plan.dtype)
                    table.fill(part, None if t is None else t[here])
                    table.step(0)
                    out[here] = table.read(table.output, len(part) * self.plan.outputs).reshape(len(part), -1)
                    if t is not None:
                        losses[here] = table.read(int(table.ints[op.ROW_LOSS]), len(part))
        return losses, out

    def probe(self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None) -> list[LayerFacts]:
        """Each layer's slopes and gradients on rows x (B, I), found by the engine for the CPU for the same weights."""
        if self._twin is None:
            self._twin = cpu.Engine(self.plan, self.threads)
        arena = self._arena.copy_to_host()
        self._twin.set_parameters({**self._layout.tensors(arena, 0), **self._layout.gathered(arena)})
        return self._twin.probe(x, t, weight)

    # ---- the end

    def close(self) -> None:
        """Let the GPU's memory go."""
        self._training = None
        self._inference.clear()
        if self._twin:
            self._twin.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class _Training:
    """What training goes over again and again: rows on the GPU, their order, and the numbers of each step."""

    def __init__(self, plan: Plan, arena: Any, x: Inputs, t: np.ndarray, weight: np.ndarray | None) -> None:
        self.plan, self.rows, self.batch = plan, len(x), plan.batch_rows(len(x))
        self.steps = -(-self.rows // self.batch)
        self._hyper = np.zeros((self.steps, hyper_width(plan)), plan.dtype)
        set_constants(plan, self._hyper)
        self._shares = None if weight is None else Shares(weight, self.batch, plan.dtype)
        self._keys = np.zeros(2 * len(plan.layers), np.int64)
        self._order = np.arange(self.rows, dtype=np.int64)
        self._losses = np.zeros(self.rows, plan.dtype)
        builder = Builder(plan, self.batch, True, device.processors())
        steps = builder.train(self.steps, self._hyper, weight is not None)
        targets = _targets(plan, t)
        self.table = Table(plan, steps, arena, (len(x), plan.inputs), targets, len(self._keys))
        for first, portion in portions(x, self.batch, plan):
            self.table.fill_inputs(first, portion)
        self.table.fill_targets(targets)
        self.table.compile()
        self.table.record(self.steps)

    def begin(self, index: int, rates: np.ndarray, done: int) -> None:
        """Send an epoch's order, keys, shares and rates, unless all rows are one batch, which needs no order."""
        if self.batch < self.rows:
            random.shuffle_epoch(self._order, self.plan.seed, index)
        if self.plan.noisy:
            self._keys[:] = random.noise_keys(self.plan.seed, index, len(self._keys))
        set_rates(self.plan, self._hyper, rates, done)
        table = self.table
        table.send_ints(op.ORDER, self._order)
        table.send_ints(op.KEYS, self._keys)
        table.send(op.HYPER, self._hyper.ravel())
        if self._shares is not None:
            self._shares.follow(self._order)
            table.send(op.SHARES, self._shares.values)

    def end(self) -> None:
        """Wait for the GPU, and read each row's loss."""
        self._losses = self.table.read(int(self.table.ints[op.ROW_LOSS]), self.rows)

    def step_losses(self) -> np.ndarray:
        """The mean, or the weighted mean, of the losses of each batch's rows."""
        return means(self._losses, self.batch) if self._shares is None else self._shares.means(self._losses)


def _inference(plan: Plan, arena: Any, rows: int, losses: bool) -> Table:
    """The table that predicts so many rows at once, with losses or without."""
    steps = Builder(plan, rows, False, device.processors()).evaluate(losses)
    shape = (rows,) if plan.target == "label" else (rows, _target_width(plan))
    targets = np.zeros(shape, np.int64 if plan.target == "label" else plan.dtype)
    table = Table(plan, steps, arena, (rows, plan.inputs), targets, 0)
    table.compile()
    return table


def together(plan: Plan, rows: int) -> int:
    """How many of these rows go through the network at once: a power of two, so that tables serve again."""
    width = plan.inputs + 2 * sum(layer.outputs for layer in plan.layers)
    most = max(1, min(TOGETHER, BYTES // (width * ITEMSIZE[plan.dtype])))
    return min(1 << (max(rows, 1) - 1).bit_length(), 1 << (most.bit_length() - 1))


def _target_width(plan: Plan) -> int:
    return plan.outputs // int(plan.loss.component.traits["outputs"])


def _targets(plan: Plan, t: np.ndarray) -> np.ndarray:
    """Labels as int64, everything else as rows in the working precision."""
    return np.ascontiguousarray(t, np.int64 if plan.target == "label" else plan.dtype)
