"""Training of a plan on the CPU: holds the arrays, builds the tables, and runs them on a team of threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from time import perf_counter

import numpy as np

from numbann.engine import interface
from numbann.engine.cpu.builder import Builder
from numbann.engine.cpu.first_pass import FirstPass, sample_rows
from numbann.engine.cpu.groups import HUGE, build_grouped_training, count_groups
from numbann.engine.cpu.inference import Inference
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.moving import Moving
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.probe import Probe
from numbann.engine.cpu.python_optimizers import Matrices, Solver, average
from numbann.engine.cpu.ranks import Communicator, Exchange, RankedCall, RankedTraining, SharedReport
from numbann.engine.cpu.runner import Call, Runner
from numbann.engine.cpu.snapshot import ArenaSnapshot
from numbann.engine.cpu.table import Table
from numbann.engine.cpu.thread_tuning import ThreadTuner
from numbann.engine.cpu.update import Hyper, Update, choose_update, store_gradient
from numbann.engine.cpu.wanted import want
from numbann.engine.interface import LayerFacts, Paused, Progress, Snapshot
from numbann.engine.shared.alignment import aligned
from numbann.engine.shared.batches import for_members
from numbann.engine.shared.epochs import Epochs
from numbann.engine.shared.feeding import ArrayFeed, Inputs, RingFeed
from numbann.engine.shared.processors import available_cpus
from numbann.engine.shared.report import Report
from numbann.network.initial import initial_tensors
from numbann.network.plan import Plan
from numbann.network.states import MEMORY, select_part
from numbann.records import dataclass
from numbann.simd import objects
from numbann.simd.named import shuffle

BETWEEN_EPOCHS = 10_000  # moments, some milliseconds, that threads wait for the next epoch before they park


@dataclass(frozen=True)
class _Training:
    """The loaded training data: an epoch's arrays, the source of its rows, and each row's loss.

    `calls` has a call of the training step's table for each number of threads; `run` runs some steps of one.
    """

    epochs: Epochs
    moving: Moving
    calls: Mapping[int, Call | RankedCall]
    run: Callable[..., None]
    tuner: ThreadTuner
    feed: ArrayFeed | RingFeed
    offsets: np.ndarray
    row_loss: np.ndarray


class Engine(interface.Engine):
    """A network in the memory of the CPU.

    threads: the most threads, or "auto" for as many as there are processors.  The number that works is the fastest, as
    measured while training.  exactly: always use `threads` threads, even on fewer processors.  ranks: the communicator
    of MPI whose ranks train together, each with an engine of the same plan and data.
    """

    device = "cpu"
    gpu = None
    packages = ()

    def __init__(
        self, plan: Plan, threads: int | str = "auto", exactly: bool = False, ranks: Communicator | None = None
    ) -> None:
        self.plan = plan
        self.threads = available_cpus() if threads == "auto" else int(threads)
        fixed = exactly or self.threads == 1
        self._choices = [self.threads] if fixed else thread_counts(min(self.threads, available_cpus()))
        self.steps_done = 0
        self._kept = plan.kept
        self._arena = Arena(plan, len(self._kept))  # the weights that predict, followed by the states
        self._trained = self._arena.from_state(1) if plan.apart else self._arena
        parts = [part for part in (self._arena.parameters, self._arena.statistics) if len(part)]
        self._flags = [(part, np.empty(len(part), bool)) for part in parts]  # a small epoch has no time to make them
        self._form = plan.optimizer.component.form
        self._gradient = Arena(plan)  # of a step, for an optimizer in Python
        self._solver = Solver(plan, self._trained, self._gradient)
        self._matrices = Matrices(plan, self._arena, self._gradient)
        self._runner = Runner(plan, self._choices[-1])
        self._inference = Inference(plan, self._arena, self._runner, self._choices)
        self._sample: np.ndarray | None = None  # of the rows, for initializers that ask for it
        self._training: _Training | None = None
        self._losses = np.empty(0)  # of the steps done in the last epoch
        self._probes: dict[tuple[int, bool], Probe] = {}
        self._exchange = None if ranks is None else Exchange(ranks)
        self.ranks = 1 if ranks is None else ranks.Get_size()
        self._misses = objects.MISSES

    @property
    def compiled(self) -> int:
        return objects.MISSES - self._misses

    @property
    def exchanged(self) -> float:
        return 0.0 if self._exchange is None else self._exchange.seconds

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        for array in (self._arena.values, *self._matrices.shaped.values()):
            array[:] = 0
        self.steps_done = 0
        sample = None if self._sample is None else FirstPass(self.plan, self._sample)
        self.set_parameters(initial_tensors(self.plan, seed, sample))

    def parameters(self) -> dict[str, np.ndarray]:
        return self._now.parameters()

    def set_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._arena.set_tensors(tensors)
        for name, gathered in self._arena.gathered().items():
            gathered[:] = tensors[name]
        self._trained.parameters[:] = self._arena.parameters  # training goes on from the weights that predict
        self._trained.stale = True
        self._solver.forget()

    def state(self) -> dict[str, np.ndarray]:
        return self._now.state()

    @property
    def _now(self) -> ArenaSnapshot:
        """The parameters and states themselves, which the next step changes."""
        shaped, memory = self._matrices.shaped, self._solver.memory
        return ArenaSnapshot(self._arena, self._kept, shaped, memory, self.steps_done)

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        return self._now.copy(into if isinstance(into, ArenaSnapshot) else None)

    def is_finite(self) -> bool:
        return all(np.count_nonzero(np.isfinite(part, flags)) == len(part) for part, flags in self._flags)

    def squares(self) -> float:
        return self._arena.squares()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.steps_done = int(state["steps"][0])
        self._solver.memory.update(select_part(MEMORY, state))
        for slot, name in enumerate(self._kept, start=1):
            self._arena.set_tensors(select_part(name, state), slot)
        self._trained.stale = True
        for name, array in self._matrices.shaped.items():
            array[:] = state[name]

    # ---- training

    def load_data(
        self,
        x: Inputs,
        t: np.ndarray,
        weight: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        group: np.ndarray | None = None,
    ) -> None:
        self._solver.forget()
        want(shuffle.shuffle)  # which the first epoch asks for behind all others
        self._sample = sample_rows(self.plan, x, rows)
        epochs = Epochs(self.plan, len(x), weight, rows, group)
        count = count_groups(self._trained.layout.arena, epochs.batch)
        own = range(count) if self._exchange is None else self._exchange.own(count)
        share = own.start, own.stop, count
        feed = ArrayFeed(x, self.plan) if isinstance(x, np.ndarray) else RingFeed(x, epochs.batch, self.plan, share)
        offsets = np.zeros(epochs.rows + epochs.batch, np.int64)[: epochs.rows]  # what fetches ahead reads behind them
        losses = np.zeros(epochs.rows, self.plan.dtype)
        known = self._training
        if known is not None and epochs.take_over(known.epochs):  # other rows for the same tables
            moving, run, calls, tuner = known.moving, known.run, known.calls, known.tuner
        else:
            moving, tuner = Moving(self.plan, epochs.steps), ThreadTuner(self._choices)
            run, calls = self._calls(epochs, moving, count)
        arrays = {
            "x": feed.x,
            "target": self._inference.target(t),
            "order": epochs.order,
            "offsets": offsets,
            "row_loss": losses,
            "keys": epochs.keys,
            **epochs.slots,
        }
        for call in calls.values():
            call.bind(**arrays)
            call.rows(epochs.rows)
        epochs.begin(0, np.zeros(epochs.steps), 0, {})  # compile the shuffle and the noise before the first epoch
        epochs.index = None
        self._training = _Training(epochs, moving, calls, run, tuner, feed, offsets, losses)

    def epoch(
        self,
        index: int,
        rates: np.ndarray,
        progress: Progress | None = None,
        losses: np.ndarray | Sequence[float] = (),
        numbers: Mapping[str, np.ndarray] = interface.NO_NUMBERS,
        order: np.ndarray | None = None,
    ) -> float:
        training, first = self._require_training(), len(losses)
        epochs, begun = training.epochs, self.steps_done - first
        if not first or index != epochs.index:
            epochs.begin(index, rates, begun, numbers, order)
            training.moving.begin(numbers)
        together = False  # whether all ranks have come as far
        try:
            if first < epochs.steps:
                self._train_from(training, rates, first, progress)
            together = True
        except Paused:
            together = True
            raise
        finally:
            row_loss = self._row_loss(training) if together else training.row_loss
            self._losses = epochs.step_losses(row_loss, self.steps_done - begun, losses)
        return float(np.add.reduce(self._losses) / len(self._losses))  # as mean(), in half its time

    def step_losses(self) -> np.ndarray:
        return self._losses

    def _require_training(self) -> _Training:
        if self._training is None:
            raise RuntimeError("load_data comes first")
        return self._training

    def _row_loss(self, training: _Training) -> np.ndarray:
        """Each row's loss, of all ranks."""
        return training.row_loss if self._exchange is None else self._exchange.sum(training.row_loss)

    def _train_from(self, training: _Training, rates: np.ndarray, first: int, progress: Progress | None) -> None:
        """Run the steps of an epoch from one on, block by block."""
        epochs, exchange = training.epochs, self._exchange
        report = Report(progress, epochs.steps)
        if exchange is not None:
            report = SharedReport(progress, epochs.steps, exchange)
            training.row_loss[:] = 0  # of other ranks' rows
        with closing(training.feed.blocks(epochs.order, training.offsets, epochs.bounds, first)) as blocks:
            for start, stop in blocks:
                self._train(training, rates, range(start, stop), report)
        if exchange is not None:
            exchange.check(self._arena.parameters)

    def _train(self, training: _Training, rates: np.ndarray, steps: range, report: Report) -> None:
        """Run some steps of an epoch: the optimizer is in the table, or in Python after each step or around all."""
        if self._form == "elementwise":
            self._run(training, steps.start, steps.stop, report)
        elif self._form == "matrix":
            for k in steps:
                self._run(training, k, k + 1)
                decay = float(training.epochs.decays[k])
                self._matrices.step(float(rates[k]), decay, self.steps_done, training.epochs.rows_of(k))
                self._trained.stale = True
                if self.plan.average:
                    average(self.plan, self._arena, self._trained, self.steps_done)
                report(k + 1)
        else:
            self._solve(training, float(rates[0]))

    def _solve(self, training: _Training, rate: float) -> None:
        """Run an epoch of a solver, which is one step on all rows."""
        step = self.steps_done + 1

        def measure() -> float:
            self._run(training, 0, 1)
            return float(training.epochs.step_losses(self._row_loss(training)).mean())

        self._solver.step(measure, rate, step)
        self.steps_done = step

    def _run(self, training: _Training, first: int, last: int, report: Report | None = None) -> None:
        """Run the steps first..last of an epoch, on as many threads as the tuner says."""
        begin, done = self.steps_done - first, first
        self._trained.round()
        self._arena.stale |= self.plan.apart
        while done < last:
            threads, count = training.tuner.next(last - done)
            call, start = training.calls[threads], self._worked()
            try:
                training.run(call, done, done + count, report)
            finally:
                done = call.done
                self.steps_done = begin + done
            training.tuner.took(threads, count, self._worked() - start)
            if report is not None and self._exchange is None:  # ranks have reported each step
                report(done)

    def _worked(self) -> float:
        """The time, without what passes while ranks wait for each other."""
        return perf_counter() - self.exchanged

    def _calls(
        self, epochs: Epochs, moving: Moving, count: int
    ) -> tuple[Callable[..., None], Mapping[int, Call | RankedCall]]:
        """How training steps run, and their calls by threads; a huge batch goes by `count` groups of rows."""
        arena, batch, slots, runner = self._trained, epochs.batch, epochs.slots, self._runner
        update = self._choose_update(epochs.hyper)

        def call(table: Table, threads: int) -> Call:
            return runner.call(table, threads, batch, BETWEEN_EPOCHS)

        if self._exchange is not None:
            ranked = RankedTraining(self._exchange, runner, arena, count, batch)
            tables = {threads: ranked.tables(update, threads, slots, moving) for threads in self._choices}
            return ranked.run, {n: RankedCall(*(call(one, n) for one in each)) for n, each in tables.items()}
        if batch >= HUGE and not self.plan.whole_batches:
            gradients = aligned((count, arena.layout.stride), self.plan.dtype)
            made = {n: build_grouped_training(arena, update, n, gradients, slots, moving) for n in self._choices}
        else:
            made = {n: self._builder(epochs, moving).training(update, n) for n in self._choices}
        return runner.run, {threads: call(table, threads) for threads, table in made.items()}

    def _builder(self, epochs: Epochs, moving: Moving) -> Builder:
        """The builder of tables for whole batches."""
        return Builder(Operands(self._trained, epochs.batch, training=True, slots=epochs.slots, moving=moving))

    def _choose_update(self, hyper: Hyper) -> Update:
        """What the table does with a gradient: an optimizer in Python needs it stored."""
        if self._form != "elementwise":
            return store_gradient(self._trained, self._gradient, hyper)
        return choose_update(self._trained, hyper)

    # ---- inference

    def predict(self, x: Inputs) -> np.ndarray:
        return self._inference.predict(x)

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        return self._inference.predict_raw(raw, shift, scale)

    def evaluate(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        return self._inference.evaluate(x, t, weight, group)

    def probe(
        self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> list[LayerFacts]:
        x, t = (for_members(one, self.plan.members) for one in (x, t))
        weight = None if weight is None else for_members(weight, self.plan.members)
        key = len(x), weight is not None
        self._trained.round()
        if key not in self._probes:
            self._probes[key] = Probe(self.plan, self._trained, self._runner, *key, self._choices[-1])
        inputs, target = np.ascontiguousarray(x, self.plan.dtype), self._inference.target(t)
        return self._probes[key].look(inputs, target, weight, group)

    # ---- the end

    def close(self) -> None:
        self._runner.team.close()


def thread_counts(most: int) -> list[int]:
    """The numbers of threads to choose among: 1, 2, 4 and so on, and the most."""
    return [*(1 << k for k in range(most.bit_length()) if 1 << k < most), most]
