"""Time of a training step inside an epoch: numbann against its peers, each in its best setting, in one run.

    python benchmarks/train_step.py [--nets TSMLWC] [--peers scikit-learn,JAX\\ scan] [--json out.json] [--plot out.png]

Rounds of all contestants alternate, and the median of the rounds counts, so that a busy machine is busy for all.
Peers that are not installed are left out.  numbann's time is that of its own history: a whole epoch with shuffling.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from peers import NETS, PEERS, Net

import numbann

Round = Callable[[], float]  # seconds of one epoch


def numbann_rounds(net: Net, folder: Path) -> Iterator[tuple[str, Round]]:
    """numbann on one thread and as it chooses itself."""
    x, y = net.data()
    np.savez(folder / f"{net.name}.npz", x=x, y=y)
    for threads in (1, "auto"):
        yield f"numbann {threads}", lambda threads=threads: _numbann_seconds(net, folder, threads)


def _numbann_seconds(net: Net, folder: Path, threads: int | str) -> float:
    """The median epoch of a short run."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        run = numbann.train(_spec(net, folder, threads), output=Path(output) / "run")
    return statistics.median(epoch["seconds"] for epoch in run.history[1:])


def _spec(net: Net, folder: Path, threads: int | str) -> dict[str, Any]:
    return {
        "name": net.name,
        "data": {
            "path": str(folder / f"{net.name}.npz"),
            "task": "classification" if net.classes else "regression",
            "scale": "none",
            "target_scale": "none",
            "split": {"validation": 0, "test": 0},
        },
        "model": {"layers": [{"units": units, "activation": net.activation} for units in net.widths[1:-1]]},
        "loss": "softmax_cross_entropy" if net.classes else "mse",
        "train": {"epochs": 6, "batch_size": net.batch or "full", "threads": threads},
    }


def peer_rounds(net: Net, names: list[str]) -> Iterator[tuple[str, Round]]:
    """Every peer that is installed, warmed up."""
    for name in names:
        try:
            for label, epoch in PEERS[name](net):
                epoch()
                yield f"{name} {label}".strip(), lambda epoch=epoch: _timed(epoch)
        except ImportError:
            continue


def _timed(epoch: Callable[[], None]) -> float:
    start = time.perf_counter()
    epoch()
    return time.perf_counter() - start


def measure(net: Net, names: list[str], rounds: int, folder: Path) -> dict[str, float]:
    """Microseconds a step of each contestant."""
    contestants = dict([*numbann_rounds(net, folder), *peer_rounds(net, names)])
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, one in contestants.items():
            seconds[name].append(one())
    return {name: statistics.median(found) / net.steps * 1e6 for name, found in seconds.items()}


def summary(found: dict[str, float]) -> tuple[float, str, float]:
    """numbann's best time, the best peer, and the ratio of that peer's time to numbann's."""
    ours = min(time for name, time in found.items() if name.startswith("numbann"))
    peers = {name: time for name, time in found.items() if not name.startswith("numbann")}
    best = min(peers, key=peers.__getitem__) if peers else "none"
    return ours, best, peers.get(best, float("nan")) / ours


def plot(results: dict[str, dict[str, float]], path: Path) -> None:
    """A bar for each net: how many times as long the best peer takes."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3))
    ratios = [summary(found)[2] for found in results.values()]
    axes.bar(list(results), ratios)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_ylabel("best peer's time / numbann's")
    figure.savefig(path, bbox_inches="tight", dpi=150)


def main() -> None:
    """Measure, print a table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", default="".join(NETS))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    results = {}
    print("| net | numbann (us a step) | best peer | its time | ratio |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.nets:
            found = measure(NETS[name], options.peers.split(","), options.rounds, Path(folder))
            results[name] = found
            ours, best, ratio = summary(found)
            print(f"| {name} | {ours:.1f} | {best} | {found.get(best, float('nan')):.1f} | {ratio:.1f} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": platform.processor(), "microseconds a step": results}, indent=1))
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
