"""One training step over ranks: each takes some groups of a huge batch's rows, and all sum their gradients as one tree.

A rank sums the gradients of its own groups, which are a branch of the tree.  It sends each rank a slice of that sum,
adds up the slices that it gets of its own, and sends the result to all.  Each then has the whole gradient of the batch,
in the bits that one process computes, and updates all weights with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from numbann.engine.cpu.groups import HUGE, assemble_pass, update_phases
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.moving import Moving
from numbann.engine.cpu.runner import Call, Runner
from numbann.engine.cpu.table import Op, Table, assemble
from numbann.engine.cpu.update import Update
from numbann.engine.cpu.wanted import want
from numbann.engine.interface import Paused, Progress
from numbann.engine.shared.alignment import aligned
from numbann.engine.shared.report import Report
from numbann.errors import DeviceError, TrainingError
from numbann.network.plan import Plan
from numbann.simd.named import groups
from numbann.simd.sizes import BLOCK


class Communicator(Protocol):
    """What is asked of MPI, as mpi4py has it; all arrays have the same shape on all ranks."""

    def Get_rank(self) -> int:
        """The number of this rank."""

    def Get_size(self) -> int:
        """How many there are."""

    def Alltoall(self, sent: Any, got: Any) -> None:
        """Send part k of an array to the rank k, and get one of each."""

    def Allgather(self, sent: Any, got: Any) -> None:
        """Get an array of each rank."""

    def Allreduce(self, sent: Any, got: Any) -> None:
        """Get the sum of the arrays of all ranks, in no order."""


def refuse_ranks(plan: Plan, batch: int, groups: int, ranks: int) -> str:
    """Why a number of ranks cannot train a plan in batches of so many rows, and what to do; empty if they can."""
    if ranks & (ranks - 1):
        return f"{ranks} ranks are no power of 2, as the tree of sums needs; start 2, 4, 8, ..."
    if plan.whole_batches:
        what = "the loss" if plan.couples_losses else "a batch norm"
        return f"{what} needs all rows of a batch at once, and ranks share them out; take another one, or no ranks"
    if batch < HUGE:
        return f"ranks share the rows of batches of {HUGE} or more, and a batch has {batch} here"
    if ranks > groups:
        return f"this network's batches of {batch} rows are cut into {groups} groups: start at most {groups} ranks"
    return ""


class Exchange:
    """The ranks of a training, and what they tell each other.  seconds: how long that took, with the waiting."""

    def __init__(self, world: Communicator) -> None:
        self.world, self.rank, self.count, self.seconds = world, world.Get_rank(), world.Get_size(), 0.0

    def own(self, count: int) -> range:
        """This rank's among `count` groups."""
        return range(count * self.rank // self.count, count * (self.rank + 1) // self.count)

    def sum(self, own: np.ndarray) -> np.ndarray:
        """The sum of arrays, at each of whose places all ranks but one have 0."""
        found, begun = np.empty_like(own), perf_counter()
        self.world.Allreduce(own, found)
        self.seconds += perf_counter() - begun
        return found

    def any(self, asked: bool) -> bool:
        """Whether any rank asks."""
        return bool(self.sum(np.array([asked], np.int64))[0])

    def check(self, weights: np.ndarray) -> None:
        """TrainingError on all ranks if they have not the same weights."""
        found = np.zeros(self.count, np.uint32)
        self.world.Allgather(np.bitwise_xor.reduce(weights.view(np.uint32), keepdims=True), found)
        if other := np.flatnonzero(found != found[0]).tolist():
            what = "the weights of the ranks differ, so their machines compute different bits"
            raise TrainingError(f"{what}: 0 and {', '.join(map(str, other))}; start the ranks on machines of one kind")


class SharedReport(Report):
    """A report that all ranks make after the same steps: what asks one of them to pause, asks all."""

    def __init__(self, progress: Progress | None, steps: int, exchange: Exchange) -> None:
        super().__init__(progress, steps)
        self._exchange = exchange

    def __call__(self, done: int) -> None:
        asked = False
        try:
            super().__call__(done)
        except Paused:
            asked = True
        if self._exchange.any(asked):
            raise Paused


@dataclass(frozen=True)
class Buffers:
    """The gradients of a rank's groups (groups, arena), and the slices that are sent and got, one for each rank.

    The first of the gradients takes the sum of all of them, unless it is the only one: it is what is sent.
    """

    gradients: np.ndarray
    sent: np.ndarray
    got: np.ndarray
    summed: np.ndarray
    whole: np.ndarray

    @staticmethod
    def of(arena: Arena, groups: int, ranks: int) -> Buffers:
        """Those of a rank that takes so many groups."""
        layout, dtype = arena.layout, arena.plan.dtype
        each = -(-layout.arena // ranks)
        gradients, got = aligned((groups, layout.stride), dtype), aligned((ranks, each), dtype)
        whole = aligned(layout.stride, dtype)
        sent = gradients[0, : ranks * each].reshape(ranks, each)
        return Buffers(gradients, sent, got, aligned(each, dtype), whole)

    @property
    def slices(self) -> np.ndarray:
        """The whole gradient in slices."""
        ranks, each = self.got.shape
        return self.whole[: ranks * each].reshape(ranks, each)


@dataclass(frozen=True)
class RankedCall:
    """The calls of a step: a rank's groups and their sum; the sum of its slice; the update."""

    passing: Call
    joining: Call
    updating: Call

    @property
    def done(self) -> int:
        """The number of the next step."""
        return self.updating.done

    def bind(self, **arrays: np.ndarray) -> None:
        """As of a table."""
        self.passing.bind(**arrays)
        self.updating.bind(**arrays)

    def rows(self, total: int) -> None:
        """Set the number of rows."""
        for call in (self.passing, self.joining, self.updating):
            call.rows(total)


class RankedTraining:
    """The training steps of a rank, for any number of threads."""

    def __init__(self, exchange: Exchange, runner: Runner, arena: Arena, count: int, batch: int) -> None:
        if reason := refuse_ranks(arena.plan, batch, count, exchange.count):
            raise DeviceError(reason)
        self._exchange, self._runner, self._arena, self._count = exchange, runner, arena, count
        self._own = exchange.own(count)
        self._buffers = Buffers.of(arena, len(self._own), exchange.count)

    def tables(self, update: Update, threads: int, slots: Collection[str], moving: Moving) -> list[Table]:
        """The tables of a step's calls."""
        buffers = self._buffers
        sums = [self._sum(buffers.gradients, buffers.gradients[0])] if len(self._own) > 1 else []
        passing = assemble_pass(self._arena, threads, buffers.gradients, self._own, self._count, sums, slots, moving)
        joining = assemble([self._sum(buffers.got, buffers.summed)], buffers=buffers)
        updating = assemble(update_phases(self._arena, update, buffers.whole[None]), buffers=buffers)
        return [passing, joining, updating]

    def _sum(self, parts: np.ndarray, total: np.ndarray) -> list[Op]:
        """The phase that sums parts (a power of 2 of them, elements)."""
        length = min(parts.shape[1], self._arena.layout.arena)
        columns = {"GROUP_ARENA": parts, "GROUP_STRIDE": parts.shape[1], "GROUPS": len(parts), "LENGTH": length}
        kernel = want(groups.store_sum, self._arena.plan.dtype)
        return [(kernel, -(-length // BLOCK), {**columns, "SUM": total})]

    def run(self, call: RankedCall, first: int, last: int, report: Report | None = None) -> None:
        """Run the steps first..last; all ranks run the same ones."""
        world, buffers, run = self._exchange.world, self._buffers, self._runner.run
        self._runner.set(call.updating, first, last)  # no step is done
        for step in range(first, last):
            run(call.passing, step, step + 1)
            begun = perf_counter()
            world.Alltoall(buffers.sent, buffers.got)
            run(call.joining, step, step + 1)
            world.Allgather(buffers.summed, buffers.slices)
            self._exchange.seconds += perf_counter() - begun
            run(call.updating, step, step + 1)
            if report is not None:
                report(step + 1)
