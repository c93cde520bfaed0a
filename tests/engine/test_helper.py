"""A second process that compiles kernels: it shares the work, and one that dies or hangs costs only time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from numbann.engine.cpu import helper, wanted
from numbann.engine.cpu.wanted import Wanted, _Work
from numbann.simd import cache, objects

SHUFFLE = ("numbann.simd.shuffle", "shuffle", "float32")
RELU = ("numbann.compile.cpu", "activation_forward", "activation", "relu", "float32", True, False)
ADAM = ("numbann.compile.cpu", "update_kernel", "optimizer", "adam", "float64", ("m", "v"), ())


class Kernels:
    """Kernels that take a moment to compile, and who has compiled each."""

    def __init__(self, count: int) -> None:
        self.here: list[int] = []
        self.there: list[int] = []
        self.wanted = [Wanted((k, k, "float32"), lambda k=k: self._compile(k)) for k in range(count)]

    def _compile(self, k: int) -> int:
        if k not in self.there:  # else it is in the cache
            time.sleep(0.01)
            self.here.append(k)
            objects.MISSES += 1
        return 1000 + k


class FakeHelper:
    """A helper in this process."""

    kernels: Kernels
    fault: Callable[[int], None] = staticmethod(lambda count: None)  # is told how many it has made

    def __enter__(self) -> FakeHelper:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def wait(self) -> None:
        """Be ready at once."""

    def compile(self, key: tuple[int, int, str]) -> None:
        """Compile it, or fail."""
        self.fault(len(self.kernels.there))
        time.sleep(0.01)
        self.kernels.there.append(key[0])


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernels]:
    """Twenty kernels, and a helper that can be had."""
    made = Kernels(20)
    helper_of_these = type("Helper", (FakeHelper,), {"kernels": made})
    for name, value in (("Helper", helper_of_these), ("can_help", lambda: True), ("_work", _Work()), ("IDLE", 0.05)):
        monkeypatch.setattr(wanted, name, value)
    yield made
    wait_for_the_end()


def wait_for_the_end() -> None:
    """Wait until no helper is at work."""
    for thread in threading.enumerate():
        if thread.name == "helper of numbann":
            thread.join(5)
            assert not thread.is_alive()


def finish(kernels: Kernels) -> None:
    """Add all kernels and ask for their addresses."""
    for one in kernels.wanted:
        wanted._work.add(one)
    assert [int(one) for one in kernels.wanted] == [1000 + k for k in range(len(kernels.wanted))]


def break_down(monkeypatch: pytest.MonkeyPatch, fault: Callable[[int], None]) -> None:
    """Let helpers meet a fault."""
    monkeypatch.setattr(wanted.Helper, "fault", staticmethod(fault))


def test_each_kernel_is_compiled_by_one_of_two(kernels: Kernels) -> None:
    """Those of the helper are counted too."""
    before = objects.MISSES
    finish(kernels)
    assert sorted(kernels.here + kernels.there) == list(range(20))
    assert min(len(kernels.here), len(kernels.there)) >= 5
    assert objects.MISSES - before == 20


def test_the_helper_begins_with_what_takes_long(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits for it at the end."""
    monkeypatch.setattr(wanted, "MANY", 100)
    for k, kind in ((5, "optimizer"), (7, "loss"), (9, "loss")):
        kernels.wanted[k].key = (k, k, kind)
    for one in kernels.wanted:
        wanted._work.add(one)
    assert [one.key[0] for one in iter(wanted._work._next, None)][:5] == [7, 9, 5, 0, 1]


def test_few_kernels_are_not_worth_a_helper(kernels: Kernels) -> None:
    del kernels.wanted[wanted.MANY - 1 :]
    finish(kernels)
    assert kernels.there == []
    assert not wanted._work._helped


def test_a_helper_that_ends_when_idle_has_a_successor(kernels: Kernels) -> None:
    finish(kernels)
    wait_for_the_end()
    kernels.here.clear(), kernels.there.clear()
    for one in kernels.wanted:
        one.address = 0
    finish(kernels)
    assert kernels.there


@pytest.mark.parametrize("error", [EOFError("it has ended"), BrokenPipeError("it has ended")])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_helper_that_dies(kernels: Kernels, monkeypatch: pytest.MonkeyPatch, error: Exception, after: int) -> None:
    def die(count: int) -> None:
        if count == after:
            raise error

    break_down(monkeypatch, die)
    finish(kernels)
    assert len(kernels.there) == after
    assert sorted(kernels.here + kernels.there) == list(range(20))
    wait_for_the_end()
    wanted._work.get_helper()
    assert not any(thread.name == "helper of numbann" for thread in threading.enumerate())


def test_a_helper_that_cannot_be_started(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(wanted, "Helper", fail)
    finish(kernels)
    assert len(kernels.here) == 20


def test_a_helper_that_hangs(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has begun is compiled here as soon as there is nothing else."""
    goes_on = threading.Event()
    break_down(monkeypatch, lambda count: goes_on.wait(5) and None)
    monkeypatch.setattr(wanted, "PATIENCE", 0.05)
    finish(kernels)
    assert sorted(kernels.here) == list(range(20))
    goes_on.set()


def test_a_kernel_that_does_not_compile(kernels: Kernels) -> None:
    """Its error comes out where its address is asked for; the others are compiled."""

    def fail() -> int:
        raise ValueError("no kernel")

    bad = kernels.wanted[7]
    bad.compile_it = fail
    for one in kernels.wanted:
        wanted._work.add(one)
    with pytest.raises(ValueError, match="no kernel"):
        int(bad)
    assert all(int(one) for one in kernels.wanted if one is not bad)


def test_several_threads_ask(kernels: Kernels) -> None:
    for one in kernels.wanted:
        wanted._work.add(one)
    threads = [threading.Thread(target=lambda: list(map(int, kernels.wanted))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kernels.here + kernels.there) == list(range(20))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_compiles_for_itself(kernels: Kernels) -> None:
    """Its parent's helper is not its own; a lock that is held while it forks is none of its own either."""
    for one in kernels.wanted:
        wanted._work.add(one)
    with wanted._work._changed:
        pid = os.fork()
        if not pid:
            os._exit(sum(map(int, kernels.wanted)) != sum(range(1000, 1020)) or len(kernels.here) < 19)
    assert os.waitpid(pid, 0)[1] == 0


# ---- whether there can be one


@pytest.fixture
def possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper is possible, whatever the machine is."""
    monkeypatch.delenv("NUMBANN_HELPER", raising=False)
    monkeypatch.setattr(helper, "available_cpus", lambda: 2)
    monkeypatch.setattr(helper, "cache_lasts", lambda: True)


@pytest.mark.usefixtures("possible")
@pytest.mark.parametrize(
    ("program", "is_python"),
    [
        ("/usr/bin/python3.13", True),
        ("/opt/venv/bin/python", True),
        ("/opt/pypy/bin/pypy3", True),
        ("/opt/blender/blender", False),
        ("/usr/sbin/uwsgi", False),
        ("", False),
        (None, False),
    ],
)
def test_only_a_python_is_started(monkeypatch: pytest.MonkeyPatch, program: str | None, is_python: bool) -> None:
    """In a program with a Python inside it would be that program."""
    monkeypatch.setattr(sys, "executable", program)
    assert helper.can_help() == is_python


@pytest.mark.usefixtures("possible")
def test_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert helper.can_help()
    for where, name, value in (
        (helper, "available_cpus", lambda: 1),
        (helper, "cache_lasts", lambda: False),
        (sys, "frozen", True),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(where, name, value, raising=False)
            assert not helper.can_help()
    with monkeypatch.context() as changed:
        changed.setitem(sys.modules, "mpi4py.MPI", None)
        assert not helper.can_help()
    monkeypatch.setenv("NUMBANN_HELPER", "0")
    assert not helper.can_help()


# ---- the process itself


def test_it_compiles_into_the_private_cache_and_ends(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It imports nothing from the working folder, and a key that means nothing ends it not."""
    for name in ("ast", "json", "numba", "numpy", "scipy", "numbann"):
        (here / f"{name}.py").write_text(f"open({str(here / 'imported')!r}, 'w')")
    monkeypatch.setenv("NUMBANN_CACHE_DIR", str(here / "cache"))
    with helper.Helper() as one:
        one.wait()
        for key in (SHUFFLE, ("numbann.nothing", "at_all", "float32"), RELU, ADAM):
            one.compile(key)
    assert one._process.returncode == 0
    assert not (here / "imported").exists()
    folder = here / "cache" / cache.versions_hash()
    monkeypatch.setattr(objects, "cache_folder", lambda: folder)
    assert all(objects.find(key) for key in (SHUFFLE, RELU, ADAM))
    assert objects.find(("numbann.nothing", "at_all", "float32")) is None


def test_one_that_is_killed_is_known_to_be_gone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBANN_CACHE_DIR", str(here / "cache"))
    with helper.Helper() as one:
        one._process.kill()
        with pytest.raises(EOFError):
            one.wait()
        with pytest.raises((EOFError, BrokenPipeError)):
            one.compile(SHUFFLE)
    assert one._process.returncode
