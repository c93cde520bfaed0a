"""Several models of one spec: folds, an ensemble and a sweep, each in one command, on one thread and on all.

    python benchmarks/several_models.py [--rows 5000] [--epochs 50] [--json out.json] [--plot out.png]

A table of 128 numbers and 10 classes is written as CSV, and 128-64-10 is trained on it in batches of 32.  Times are
those of the whole command, from the file to its result, in milliseconds.  *One model* is a training of its own, in
memory.  `gained` is the time on one thread over that on all.  `in steps` is the share of the processor time on one
thread that goes by in epochs' steps; the rest reads the file, prepares each model, measures each epoch and writes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from report import alternate, options, plot_bars, processors, show, write

import numbann

INPUTS, CLASSES, UNITS = 128, 10, 64
FOLDS, MODELS, TRIALS = 5, 8, 16
RATES = {"optimizer.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}
Seconds = float  # in the steps of all epochs of all models
Command = Callable[[Mapping[str, Any], int], Seconds]


def write_table(path: Path, rows: int) -> None:
    """Write numbers and classes that follow from them, with noise."""
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, INPUTS))
    y = (x @ random.standard_normal((INPUTS, CLASSES)) + random.standard_normal((rows, CLASSES))).argmax(1)
    names = ",".join(f"x{k}" for k in range(INPUTS))
    lines = (",".join([*(f"{value:.4f}" for value in row), f"c{label}"]) for row, label in zip(x, y, strict=True))
    path.write_text(f"{names},y\n" + "\n".join(lines) + "\n")


def seconds_of(records: Iterable[Mapping[str, Any]]) -> Seconds:
    """The sum of what epochs, or models, say of their time."""
    return float(sum(record["seconds"] for record in records))


def one_model(spec: Mapping[str, Any], threads: int) -> Seconds:
    """A training of its own."""
    return seconds_of(numbann.train(spec, output=False, threads=threads).history)


def folds(spec: Mapping[str, Any], threads: int) -> Seconds:
    """`numbann cv`."""
    return seconds_of(numbann.cross_validate(spec, folds=FOLDS, threads=threads).folds)


def ensemble(spec: Mapping[str, Any], threads: int) -> Seconds:
    """`numbann train` of an ensemble, with its run directory."""
    run = numbann.train({**spec, "ensemble": {"folds": MODELS}}, output="run", force=True, threads=threads)
    return seconds_of(run.history)


def sweep(spec: Mapping[str, Any], threads: int) -> Seconds:
    """`numbann sweep`; the best trial is trained once more at its end."""
    asked = {"parameters": RATES, "search": {"type": "random", "trials": TRIALS}}
    found = numbann.sweep({**spec, "sweep": asked}, output="sweep", force=True, threads=threads)
    return seconds_of(found.table) + seconds_of(found.run.history)


COMMANDS: dict[str, tuple[Command, int]] = {
    "one model": (one_model, 1),
    f"folds ({FOLDS})": (folds, FOLDS),
    f"ensemble ({MODELS})": (ensemble, MODELS),
    f"sweep ({TRIALS} + 1)": (sweep, TRIALS + 1),
}


def measure(spec: Mapping[str, Any], rounds: int) -> list[dict[str, Any]]:
    """A row for each command."""
    most, rows = len(processors()), []
    for name, (command, models) in COMMANDS.items():
        used: list[tuple[float, float]] = []  # processor time, and that in steps, on one thread

        def once(command: Command = command, threads: int = 1, used: list[tuple[float, float]] = used) -> float:
            begun, at = time.perf_counter(), time.process_time()
            steps = command(spec, threads)
            used += [(time.process_time() - at, steps)] if threads == 1 else []
            return (time.perf_counter() - begun) * 1e3

        once()
        times = alternate({"one": once, "all": lambda once=once: once(threads=most)}, rounds)
        processor, steps = min(used)
        rows.append(
            {
                "command": name,
                "one thread, ms": times["one"],
                f"{most} threads, ms": times["all"],
                "gained": times["one"] / times["all"],
                "a model, ms of processor": processor * 1e3 / models,
                "in steps": f"{min(1.0, steps / processor):.0%}",
            }
        )
    return rows


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("--rows", type=int, default=5000, help="of the table")
    parser.add_argument("--epochs", type=int, default=50, help="of each model")
    given = parser.parse_args()
    spec = {
        "data": {"path": "table.csv", "target": "y"},
        "model": {"layers": [UNITS]},
        "train": {"epochs": given.epochs, "batch_size": 32},
    }
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            write_table(Path("table.csv"), given.rows)
            rows = measure(spec, given.rounds)
        finally:
            os.chdir(before)
    show(f"{given.rows} rows, {given.epochs} epochs", rows)
    write(given.json, rows=rows)
    if given.plot:
        plot_bars(given.plot, "several models", {row["command"]: row["gained"] for row in rows}, "times as fast")


if __name__ == "__main__":
    main()
