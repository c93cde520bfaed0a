"""`fit_many` trains many jobs in one call, one thread each; each network has the bits that it has alone."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from threading import Event

import numpy as np

from numbann.engine.devices import DEFAULT, check_threads, device_of
from numbann.engine.shared.processors import available_cpus
from numbann.errors import NumbannError, ShapeError
from numbann.fit.fitting import Fitted, fit_by_epochs
from numbann.fit.job import Job
from numbann.turns import Turns


def fit_many(
    jobs: Iterable[Job],
    *,
    rows: Sequence[np.ndarray | None] | None = None,
    device: str = "auto",
    threads: int | str = "auto",
) -> list[Fitted]:
    """Train several jobs, such as networks of one plan with other seeds, rates or rows; return them in their order.

    rows: of each job, as of `fit`; None: all rows of every job.  threads: how many there are for all jobs together; a
    GPU trains one job at a time.  No bit depends on it, nor on the other jobs, whose data may be the same arrays.
    The error of a job ends the others too, and says which job it is.
    """
    jobs = _checked(jobs)
    check_threads(threads)
    if rows is not None and len(rows) != len(jobs):
        raise ShapeError(f"rows are those of {len(rows)} jobs; give those of {len(jobs)}, or None for all rows")
    on_gpu = device_of(device) is not DEFAULT
    most = min(available_cpus(), available_cpus() if threads == "auto" else int(threads))
    working = 1 if on_gpu else max(1, min(len(jobs), most))
    each, stop, places = threads if on_gpu else most // working, Event(), range(1, len(jobs) + 1)
    given = [None] * len(jobs) if rows is None else rows

    def train(place: int, job: Job, own: np.ndarray | None) -> Generator[float, None, Fitted]:
        try:
            return (yield from fit_by_epochs(job, own, device, each, stop))
        except NumbannError as error:
            raise type(error)(f"job {place} of {len(jobs)}: {error}") from error.__cause__

    with Turns(working) as turns:
        try:
            asked = [turns.submit(train, *one) for one in zip(places, jobs, given, strict=True)]
            ended = wait(asked, return_when=FIRST_EXCEPTION).done
            return [future.result() for future in (asked if len(ended) == len(asked) else ended)]
        finally:
            stop.set()
            turns.shutdown(cancel_futures=True)


def _checked(given: Iterable[Job]) -> list[Job]:
    """The jobs as a list; TypeError for what is none."""
    if isinstance(given, str | Job) or not isinstance(given, Iterable):
        raise TypeError(f"jobs is a {type(given).__name__}; give a list of Jobs")
    jobs = list(given)
    for place, job in enumerate(jobs):
        if not isinstance(job, Job):
            raise TypeError(f"job {place + 1} of {len(jobs)} is a {type(job).__name__}; give Jobs")
    return jobs
