"""The ranks of one training, as MPI has started them: what the first tells the others, and how all of them end.

Rank 0 leads: it alone writes the run, tells its events and takes signals.  The others train beside it, and wait after
each epoch for its word.  A fault that all ranks find is reported by rank 0 alone.  A rank that fails while the others
train, which then wait for it in MPI for ever, ends all of them; so does a signal while rank 0 waits in MPI for ever.
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
from math import inf
from typing import Any, NoReturn

from numbann.engine.shared.processors import available_cpus
from numbann.errors import ClusterWarning, NumbannError, TakenError, shown, warn
from numbann.fit.pause import Pause
from numbann.fit.state import State
from numbann.training.preparation import Prepared
from numbann.training.rank_checks import RankError, compare, facts_of, warn_of_processors

MPI = "mpi"
WORD, READY, END = 1, 2, 3  # tags of messages: a word of rank 0; a rank is ready; a rank has failed, or ends
# Seconds to wait for the end of the others: before training begins, while they may be busy with the data; later; and
# for that of rank 0 once it has said that it saves the run; once the run is complete; and to wait in MPI after a signal
AT_FIRST, ALONE, WHILE_SAVING, COMPLETE, SIGNALLED = 6.0, 3.0, 600.0, 60.0, 15.0
RELAY = 0.5  # seconds in which mpiexec passes on what was printed: it drops what it has not read when MPI ends all
TICK = 0.01
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")  # what MPICH and Open MPI tell a process that they start: how many
LastWords = Callable[[BaseException, str], None]  # reports an error of a rank, which "" stands for where it is rank 0


class _Ended(SystemExit):
    """Rank 0 has ended the training."""


class World:
    """What engines ask of MPI.  since: when they began to wait for the other ranks; infinite while they do not."""

    def __init__(self, communicator: Any) -> None:
        self._communicator, self.since = communicator, inf
        self.Get_rank, self.Get_size = communicator.Get_rank, communicator.Get_size

    def Alltoall(self, sent: Any, got: Any) -> None:
        """As of MPI."""
        self._wait(self._communicator.Alltoall, sent, got)

    def Allgather(self, sent: Any, got: Any) -> None:
        """As of MPI."""
        self._wait(self._communicator.Allgather, sent, got)

    def Allreduce(self, sent: Any, got: Any) -> None:
        """As of MPI."""
        self._wait(self._communicator.Allreduce, sent, got)

    def _wait(self, work: Callable[[Any, Any], None], sent: Any, got: Any) -> None:
        self.since = time.monotonic()
        work(sent, got)
        self.since = inf


class Ranks:
    """This process among those that train together.

    world: for the engines, None if there is one rank; threads: this rank's share of them.
    """

    def __init__(self, mpi: Any) -> None:
        self._mpi = mpi
        self._all, self._talk = mpi.COMM_WORLD.Dup(), mpi.COMM_WORLD.Dup()
        self.rank, self.count = self._all.Get_rank(), self._all.Get_size()
        self.world = World(self._all) if self.count > 1 else None
        self.leads = self.rank == 0
        self.threads = max(1, available_cpus() // self._sharing())
        self.over = False  # whether the run is complete, so that no rank waits for another one any more
        self._patience = AT_FIRST
        self._sent: list[Any] = []
        self._gone: set[int] = set()

    def _sharing(self) -> int:
        """How many ranks of this machine have the same processors as this one."""
        if not hasattr(os, "sched_getaffinity"):
            return int(self._all.Split_type(self._mpi.COMM_TYPE_SHARED).Get_size())
        own = socket.gethostname(), sorted(os.sched_getaffinity(0))
        return sum(other == own for other in self._all.allgather(own))

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

    def begin(self, prepared: Prepared, threads: int, state: State | None) -> None:
        """Wait until all ranks are ready to train the same, from a state or from the beginning.

        RankError from rank 0 if one is not.
        """
        from numbann.runner.versions import versions

        own = (socket.gethostname(), versions(), facts_of(prepared, state), (available_cpus(), threads))
        if not self.leads:
            self._send(READY, own)
            self.hear()
            self._patience = ALONE
            return
        for rank in range(1, self.count):
            host, *there = self._wait_for(rank)
            compare(f"rank {rank} on {host}", own[1:], there)
        warn_of_processors(own[0], *own[3])
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
        """The run is complete, and no rank waits for a word any more; RankError from rank 0 if one still trains."""
        if not self.leads:
            self._send(END, "")
        elif not self._all_gone(COMPLETE):
            late = ", ".join(map(str, sorted({*range(1, self.count)} - self._gone)))
            raise RankError(f"rank 0 has completed the run, and others (rank {late}) still train; all are ended")
        self.over = True
        self._exit_together()

    def _exit_together(self) -> None:
        """Let the processes wait for each other at their end: MPI ends all with the first, and rank 0 has to print."""
        atexit.register(self._wait_for_all)

    def _wait_for_all(self) -> None:
        """Wait as long as it takes, and so that a signal ends it."""
        if self._mpi.Is_finalized():  # by the program
            return
        arrived = self._talk.Ibarrier()
        while not arrived.Test():
            time.sleep(TICK)

    @contextmanager
    def watched(self, last_words: LastWords) -> Iterator[None]:
        """End all if a signal comes while rank 0 waits for the others and the wait goes on.

        Python calls no handler before MPI returns, so that the wait would outlast all signals.
        """
        if self.world is None or not self.leads or threading.current_thread() is not threading.main_thread():
            yield
            return
        over = threading.Event()
        heard, told = socket.socketpair()
        told.setblocking(False)
        watch = threading.Thread(target=self._watch, args=(self.world, heard, over, last_words), daemon=True)
        before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        watch.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            over.set()
            told.close()
            watch.join()
            heard.close()

    def _watch(self, world: World, heard: socket.socket, over: threading.Event, last_words: LastWords) -> None:
        while found := heard.recv(1):
            came = time.monotonic()
            while found[0] in (signal.SIGINT, signal.SIGTERM) and world.since < came and not over.wait(TICK):
                if time.monotonic() - came > SIGNALLED:
                    what = f"rank 0 has waited for another rank for {SIGNALLED:g} s since a signal came"
                    error = RankError(f"{what}; all are ended, and the last checkpoint is kept")
                    self._end_all(error, last_words, 128 + found[0])

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
        self._end_all(error, last_words, code)

    def _end_all(self, error: BaseException, last_words: LastWords, code: int) -> NoReturn:
        """Report an error, and end the processes of all ranks."""
        last_words(error, "" if self.leads else self.name)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        time.sleep(RELAY)
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


@contextmanager
def hinting(together: bool) -> Iterator[None]:
    """Add to the error of a run that is there that MPI has started several processes, unless they work together."""
    try:
        yield
    except TakenError as error:
        started = next((int(os.environ[name]) for name in SIZES if os.environ.get(name, "").isdigit()), 1)
        if together or started == 1:
            raise
        what = f"MPI has started {started} processes, and each trains for itself"
        raise TakenError(f'{error}\n{what}; to train one model together: --ranks mpi (ranks="mpi")') from None


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

    with _signals_at(signal.SIG_DFL):  # while MPI waits for ranks that may never come
        ranks = Ranks(library())
    if ranks.count == 1:
        warn("ranks: there is only one rank, which trains alone; start it with mpiexec -n N ...", ClusterWarning)
    with _deaf(ranks), ranks.watched(last_words):
        try:
            yield ranks
        except BaseException as error:
            ranks.end(error, last_words)


@contextmanager
def _deaf(ranks: Ranks) -> Iterator[None]:
    """Leave signals to rank 0, which saves the run and ends all."""
    if ranks.leads:
        yield
        return
    with _signals_at(signal.SIG_IGN):
        yield


@contextmanager
def _signals_at(handler: signal.Handlers) -> Iterator[None]:
    """Let the system handle SIGINT and SIGTERM, unless the process ignores them or this is no main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: own for number, own in found.items() if own is not None and own != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)
