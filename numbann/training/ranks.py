"""The ranks of one training, as MPI has started them: what the first tells the others, and how all of them end.

Rank 0 leads: it alone writes the run, tells its events and takes signals.  The others train beside it, and wait after
each epoch for its word.  A fault that all ranks find is reported by rank 0 alone.  A rank that fails while the others
train, which then wait for it in MPI for ever, ends all of them.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from numbann.engine.shared.processors import available_cpus
from numbann.errors import ClusterError, ClusterWarning, NumbannError, SpecError, shown, warn
from numbann.fit.pause import Pause
from numbann.training.manifest import identity
from numbann.training.preparation import Prepared

MPI = "mpi"
WORD, READY, END = 1, 2, 3  # tags of messages: a word of rank 0; a rank is ready; a rank has failed, or ends
# Seconds to wait for the end of the others: before training begins, while they may be busy with the data; later; and
# for that of rank 0 once it has said that it saves the run
AT_FIRST, ALONE, WHILE_SAVING = 6.0, 3.0, 600.0
TICK = 0.01
LastWords = Callable[[BaseException, str], None]  # reports an error of a rank, which "" stands for where it is rank 0


class _Ended(SystemExit):
    """Rank 0 has ended the training."""


class RankError(ClusterError):
    """A rank cannot train with the others."""


class Ranks:
    """This process among those that train together.  world: for the engines; threads: this rank's share of them."""

    def __init__(self, mpi: Any) -> None:
        self._mpi = mpi
        self.world, self._talk = mpi.COMM_WORLD.Dup(), mpi.COMM_WORLD.Dup()
        self.rank, self.count = self.world.Get_rank(), self.world.Get_size()
        self.leads = self.rank == 0
        self.threads = max(1, available_cpus() // self._sharing())
        self.over = False  # whether the run is complete, so that no rank waits for another one any more
        self._patience = AT_FIRST
        self._sent: list[Any] = []
        self._gone: set[int] = set()

    def _sharing(self) -> int:
        """How many ranks of this machine have the same processors as this one."""
        if not hasattr(os, "sched_getaffinity"):
            return int(self.world.Split_type(self._mpi.COMM_TYPE_SHARED).Get_size())
        own = socket.gethostname(), sorted(os.sched_getaffinity(0))
        return sum(other == own for other in self.world.allgather(own))

    # ---- words

    def tell(self, word: Any) -> None:
        """Tell all ranks a word of rank 0."""
        self._send(WORD, (True, word))

    def hear(self) -> Any:
        """Wait for the next word of rank 0; SystemExit if it has ended the training."""
        goes_on = None
        while goes_on is None:
            goes_on, word = self._talk.recv(source=0, tag=WORD)
        if not goes_on:
            raise _Ended(word)
        return word

    def tell_of_saving(self) -> None:
        """Tell all ranks that rank 0 ends, once it has saved the run."""
        self._send(WORD, (None, None))

    def _send(self, tag: int, content: Any) -> None:
        """Send to all others from rank 0, or to rank 0."""
        to = range(1, self.count) if self.leads else [0]
        self._sent += [self._talk.isend(content, rank, tag) for rank in to]

    def begin(self, prepared: Prepared, threads: int) -> None:
        """Wait until all ranks are ready to train the same; RankError from rank 0 if one is not."""
        from numbann.runner.versions import versions

        own = (socket.gethostname(), versions(), _facts(prepared), (available_cpus(), threads))
        if not self.leads:
            self._send(READY, own)
            self.hear()
            self._patience = ALONE
            return
        for rank in range(1, self.count):
            host, *there = self._wait_for(rank)
            _compare(f"rank {rank} on {host}", own[1:], there)
        _warn_of_processors(own[0], *own[3])
        self.tell(None)
        self._patience = ALONE

    def _wait_for(self, rank: int) -> Any:
        """What a rank says when it is ready, while a signal may come."""
        while True:
            if self._talk.iprobe(rank, READY):
                return self._talk.recv(source=rank, tag=READY)
            if self._talk.iprobe(rank, END):
                text = self._talk.recv(source=rank, tag=END)
                self._gone.add(rank)
                raise RankError(text)
            time.sleep(TICK)

    # ---- the end

    def complete(self) -> None:
        """The run is complete: no rank waits for a word any more."""
        self.over = True
        self._exit_together()

    def _exit_together(self) -> None:
        """Let the processes wait for each other at their end: MPI ends all with the first, and rank 0 has to print."""
        atexit.register(self._talk.Barrier)

    def end(self, error: BaseException, last_words: LastWords) -> NoReturn:
        """End with an error, if all ranks end now; else report it and end them all."""
        if self.over:
            raise error
        code = exit_code(error)
        if self.leads:
            self._send(WORD, (False, code))
            if self._all_gone(self._patience):
                self._exit_together()
                raise error
        else:
            self._send(END, f"{self.name}: {str(error) or type(error).__name__}")
            if isinstance(error, _Ended) or self._ended(self._patience):
                self._exit_together()
                raise SystemExit(code) from None
        last_words(error, "" if self.leads else self.name)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._mpi.COMM_WORLD.Abort(code)
        os._exit(code)

    @property
    def name(self) -> str:
        """This rank, in words."""
        return f"rank {self.rank} on {socket.gethostname()}"

    def _all_gone(self, seconds: float) -> bool:
        """Whether all others end within some seconds."""
        until = time.monotonic() + seconds
        while len(self._gone) < self.count - 1:
            for rank in {*range(1, self.count)} - self._gone:
                if self._talk.iprobe(rank, END):
                    self._talk.recv(source=rank, tag=END)
                    self._gone.add(rank)
            if time.monotonic() > until:
                return False
            time.sleep(TICK)
        return True

    def _ended(self, seconds: float) -> bool:
        """Whether rank 0 ends within some seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while self._talk.iprobe(0, WORD):
                goes_on, _ = self._talk.recv(source=0, tag=WORD)
                if goes_on is None:
                    until = time.monotonic() + WHILE_SAVING
                elif not goes_on:
                    return True
            time.sleep(TICK)
        return False


class Following(Pause):
    """The pauses of a rank that does not lead: those of rank 0."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    def due_between(self) -> bool:
        return bool(self._ranks.hear())


def leads(ranks: Ranks | None) -> bool:
    """Whether this process writes the run and tells its events."""
    return ranks is None or ranks.leads


def exit_code(error: BaseException) -> int:
    """The exit code of a process that ends with an error."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    return int(getattr(error, "exit_code", 130 if isinstance(error, KeyboardInterrupt) else 1))


def _print_traceback(error: BaseException, rank: str) -> None:
    if rank:
        error.add_note(f"on {rank}")
    traceback.print_exception(error)


@contextmanager
def ranked(given: Ranks | str | None, last_words: LastWords = _print_traceback) -> Iterator[Ranks | None]:
    """Yield the ranks that train together: None for this process alone.

    Within it, ranks other than 0 ignore the signals of the process, and end when rank 0 does, by SystemExit.
    last_words: reports the error of a rank that fails alone; then all are ended.  ClusterError if there is no MPI.
    """
    if given is None or isinstance(given, Ranks):
        yield given
        return
    if given != MPI:
        raise NumbannError(f'ranks is {shown(given)}; give "{MPI}", in a program that mpiexec has started')
    from numbann.runner.mpi import library

    ranks = Ranks(library())
    with _deaf(ranks):
        try:
            yield ranks
        except BaseException as error:
            ranks.end(error, last_words)


@contextmanager
def _deaf(ranks: Ranks) -> Iterator[None]:
    """Leave signals to rank 0, which saves the run and ends all."""
    if ranks.leads or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- what cannot be trained, and what must be the same


def check_ranks(prepared: Prepared, ranks: Ranks) -> None:
    """Refuse what these ranks cannot train together: SpecError, or ClusterError for their number."""
    from numbann.engine.cpu.groups import HUGE, count_groups
    from numbann.engine.cpu.layout import Layout
    from numbann.engine.cpu.ranks import refuse_ranks

    source, plan = prepared.loaded.source, prepared.plan
    if prepared.source is not None:
        what = "ranks train one model together; the models of an ensemble are trained on a cluster: --cluster mpi"
        raise SpecError([source.fault(("ensemble",), what)], source.name)
    batch = plan.members * plan.batch_rows(len(prepared.dataset.train.t))
    reason = refuse_ranks(plan, batch, count_groups(Layout(plan).arena, batch), ranks.count)
    if reason and batch < HUGE:
        raise SpecError([source.fault(("train", "batch_size"), f"{reason}; give {HUGE} or more")], source.name)
    if reason:
        raise RankError(f"ranks: {reason}")


def _facts(prepared: Prepared) -> dict[str, Any]:
    """What must be the same for all ranks, by name."""
    return {"spec": identity(prepared), "data": [digest for _, digest in prepared.facts.files]}


def _compare(place: str, here: Any, there: Any) -> None:
    """RankError if a rank is about to train another thing than rank 0, or with other versions."""
    from numbann.runner.versions import check_versions

    check_versions(there[0], here[0], place)
    for name, value in here[1].items():
        if there[1][name] != value:
            raise RankError(f"{place}: has another {name} than rank 0; give all ranks the same files")
    _warn_of_processors(place, *there[2])


def _warn_of_processors(place: str, processors: int, threads: int) -> None:
    if processors < threads:
        held = f"{place}: may use {processors} processor{'s' * (processors > 1)} for its {threads} threads"
        warn(f"{held}; with Open MPI start it by mpiexec --bind-to none", ClusterWarning)
