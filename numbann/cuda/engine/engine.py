"""The engine that trains a plan on a GPU and predicts with it; its interface is numbann.engine.interface.

Data, parameters and states stay on the GPU for the whole training.  Once an epoch the host sends the order of the rows
and the rates, and reads the loss of each row.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from numbann.components.parameter import PLAIN
from numbann.cuda.compile import components as compiled
from numbann.cuda.engine.layout import Layout
from numbann.cuda.engine.snapshot import ArenaSnapshot
from numbann.cuda.engine.stages import require
from numbann.cuda.engine.steps import Builder
from numbann.cuda.engine.table import Table
from numbann.cuda.threads import device, op
from numbann.engine import interface
from numbann.engine.cpu import engine as cpu
from numbann.engine.cpu.first_pass import FirstPass, sample_rows
from numbann.engine.devices import device_of
from numbann.engine.interface import LayerFacts, Progress, Snapshot
from numbann.engine.shared.epochs import Epochs
from numbann.engine.shared.feeding import Inputs, portions
from numbann.engine.shared.processors import available_cpus
from numbann.engine.shared.report import Report
from numbann.engine.shared.weighting import weighted_mean
from numbann.errors import DeviceError
from numbann.network.initial import initial_tensors
from numbann.network.plan import ITEMSIZE, Plan
from numbann.network.states import TRAINED, select_part

INFERENCE_ROWS = 1 << 14  # rows of a batch in inference, at most
INFERENCE_BYTES = 1 << 28  # its inputs and layers' outputs, at most, unless it is a single row


class Engine(interface.Engine):
    """A network on a GPU.  threads: those of `probe`, which runs on the CPU."""

    ranks, exchanged = 1, 0.0

    def __init__(self, plan: Plan, threads: int | str = "auto", index: int = 0) -> None:
        require(plan)
        self.plan, self.device, self.gpu = plan, f"cuda:{index}", device.name()
        self.threads = available_cpus() if threads == "auto" else int(threads)
        self.steps_done = 0
        self._layout = Layout(plan)
        self._arena = device.upload(np.zeros(self._layout.size, plan.dtype), "parameters and states")
        self._sample: np.ndarray | None = None  # of the rows, for initializers that ask for it
        self._training: _Training | None = None
        self._losses = np.empty(0)  # of the steps done in the last epoch
        self._inference: dict[tuple[bool, int], Table] = {}
        self._cpu_engine: cpu.Engine | None = None
        self._misses = compiled.MISSES
        self._lock = threading.Lock()

    @property
    def compiled(self) -> int:
        return compiled.MISSES - self._misses + (self._cpu_engine.compiled if self._cpu_engine else 0)

    @property
    def packages(self) -> tuple[str, ...]:
        has_cublas = self._training is not None and self._training.table.has_cublas
        return ("numba-cuda", "nvmath-python") if has_cublas else ("numba-cuda",)

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        self.steps_done = 0
        self._arena.copy_to_device(np.zeros(self._layout.size, self.plan.dtype))
        sample = None if self._sample is None else FirstPass(self.plan, self._sample)
        self.set_parameters(initial_tensors(self.plan, seed, sample))

    def parameters(self) -> dict[str, np.ndarray]:
        return self.snapshot().parameters()

    def set_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        arena = self._arena.copy_to_host()
        for part in {0, self._layout.predicting}:
            self._layout.store(arena, part, tensors)
        for name, gathered in self._layout.gathered(arena).items():
            gathered[:] = tensors[name]
        self._arena.copy_to_device(arena)

    @property
    def _saved_parts(self) -> dict[str, int]:
        """The parts of the arena that a checkpoint holds beside the weights that predict, by their names there."""
        predicting = self._layout.predicting
        states = {name: place for place, name in enumerate(self._layout.states, start=1) if place != predicting}
        return {**({TRAINED: 0} if predicting else {}), **states}

    def state(self) -> dict[str, np.ndarray]:
        return self.snapshot().state()

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        return ArenaSnapshot(self._layout, self._arena.copy_to_host(), self._saved_parts, self.steps_done)

    def is_finite(self) -> bool:
        return all(np.isfinite(tensor).all() for tensor in self.parameters().values())

    def squares(self) -> float:
        found = self.parameters()
        weights = (found[f"layers.{k}.weight"] for k in range(len(self.plan.layers)))
        return sum(float(np.vdot(w, w)) for w in weights)

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.steps_done = int(state["steps"][0])
        arena = self._arena.copy_to_host()
        for name, part in self._saved_parts.items():
            self._layout.store(arena, part, select_part(name, state))
        self._arena.copy_to_device(arena)

    # ---- training

    def load_data(
        self,
        x: Inputs,
        t: np.ndarray,
        weight: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        group: np.ndarray | None = None,
    ) -> None:
        if group is not None:
            raise DeviceError(device_of(self.device).group_refusal)
        self._training = None  # frees the memory of the data before
        self._sample = sample_rows(self.plan, x, rows)
        self._training = _Training(self.plan, self._arena, x, t, weight, rows)

    def epoch(
        self,
        index: int,
        rates: np.ndarray,
        progress: Progress | None = None,
        losses: np.ndarray | Sequence[float] = (),
        numbers: Mapping[str, np.ndarray] = interface.NO_NUMBERS,
        order: np.ndarray | None = None,
    ) -> float:
        training, first = self._require_data(), len(losses)
        epochs, begun = training.epochs, self.steps_done - first
        report = Report(progress, epochs.steps)
        if not first or index != epochs.index:
            training.begin(index, rates, begun, numbers, order)
        try:
            for done in training.table.epoch(first):
                self.steps_done = begun + done
                report(done)
        finally:
            self._losses = epochs.step_losses(training.row_losses(), self.steps_done - begun, losses)
        return float(self._losses.mean())

    def step_losses(self) -> np.ndarray:
        return self._losses

    def _require_data(self) -> _Training:
        if self._training is None:
            raise RuntimeError("load_data comes first")
        return self._training

    # ---- inference

    def predict(self, x: Inputs) -> np.ndarray:
        return self._infer(x, None)[1]

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        return None

    def evaluate(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        losses, out = self._infer(x, _targets(self.plan, t))
        return float(losses.mean(dtype=np.float64)) if weight is None else weighted_mean(losses, weight), out

    def _infer(self, x: Inputs, t: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Each row's loss (N,), 0 without targets, and predictions (N, O)."""
        losses = np.zeros(len(x), self.plan.dtype)
        out = np.empty((len(x), self.plan.outputs), self.plan.dtype)
        rows = choose_rows(self.plan, len(x))
        with self._lock:
            key = t is not None, rows
            if key not in self._inference:
                self._inference[key] = _build_inference(self.plan, self._arena, rows, t is not None)
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

    def probe(
        self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> list[LayerFacts]:
        if self._cpu_engine is None:
            self._cpu_engine = cpu.Engine(self.plan, self.threads)
        arena = self._arena.copy_to_host()
        self._cpu_engine.set_parameters({**self._layout.tensors(arena, 0), **self._layout.gathered(arena)})
        return self._cpu_engine.probe(x, t, weight)

    # ---- the end

    def close(self) -> None:
        self._training = None
        self._inference.clear()
        if self._cpu_engine:
            self._cpu_engine.close()


class _Training:
    """The data on the GPU, the order of its rows, and the table of launches that trains on it."""

    def __init__(
        self,
        plan: Plan,
        arena: Any,
        x: Inputs,
        t: np.ndarray,
        weight: np.ndarray | None,
        rows: np.ndarray | None,
    ) -> None:
        self.epochs = epochs = Epochs(plan, len(x), weight, rows)
        builder = Builder(plan, epochs.batch, True, device.processors())
        steps = builder.train(epochs.steps, epochs.hyper[PLAIN], weight is not None)
        targets = _targets(plan, t)
        self.table = Table(plan, steps, arena, (len(x), plan.inputs), targets, len(epochs.keys))
        for first, portion in portions(x, epochs.batch, plan):
            self.table.fill_inputs(first, portion)
        self.table.fill_targets(targets)
        self.table.compile()
        self.table.record(epochs.steps)

    def begin(
        self,
        index: int,
        rates: np.ndarray,
        done: int,
        numbers: Mapping[str, np.ndarray],
        order: np.ndarray | None,
    ) -> None:
        """Send an epoch's order, keys, shares and numbers of steps."""
        epochs, table = self.epochs, self.table
        epochs.begin(index, rates, done, numbers, order)
        table.send_ints(op.ORDER, epochs.order)
        table.send_ints(op.KEYS, epochs.keys)
        table.send(op.HYPER, epochs.hyper[PLAIN].ravel())
        if epochs.shares is not None:
            table.send(op.SHARES, epochs.shares.values)

    def row_losses(self) -> np.ndarray:
        """Each row's loss; the copy waits for the GPU."""
        return self.table.read(int(self.table.ints[op.ROW_LOSS]), self.epochs.rows)


def _build_inference(plan: Plan, arena: Any, rows: int, losses: bool) -> Table:
    """Build the table that predicts `rows` rows at once, with losses or without."""
    steps = Builder(plan, rows, False, device.processors()).evaluate(losses)
    shape = (rows,) if plan.target == "label" else (rows, _target_width(plan))
    targets = np.zeros(shape, np.int64 if plan.target == "label" else plan.dtype)
    table = Table(plan, steps, arena, (rows, plan.inputs), targets, 0)
    table.compile()
    return table


def choose_rows(plan: Plan, rows: int) -> int:
    """The number of rows of an inference batch: a power of two, so that few tables serve many numbers of rows."""
    width = plan.inputs + 2 * sum(layer.outputs for layer in plan.layers)
    most = max(1, min(INFERENCE_ROWS, INFERENCE_BYTES // (width * ITEMSIZE[plan.dtype])))
    return min(1 << (max(rows, 1) - 1).bit_length(), 1 << (most.bit_length() - 1))


def _target_width(plan: Plan) -> int:
    return plan.loss.component.targets(plan.outputs)


def _targets(plan: Plan, t: np.ndarray) -> np.ndarray:
    """Labels as int64; other targets as rows in the working precision."""
    return np.ascontiguousarray(t, np.int64 if plan.target == "label" else plan.dtype)
