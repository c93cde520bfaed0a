"""Training of a plan on the CPU: holds the arrays, builds the tables, and sends the team through them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from numbann.engine.cpu.groups import HUGE, grouped_training
from numbann.engine.cpu.inference import Inference
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.outside import Solver, average, move_matrices
from numbann.engine.cpu.pace import Pace
from numbann.engine.cpu.probe import Probe
from numbann.engine.cpu.runner import Call, Progress, Runner
from numbann.engine.cpu.snapshot import Snapshot
from numbann.engine.cpu.table import Table
from numbann.engine.cpu.tables import Builder, Move, optimize
from numbann.engine.cpu.whole import clip, keep
from numbann.engine.interface import LayerFacts
from numbann.engine.shared import random
from numbann.engine.shared.feeding import Inputs, Ring, Whole
from numbann.engine.shared.hyper import hyper_width, set_constants, set_rates
from numbann.engine.shared.memory import aligned
from numbann.engine.shared.processors import available_cpus
from numbann.engine.shared.weighting import Shares, means
from numbann.network.initial import initial
from numbann.network.plan import Plan
from numbann.network.states import MEMORY, TRAINED, of_part
from numbann.simd import jit

BETWEEN_EPOCHS = 10_000  # moments that threads wait for the next epoch before they park: some milliseconds


@dataclass(frozen=True)
class _Epochs:
    """What training goes over again and again: rows in an order, the numbers of each step, and each row's loss.

    `calls` has one for each number of threads.
    """

    calls: dict[int, Call]
    pace: Pace
    feed: Whole | Ring
    batch: int
    rows: np.ndarray | None
    order: np.ndarray
    offsets: np.ndarray
    hyper: np.ndarray
    row_loss: np.ndarray
    keys: np.ndarray
    shares: Shares | None

    def shuffle(self, seed: int, epoch: int) -> None:
        """Let an epoch visit the rows in its own order, unless all of them are one batch, and have noise of its own."""
        if self.batch < len(self.order):
            random.shuffle_epoch(self.order, seed, epoch)
            if self.rows is not None:
                self.order[:] = self.rows[self.order]
        if len(self.keys):
            self.keys[:] = random.noise_keys(seed, epoch, len(self.keys))
        if self.shares is not None:
            self.shares.follow(self.order)

    def step_losses(self) -> np.ndarray:
        """The mean, or the weighted mean, of the losses of each batch's rows."""
        return means(self.row_loss, self.batch) if self.shares is None else self.shares.means(self.row_loss)


class Engine:
    """A network in memory.

    threads: how many at most, or "auto": as many as there are processors.  As many of them work as prove fastest from
    moment to moment.  exactly: always so many, even if there are fewer processors.
    """

    device = "cpu"
    gpu: str | None = None
    packages: tuple[str, ...] = ()  # that this engine alone goes through

    def __init__(self, plan: Plan, threads: int | str = "auto", exactly: bool = False) -> None:
        self.plan = plan
        self.threads = available_cpus() if threads == "auto" else int(threads)
        self._choices = [self.threads] if exactly else choices(min(self.threads, available_cpus()))
        self.steps_done = 0
        self._kept = (*((TRAINED,) if plan.average else ()), *plan.optimizer.stored_states)
        self._arena = Arena(plan, len(self._kept))  # the weights that predict, and what is kept beside them
        self._trained = self._arena.from_state(1) if plan.average else self._arena
        self._form = plan.optimizer.component.form
        self._gradient = Arena(plan)  # of a step, where the optimizer is Python's
        self._solver = Solver(plan, self._trained, self._gradient)
        self._runner = Runner(plan, self._choices[-1])
        self._inference = Inference(plan, self._arena, self._runner, self._choices)
        self._epochs: _Epochs | None = None
        self._probes: dict[tuple[int, bool], Probe] = {}
        self._misses = jit.MISSES

    @property
    def compiled(self) -> int:
        """How many kernels had to be compiled since it was made, because the cache did not have them."""
        return jit.MISSES - self._misses

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        """Set the initial weights; states are zero."""
        self._arena.values[:] = 0
        self.steps_done = 0
        self.set_parameters(initial(self.plan, seed))

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of a model's tensors, by the names of the plan; averaged if it says so: those that predict."""
        return self._now.parameters()

    def set_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take over what `parameters` gave."""
        self._arena.set_tensors(tensors)
        for name, gathered in self._arena.gathered().items():
            gathered[:] = tensors[name]
        self._begin_from_weights()

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Copies of each layer's w (I, O) and b (O,), averaged if the plan says so: those that predict."""
        return [self._arena.layer(layer) for layer in self.plan.layers]

    def set_weights(self, weights: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Store each layer's w (I, O) and b (O,)."""
        for layer, (w, b) in zip(self.plan.layers, weights, strict=True):
            self._arena.set_layer(layer, w, b)
        self._begin_from_weights()

    def _begin_from_weights(self) -> None:
        """Let training go on from the weights that predict."""
        self._trained.parameters[:] = self._arena.parameters
        self._solver.forget()

    def state(self) -> dict[str, np.ndarray]:
        """What training needs beside `weights`, by name: the optimizer's states and the number of steps done."""
        return self._now.state()

    @property
    def _now(self) -> Snapshot:
        """Parameters and states as they are, which the next step changes."""
        return Snapshot(self._arena, self._kept, self._solver.memory, self.steps_done)

    def snapshot(self, into: Any = None) -> Snapshot:
        """Parameters and states at this moment, in the memory of an earlier snapshot of this engine if one is given."""
        return self._now.copy(into if isinstance(into, Snapshot) else None)

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state` gave."""
        self.steps_done = int(state["steps"][0])
        self._solver.memory.update(of_part(MEMORY, state))
        for slot, name in enumerate(self._kept, start=1):
            self._arena.set_tensors(of_part(name, state), slot)

    # ---- training

    def load_data(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, rows: np.ndarray | None = None
    ) -> None:
        """The training rows: x (N, I), t as labels (N,) or rows (N, O), and how much each counts, weight (N,).

        rows: the numbers of those that are trained on, int64; all if None.  Compiles what training needs.
        """
        self._solver.forget()
        count = len(x) if rows is None else len(rows)
        batch = self.plan.batch_rows(count)
        feed = Whole(x, self.plan) if isinstance(x, np.ndarray) else Ring(x, batch, self.plan)
        hyper = aligned((-(-count // batch), hyper_width(self.plan)), self.plan.dtype)
        set_constants(self.plan, hyper)
        order = np.arange(count, dtype=np.int64) if rows is None else np.array(rows, np.int64)
        losses = np.empty(count, self.plan.dtype)
        offsets, keys = np.empty_like(order), np.zeros(2 * len(self.plan.layers) * self.plan.noisy, np.int64)
        arrays = {
            "x": feed.x,
            "target": self._inference.target(t),
            "order": order,
            "offsets": offsets,
            "row_loss": losses,
            "keys": keys,
        }
        shares = None if weight is None else Shares(weight, batch, self.plan.dtype, count)
        if shares is not None:
            arrays["shares"] = shares.values

        def made(threads: int) -> Call:
            table = self._training(batch, hyper, threads, shares is not None)
            table.bind(**arrays)
            call = self._runner.call(table, threads, batch, BETWEEN_EPOCHS)
            call.rows(count)
            return call

        calls = {threads: made(threads) for threads in self._choices}
        self._epochs = _Epochs(
            calls, Pace(self._choices), feed, batch, rows, order, offsets, hyper, losses, keys, shares
        )
        self._epochs.shuffle(self.plan.seed, 0)  # so that it is compiled too

    def epoch(self, index: int, rates: np.ndarray, progress: Progress | None = None) -> float:
        """Train one epoch with a learning rate for each step; the mean over batches of their (weighted) mean loss.

        KeyboardInterrupt comes out at the end of a step, and steps_done tells which.
        """
        if self._epochs is None:
            raise RuntimeError("load_data comes before epoch")
        epochs = self._epochs
        epochs.shuffle(self.plan.seed, index)
        set_rates(self.plan, epochs.hyper, rates, self.steps_done)
        with closing(epochs.feed.blocks(epochs.order, epochs.offsets)) as blocks:
            for first, last in blocks:
                self._train(epochs, rates, range(first // epochs.batch, -(-last // epochs.batch)), progress)
        return float(epochs.step_losses().mean())

    def step_losses(self) -> np.ndarray:
        """The (weighted) mean loss over rows of each step of the last epoch, before the step moved the weights."""
        if self._epochs is None:
            raise RuntimeError("epoch comes before step_losses")
        return self._epochs.step_losses()

    def _train(self, epochs: _Epochs, rates: np.ndarray, steps: range, progress: Progress | None) -> None:
        """Some steps of an epoch, with the optimizer in the table, in Python after each, or in Python around them."""
        if self._form == "elementwise":
            self._run(epochs, steps.start, steps.stop, progress)
        elif self._form == "matrix":
            for k in steps:
                self._run(epochs, k, k + 1, progress)
                move_matrices(self.plan, self._trained, self._gradient, float(rates[k]), self.steps_done)
                if self.plan.average:
                    average(self.plan, self._arena, self._trained, self.steps_done)
        else:
            self._solve(epochs, float(rates[0]), progress)

    def _solve(self, epochs: _Epochs, rate: float, progress: Progress | None) -> None:
        """An epoch of a solver, which is one step on all rows."""
        step = self.steps_done + 1

        def measure() -> float:
            self._run(epochs, 0, 1, progress)
            return float(self.step_losses().mean())

        self._solver.move(measure, rate, step)
        self.steps_done = step

    def _run(self, epochs: _Epochs, first: int, last: int, progress: Progress | None) -> None:
        """The steps first..last of an epoch, with as many threads as the pace says."""
        begin, done = self.steps_done - first, first
        while done < last:
            threads, count = epochs.pace.next(last - done)
            call, start = epochs.calls[threads], perf_counter()
            try:
                self._runner.run(call, done, done + count, progress)
            finally:
                done = call.done
                self.steps_done = begin + done
            epochs.pace.took(threads, count, perf_counter() - start)

    def _training(self, batch: int, hyper: np.ndarray, threads: int, weighted: bool) -> Table:
        """The table of a training step: a huge batch goes by groups of rows."""
        move = self._move(hyper)
        if batch >= HUGE and not self.plan.normalizes_batches:
            return grouped_training(self.plan, self._trained, move, threads, weighted)
        builder = Builder(self.plan, self._trained, batch, shuffled=True, weighted=weighted)
        return builder.training(move, threads)

    def _move(self, hyper: np.ndarray) -> Move:
        """What becomes of a gradient in the table."""
        if self._form != "elementwise":
            return keep(self.plan, self._gradient)
        return (clip if self.plan.clip_norm else optimize)(self.plan, self._trained, hyper)

    # ---- inference

    def predict(self, x: Inputs) -> np.ndarray:
        """Predictions (N, O) after the output activation."""
        return self._inference.predict(x)

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """Predictions (N, O) for inputs (raw - shift) / scale; None if one of them is not finite."""
        return self._inference.predict_raw(raw, shift, scale)

    def evaluate(self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """The mean loss over rows, weighted by weight (N,), and predictions (N, O)."""
        return self._inference.evaluate(x, t, weight)

    def probe(self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None) -> list[LayerFacts]:
        """Each layer's slopes, and the gradient of the mean loss to its weights, on rows x (B, I); nothing moves.

        weight (B,): how much each row counts in the mean.
        """
        rows, weighted = len(x), weight is not None
        if (rows, weighted) not in self._probes:
            made = Probe(self.plan, self._trained, self._runner, rows, self._choices[-1], weighted)
            self._probes[rows, weighted] = made
        inputs, target = np.ascontiguousarray(x, self.plan.dtype), self._inference.target(t)
        return self._probes[rows, weighted].look(inputs, target, weight)

    # ---- the end

    def close(self) -> None:
        """Let the team's threads end."""
        self._runner.team.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def choices(most: int) -> list[int]:
    """The numbers of threads to choose among: 1, 2, 4 and so on, and the most."""
    return [*(1 << k for k in range(most.bit_length()) if 1 << k < most), most]
