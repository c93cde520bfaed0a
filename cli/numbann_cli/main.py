"""The console script.  If no plugin can add a command, `--help` is answered without importing click, to start fast."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from contextlib import suppress


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    gc.set_threshold(100_000)  # what is imported stays, so looking for garbage in it is a tenth of a short command
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the process began; what is opened next must not take its place
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - stays open, and pathlib is slow to import
    from numbann.plugins.distributions import find_announced
    from numbann_cli.overview import overview

    if sys.argv[1:] == ["--help"] and not any(one.allowed and one.commands for one in find_announced()):
        print(overview())
        return
    from numbann_cli.group import numbann

    try:
        numbann(prog_name="numbann")
    finally:
        from numbann_cli.signals import ignore_from_now_on

        ignore_from_now_on()


def run() -> None:
    """Run the command line as a process of its own, and end it at once.

    Python would first take apart all that was imported, which takes as long as a half of NumPy's import.
    """
    code = 0
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    except KeyboardInterrupt:  # while the command was imported
        print("numbann: interrupted; nothing was written", file=sys.stderr)
        code = 130
    if "mpi4py" in sys.modules:
        sys.exit(code)  # MPI ends as Python does, or it takes the process for one that has failed
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
