"""A training step in bfloat16 and in float32, of numbann and of PyTorch, on one thread.

    python benchmarks/bfloat16.py [--nets SML] [--json out.json] [--plot out.png]

Figures are the processor time of an epoch over its steps, which other programs disturb little; the median of rounds
that alternate.  PyTorch is left out where it is not installed.  train_step.py --dtype bfloat16 has the wall times of
all threads and peers.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from many_nets import make_job
from nets import NETS, Net
from peers import RATE, torch_eager
from report import Once, alternate, options, plot_bars, show, write

from numbann.engine.devices import make_engine

Epoch = Callable[[], Any]
DTYPES = ("float32", "bfloat16")


def numbann_epoch(net: Net, dtype: str) -> Epoch:
    """An epoch of numbann."""
    engine = make_engine(replace(make_job(net).plan, products=dtype), "cpu", 1)
    engine.initialize(0)
    engine.load_data(*net.data())
    numbers, rates = itertools.count(), np.full(net.steps, RATE)
    return lambda: engine.epoch(next(numbers), rates)


def torch_epoch(net: Net, dtype: str) -> Epoch:
    """An epoch of PyTorch, by autocast where that is bfloat16."""
    return next(epoch for _, epoch in torch_eager(net, rounds=dtype == "bfloat16"))


def measured(net: Net, epoch: Epoch) -> Once:
    """The processor time of a step, after an epoch to warm up."""
    epoch()

    def once() -> float:
        start = time.process_time()
        epoch()
        return (time.process_time() - start) / net.steps

    return once


def rows(net: Net, rounds: int) -> dict[str, Any]:
    """A row of the table."""
    contestants = {f"numbann {dtype}": measured(net, numbann_epoch(net, dtype)) for dtype in DTYPES}
    with contextlib.suppress(ImportError):
        contestants |= {f"PyTorch {dtype}": measured(net, torch_epoch(net, dtype)) for dtype in DTYPES}
    times = {name: seconds * 1e6 for name, seconds in alternate(contestants, rounds).items()}
    ours = times["numbann bfloat16"]
    ratios = {f"{name} : ours": time / ours for name, time in times.items() if name != "numbann bfloat16"}
    return {"us a step": f"{net.name} {net}", **times, **ratios}


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("--nets", default="SML", help="their letters")
    given = parser.parse_args()
    found = [rows(NETS[name], given.rounds) for name in given.nets]
    show("a training step on one thread", found)
    write(given.json, found=found)
    if given.plot:
        gains = {row["us a step"]: row["numbann float32 : ours"] for row in found}
        plot_bars(given.plot, "a training step on one thread", gains, "float32 over bfloat16")


if __name__ == "__main__":
    main()
