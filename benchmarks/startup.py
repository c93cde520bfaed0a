"""Whole processes: how long imports and small runs take, and how much memory they need at their peak.

    python benchmarks/startup.py [--fashion FOLDER] [--json out.json] [--plot out.png]

A small spec and that of the handwritten digits are trained with an empty cache, as on the day of installation, and
again; then one row is predicted.  "cpu s" is the least processor time of a process, which a busy machine changes least,
and "ratio" that over the time of `import numba`; the helper of a first run is not in it.  "steps s" is the time of the
training's steps alone.  With the folder of the four IDX files of Fashion-MNIST, numbann trains 784-256-128-10 on it,
and so does PyTorch in the plainest way.  The peak of resident memory is never less than this script's own, about 30 MB.
A round takes some ten seconds if all peers are there, and one that is not counted comes first: --rounds 2 is short.
os.wait4 is needed, so Linux or macOS.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from report import alternate, options, plot_bars, show, write

EPOCHS = 2
LIGHT = "import sys, numbann; sys.exit('numba' in sys.modules and 'import numbann imports numba')"
PEERS = ("sklearn.neural_network", "jax", "torch")
TRAIN = [sys.executable, "-m", "numbann_cli.main", "train"]
COMPILER = "import numba"
DIGITS = Path(__file__).parents[1] / "examples" / "digits.json"


@dataclass
class Program:
    """A command to run again and again, each time with an empty cache for kernels if `cold`; it must not fail.

    run: the run directory that it writes.
    """

    command: list[str]
    cache: Path
    cold: bool = False
    run: Path | None = None
    peaks: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    said: str = ""

    def __call__(self) -> float:
        """Seconds of the whole process; its processor time, and its peak of memory in MB, are added to the lists."""
        cache = tempfile.mkdtemp(dir=self.cache) if self.cold else str(self.cache)
        with tempfile.TemporaryFile("w+") as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                self.command, env={**os.environ, "NUMBANN_CACHE_DIR": cache}, stdout=output, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            self.said = output.read()
        if process.returncode:
            sys.exit(f"{' '.join(self.command)} failed:\n{self.said}")
        self.cpu.append(usage.ru_utime + usage.ru_stime)
        self.peaks.append(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))
        return seconds

    def row(self, name: str, seconds: float, compiler: float) -> dict[str, Any]:
        """What was found, with what the program said of compiling; compiler: processor time of its import."""
        built = [line.strip() for line in self.said.splitlines() if "kernel" in line]
        return {
            "process": name,
            "seconds": seconds,
            "steps s": self.steps(),
            "cpu s": min(self.cpu),
            "ratio": min(self.cpu) / compiler,
            "peak MB": statistics.median(self.peaks),
            "says": built[0] if built else "",
        }

    def steps(self) -> float | str:
        """Seconds of the steps of the last training."""
        if self.run is None:
            return ""
        lines = (self.run / "history.jsonl").read_text(encoding="utf-8").splitlines()
        return float(sum(json.loads(line)["seconds"] for line in lines))


def imports(cache: Path) -> dict[str, Program]:
    """An empty program, and the import of numbann and of each peer that is installed."""
    lines = {"pass": "pass", "import numbann (without numba)": LIGHT, "import numpy": "import numpy"}
    lines[COMPILER] = COMPILER
    lines |= {f"import {name}": f"import {name}" for name in PEERS if importlib.util.find_spec(name.partition(".")[0])}
    return {name: Program([sys.executable, "-c", line], cache) for name, line in lines.items()}


def trainings(name: str, spec: Mapping[str, Any], scratch: Path) -> dict[str, Program]:
    """`numbann train` of a spec with an empty cache and with a full one."""
    path = scratch / f"{name}.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return commands(name, path, scratch)


def commands(name: str, spec: Path, scratch: Path) -> dict[str, Program]:
    """`numbann train` of a file with an empty cache and with a full one."""
    run = scratch / name
    command = [*TRAIN, str(spec), "-o", str(run), "--force"]
    return {
        f"numbann train {name}, first run": Program(command, scratch, cold=True, run=run),
        f"numbann train {name}": Program(command, scratch / "cache", run=run),
    }


def prediction(scratch: Path) -> dict[str, Program]:
    """`numbann predict` of one row of the digits."""
    row = scratch / "row.csv"
    with (DIGITS.parent / "data" / "digits.csv").open(encoding="utf-8") as rows:
        row.write_text(next(rows) + next(rows), encoding="utf-8")
    command = [*TRAIN[:-1], "predict", str(scratch / "digits"), str(row)]
    return {"numbann predict digits, one row": Program(command, scratch / "cache")}


def small_spec(scratch: Path) -> dict[str, Any]:
    """Two classes of 200 points, which are written to the folder, and 8 hidden units."""
    draw = random.Random(0)
    lines = ["x,y,inside"]
    for _ in range(200):
        x, y = draw.gauss(0, 1), draw.gauss(0, 1)
        lines.append(f"{x:.3f},{y:.3f},{'yes' if x * x + y * y < 1.4 else 'no'}")
    path = scratch / "points.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "data": {"path": str(path), "target": "inside"},
        "model": {"layers": [{"units": 8, "activation": "tanh"}]},
        "train": {"epochs": EPOCHS},
    }


def fashion_spec(folder: Path) -> dict[str, Any]:
    """Net M on Fashion-MNIST, tested at the end."""
    from fashion_mnist import BATCH, HIDDEN, source

    return {
        "data": {
            "path": {"train": source(folder, "train"), "test": source(folder, "t10k")},
            "split": {"validation": 0},
        },
        "model": {"layers": [{"units": units, "activation": "relu"} for units in HIDDEN]},
        "train": {"epochs": EPOCHS, "batch_size": BATCH},
    }


def programs(scratch: Path, fashion: Path | None) -> dict[str, Program]:
    """Everything to run."""
    (scratch / "cache").mkdir()
    found = imports(scratch) | trainings("small", small_spec(scratch), scratch)
    found |= commands("digits", DIGITS, scratch) | prediction(scratch)
    if fashion:
        found |= trainings("fashion-mnist", fashion_spec(fashion.resolve()), scratch)
        if importlib.util.find_spec("torch"):
            file = str(Path(__file__).with_name("fashion_torch.py"))
            found["PyTorch fashion-mnist"] = Program([sys.executable, file, str(fashion), str(EPOCHS)], scratch)
    return found


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("--fashion", type=Path, metavar="FOLDER", help="train on Fashion-MNIST too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        # Python finds its files compiled, as it does after an installation
        os.environ.update(PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(Path(scratch) / "bytecode"))
        every = programs(Path(scratch), given.fashion)
        for program in every.values():  # once, so that files are read from memory and caches are full
            program()
        times = alternate(every, given.rounds)
        compiler = min(every[COMPILER].cpu)
        rows = [every[name].row(name, seconds, compiler) for name, seconds in times.items()]
    show("whole processes", rows)
    write(given.json, startup=rows)
    if given.plot:
        plot_bars(given.plot, "whole processes", times, "seconds")


if __name__ == "__main__":
    main()
