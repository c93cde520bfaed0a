"""Reports errors as lines on stderr, and returns exit codes.  Tracebacks (`--debug`) are printed in group.py."""

from __future__ import annotations

import contextlib
import errno
import re
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from numbann.errors import NumbannError

ERROR = "numbann: error"
FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}
FLAGS = ("preset", "seed", "train.device", "train.threads")  # keys with an option of the same name
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def report(error: Exception, rank: str = "", typed: Sequence[str] | None = None) -> int:
    """Print an error, one line per fault, and return its exit code.

    rank: where it came up, of several processes.  typed: the arguments; None for those of the process.
    """
    head = f"{ERROR}: {rank}" if rank else ERROR
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):  # what click makes of a signal that comes while another is reported
        return 130
    if isinstance(error, click.ClickException):
        _say(_usage(error), head)
        return error.exit_code
    if isinstance(error, NumbannError):
        _say(as_typed(str(error), sys.argv if typed is None else typed), head)
        return error.exit_code
    if isinstance(error, MemoryError):
        _say("out of memory; a smaller model.layers, train.batch_size or data part needs less", head)
    elif isinstance(error, OSError) and error.errno in FULL and not error.filename:  # every other file has a name
        _say(f"the output cannot be written: {error.strerror}", head)
    elif isinstance(error, OSError):
        _say(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error), head)
    else:
        _say(f"unexpected {type(error).__name__}: {error}", head)
        _say("this is a fault of numbann; please report it with the output of --debug", head)
    return 1


def report_interruption(error: KeyboardInterrupt) -> int:
    """Print how to resume after Ctrl-C or a termination signal, and return 130 or 143.  Further signals do nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError):  # in another thread than the main one
            signal.signal(number, signal.SIG_IGN)
    from numbann.training.interruption import find_interrupted

    ended = find_interrupted(error)
    if ended is None:
        _say("interrupted; nothing was written", "numbann")
        return getattr(error, "exit_code", 130)
    _say(f"interrupted; {ended.kept}", "numbann")
    if not ended.complete:
        command = f"numbann resume {_named(ended.path)}"
        _say(f"resume with: {command}", "numbann")
        if ended.ranks > 1:
            _say(f"or on ranks again: mpiexec -n {ended.ranks} {command} --ranks mpi", "numbann")
    return ended.exit_code


def _named(run: Path) -> str:
    """Return a run directory, and the plugins in files that its run has, as arguments."""
    from numbann.spec.loading import plugins_of
    from numbann.training.rundir import RESOLVED, SPEC, SWEEP

    spec = run / (SPEC if (run / SWEEP).is_file() else RESOLVED)
    try:
        return " ".join([str(run), *(f"--plugin {shlex.quote(str(file))}" for file in plugins_of(spec))])
    except NumbannError:
        return str(run)


def as_typed(message: str, typed: Sequence[str]) -> str:
    """Return a message with the options that were typed in the place of overrides."""
    options = {one.partition("=")[0] for one in typed}

    def option(found: re.Match[str]) -> str:
        own = f"--{found[1].rpartition('.')[2]}"
        return own if found[1] in FLAGS and own in options else f"--set {found[1]}"

    return re.sub(r'overrides\["([^"]*)"\]', option, message)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    help_line = f"\nsee: {context.command_path} --help" if context is not None else ""
    return error.format_message() + help_line


def printable(text: str) -> str:
    """Return a text of several lines without what a terminal would obey; it may quote a file of anybody."""
    return CONTROLS.sub("?", text)


def _say(message: str, head: str = ERROR) -> None:
    for line in printable(message).splitlines():
        print(line if line.startswith(" ") else f"{head}: {line}", file=sys.stderr)  # a picture of a place stands alone
