"""Growth of numbann's time with width, batch, depth, rows and threads, and under another process's load.

    python benchmarks/scaling.py [--json out.json] [--plot out.png]

Times are those of a step unless stated otherwise.  Each factor compares a case with the first of its group, beside the
factor that the arithmetic of the matrix products, or the number of processors, would give.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numbann_runs
from nets import NETS, Net
from report import alternate, options, plot_bars, processors, show, write

BUSY = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [int(sys.argv[1])])
while True:
    pass
"""


@dataclass(frozen=True)
class Case:
    """One way to train; work is what its time should be proportional to, loaded means beside a busy process."""

    group: str
    name: str
    net: Net
    work: float
    threads: int | str = "auto"
    loaded: bool = False
    per: str = "step"

    def seconds(self, folder: Path) -> float:
        """Seconds a step, or a row."""
        with busy_processor() if self.loaded else tempfile.TemporaryFile():
            seconds = numbann_runs.epoch_seconds(self.net, folder, self.threads)
        return seconds / (self.net.steps if self.per == "step" else self.net.rows)


@contextmanager
def busy_processor() -> Iterator[None]:
    """A foreign process that keeps the last processor busy."""
    process = subprocess.Popen([sys.executable, "-c", BUSY, str(processors()[-1])])
    try:
        time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.wait()


def cases() -> Iterator[Case]:
    """Every case, the first of each group being what the others are compared with."""
    m, large = NETS["M"], NETS["L"]
    for units in (512, 1024, 2048):
        net = replace(large, widths=(784, units, units, 10))
        yield Case("width of L", f"{units} units", net, net.step_flops)
    for rows in (128, 256, 512):
        net = replace(large, batch=rows)
        yield Case("batch of L", f"{rows} rows", net, net.step_flops)
    for depth in (1, 2, 4, 8):
        net = replace(m, widths=(784, *[256] * depth, 10))
        yield Case("depth of 256 units", f"{depth} hidden", net, net.step_flops)
    for rows in (6_000, 60_000):
        yield Case("rows of M, time a row", f"{rows} rows", replace(m, rows=rows), 1, per="row")
    cores = len(processors())
    for net in (m, large):
        for threads in sorted({1, 2, 4, cores}):
            yield Case(f"threads of {net.name}", f"{threads}", net, 1 / min(threads, cores), threads)
    for name, threads, loaded in (
        ("1 thread", 1, 0),
        ("all threads", cores, 0),
        ("1, loaded", 1, 1),
        ("all, loaded", cores, 1),
    ):
        free = cores - 0.5 * loaded
        yield Case("M beside a busy process", name, m, 1 / min(threads, free), threads, bool(loaded))


def row(case: Case, first: Case, times: dict[Case, float]) -> dict[str, Any]:
    """A case's time and its factor to the first of its group."""
    factor, expected = times[case] / times[first], case.work / first.work
    return {
        "group": case.group,
        "case": case.name,
        "us": times[case] * 1e6,
        "factor": factor,
        "expected": expected,
        "factor / expected": factor / expected,
    }


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    given = options(__doc__, rounds=3).parse_args()
    every = list(cases())
    first: dict[str, Case] = {}
    for case in every:
        first.setdefault(case.group, case)
    with tempfile.TemporaryDirectory() as folder:
        once = {case: lambda case=case: case.seconds(Path(folder)) for case in every}
        times = alternate(once, given.rounds)
    rows = [row(case, first[case.group], times) for case in every]
    show("how time grows", rows)
    write(given.json, scaling=rows)
    if given.plot:
        values = {f"{row['group']}: {row['case']}": row["factor / expected"] for row in rows}
        plot_bars(given.plot, "how time grows", values, "measured factor / expected factor")


if __name__ == "__main__":
    main()
