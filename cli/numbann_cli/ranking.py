"""`--ranks mpi`: rank 0 prints, the others are silent unless one of them fails alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from numbann_cli import failures


@contextmanager
def ranking(given: str | None) -> Iterator[Any]:
    """Yield the ranks that train together; None without the option."""
    if given is None:
        yield None
        return
    from numbann.training.ranks import leads, ranked

    stderr = sys.stderr

    def report(error: BaseException, rank: str) -> None:
        with redirect_stderr(stderr):
            if isinstance(error, KeyboardInterrupt):
                failures.report_interruption(error)
            elif isinstance(error, Exception):
                failures.report(error, rank)

    with ranked(given, report) as ranks:
        if leads(ranks):
            yield ranks
            return
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield ranks
