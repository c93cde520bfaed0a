"""The parts that all benchmarks share: options, alternating rounds, a table, a JSON file, a picture."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
Once = Callable[[], float]  # one measurement, in seconds
SPAN = 0.05  # seconds that short calls are repeated for
REST = 0.02  # seconds between contestants, in which the spinning threads of the last one fall asleep
PACKAGES = "numbann numba llvmlite numpy scikit-learn torch jax optax onnx onnxruntime"


def options(document: str | None, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=(document or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each is measured; the median counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found, and the machine")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture (needs matplotlib)")
    return parser


def alternate(contestants: Mapping[str, Once], rounds: int) -> dict[str, float]:
    """The median of each one's measurements; the rounds of all alternate, so that a busy machine is busy for all."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, once in contestants.items():
            time.sleep(REST)
            found[name].append(once())
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def repeat(call: Callable[[], Any], prepare: Callable[[], Any] = lambda: None, clock: Once = time.perf_counter) -> Once:
    """A measurement of something short: the mean of as many calls as fill the span, after some to warm up.

    clock: time.thread_time for what one thread does, so that other programs count less.
    """
    prepare()
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() < start + SPAN:
        call()
        calls += 1

    def once() -> float:
        prepare()
        for _ in range(1 + calls // 4):
            call()
        start = clock()
        for _ in range(calls):
            call()
        return (clock() - start) / calls

    return once


def best_peer(times: Mapping[str, float], ours: float) -> dict[str, Any]:
    """The fastest contestant that is not numbann, and how many times as long as ours it takes."""
    peers = {name: time for name, time in times.items() if not name.startswith("numbann")}
    if not peers:
        return {"best peer": "none", "its us": None, "ratio": None}
    best = min(peers, key=peers.__getitem__)
    return {"best peer": best, "its us": peers[best], "ratio": peers[best] / ours}


def processors() -> list[int]:
    """The numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def machine() -> dict[str, Any]:
    """Processor, cores and versions."""
    versions = {}
    for name in PACKAGES.split():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor_name(),
        "cores": len(processors()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor_name() -> str:
    """What the processor calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows, which have the same keys, as a table in Markdown."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.MARKDOWN)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    print(f"\n{title}")
    Console(width=None if Console().is_terminal else 200).print(table)


def _text(value: Any) -> str:
    """A cell: numbers with three digits that count."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(path: Path | None, **tables: Sequence[Row]) -> None:
    """Write tables and the machine to a JSON file, if one was asked for."""
    if path:
        path.write_text(json.dumps({"machine": machine(), **tables}, indent=1) + "\n", encoding="utf-8")


def axes(title: str) -> Any:
    """Empty axes of a new picture."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(6, 3.5)).subplots()
    made.set_title(title)
    return made


def save(axes: Any, path: Path) -> None:
    """Write the picture of the axes."""
    axes.figure.savefig(path, bbox_inches="tight", dpi=150)


def plot_ratios(path: Path, title: str, series: Mapping[str, Mapping[str, tuple[float, float]]]) -> None:
    """How many times as long the best peer takes, by size: {series: {net: (size, ratio)}}."""
    made = axes(title)
    for label, points in series.items():
        sizes, ratios = zip(*points.values(), strict=True)
        made.scatter(sizes, ratios, label=label)
        for net, point in points.items():
            made.annotate(net, point, textcoords="offset points", xytext=(5, 4))
    made.axhline(1, color="black", linewidth=0.8)
    made.set(xscale="log", xlabel="floating-point operations", ylabel="best peer's time / numbann's", ylim=(0, None))
    made.legend()
    save(made, path)


def plot_bars(path: Path, title: str, values: Mapping[str, float], label: str) -> None:
    """A bar for each value, downwards in their order."""
    made = axes(title)
    made.figure.set_figheight(1 + 0.25 * len(values))
    made.barh(list(values), list(values.values()))
    made.invert_yaxis()
    made.set_xlabel(label)
    save(made, path)
