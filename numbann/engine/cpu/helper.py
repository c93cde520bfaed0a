"""The helper of a process that compiles many kernels: another process of the same Python, which writes to the cache.

It is started as a program, so that it works in notebooks, needs nothing of the caller's main module, and copies no
threads.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from numbann.engine.shared.processors import available_cpus
from numbann.simd.cache import cache_lasts

# It finds modules where this process does, and nowhere else: "-c" alone would look into the working folder first
PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from numbann.engine.cpu.helping import main; main()"
INTERPRETERS = ("python", "pypy")  # how the names of programs that run Python begin
ENDING = 5.0  # seconds that it gets to end


def can_help() -> bool:
    """Whether there can be a helper.

    It needs a processor of its own, a cache that lasts, and a Python to run: in a program with a Python inside,
    `sys.executable` is that program.  MPI allows no other processes, and NUMBANN_HELPER=0 wants none.
    """
    is_python = Path(sys.executable or "").name.lower().startswith(INTERPRETERS) and not hasattr(sys, "frozen")
    allowed = os.environ.get("NUMBANN_HELPER") != "0" and "mpi4py.MPI" not in sys.modules
    return is_python and allowed and available_cpus() > 1 and cache_lasts()


class Helper:
    """A helper at work.  OSError if it cannot be started, or has ended."""

    def __init__(self) -> None:
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-c", PROGRAM, *map(str, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def wait(self) -> None:
        """Wait for an answer, the first of which says that it is ready; EOFError if it has ended."""
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise EOFError("the helper has ended")

    def compile(self, key: tuple[Any, ...]) -> None:
        """Let it compile the kernel of a key, unless it cannot."""
        assert self._process.stdin
        self._process.stdin.write(f"{key!r}\n")
        self._process.stdin.flush()
        self.wait()

    def __enter__(self) -> Helper:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.communicate("\n", ENDING)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # of what was not sent to one that has ended
                pipe.close()  # type: ignore[union-attr]
