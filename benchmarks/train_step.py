"""Time of a training step inside an epoch: numbann against its peers, each in its best setting, in one run.

    python benchmarks/train_step.py [--nets TSMLWC] [--peers scikit-learn,JAX\\ scan] [--json out.json] [--plot out.png]

A round is a warm epoch and the median of some after it, for everybody.  Rounds of all contestants alternate, and the
median of the rounds counts, so that a busy machine is busy for all.  Peers that are not installed are left out.
numbann's time is that of its own history: a whole epoch with shuffling.  GFLOP/s count the matrix products alone; their
share is that of the fused multiply-adds which peak.py measures on as many processors, in the same run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ours
from nets import NETS, Net
from peak import peaks
from peers import PEERS
from report import Once, alternate, options, plot_ratios, show, write

Times = dict[str, float]  # microseconds a step of each contestant


def peer_rounds(net: Net, names: list[str]) -> Iterator[tuple[str, Once]]:
    """Every peer that is installed, compiled."""
    for name in names:
        try:
            for label, epoch in PEERS[name](net):
                epoch()
                yield f"{name} {label}".strip(), lambda epoch=epoch: _step_seconds(net, epoch)
        except ImportError:
            continue


def _step_seconds(net: Net, epoch: Callable[[], None]) -> float:
    """Seconds a step in the median of some epochs, after one to warm up."""
    seconds = []
    for _ in range(ours.EPOCHS + 1):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) / net.steps


def measure(net: Net, names: list[str], rounds: int, folder: Path) -> Times:
    """Microseconds a step of each contestant."""
    contestants: dict[str, Once] = {
        f"numbann {threads}": lambda threads=threads: ours.step_seconds(net, folder, threads) for threads in (1, "auto")
    }
    contestants.update(peer_rounds(net, names))
    return {name: seconds * 1e6 for name, seconds in alternate(contestants, rounds).items()}


def summary(net: Net, times: Times, peak: dict[str, float]) -> dict[str, Any]:
    """numbann's best time beside the best peer's, and how near it comes to the machine's peak."""
    peers = {name: time for name, time in times.items() if not name.startswith("numbann")} or {"none": float("nan")}
    best = min(peers, key=peers.__getitem__)
    alone, auto = times["numbann 1"], times["numbann auto"]
    return {
        "net (batch)": f"{net.name} {net}",
        "numbann us": min(alone, auto),
        "best peer": best,
        "its us": peers[best],
        "ratio": peers[best] / min(alone, auto),
        "MFLOP": net.step_flops / 1e6,
        "GFLOP/s": net.step_flops / min(alone, auto) / 1e3,
        "1 thread, % of one core": net.step_flops / alone / 1e3 / peak["one"] * 100,
        "auto, % of all cores": net.step_flops / auto / 1e3 / peak["all"] * 100,
    }


def main() -> None:
    """Measure, print tables, and write them where asked."""
    parser = options(__doc__)
    parser.add_argument("--nets", default="".join(NETS), help="their letters")
    parser.add_argument("--peers", default=",".join(PEERS), help="their names, with commas between")
    given = parser.parse_args()
    times, summaries = {}, []
    peak = peaks()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.nets:
            names = [peer for peer in given.peers.split(",") if peer]
            times[name] = measure(NETS[name], names, given.rounds, Path(folder))
            summaries.append(summary(NETS[name], times[name], peak))
            print(name, {contestant: round(time, 1) for contestant, time in times[name].items()}, flush=True)
    show("a training step", summaries)
    names = dict.fromkeys(contestant for found in times.values() for contestant in found)
    table = [{"us a step": name, **{net: found.get(name, "") for net, found in times.items()}} for name in names]
    show("all contestants", table)
    write(given.json, summary=summaries, microseconds=table, peak=[peak])
    if given.plot:
        points = {net: (row["MFLOP"] * 1e6, row["ratio"]) for net, row in zip(times, summaries, strict=True)}
        plot_ratios(given.plot, "time of a training step", {"training": points})


if __name__ == "__main__":
    main()
