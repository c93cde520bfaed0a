"""Time of a training step inside an epoch: numbann beside its peers, each in its best setting, in one run.

    python benchmarks/train_step.py [--nets TSMLWC] [--peers scikit-learn,JAX\\ scan] [--json out.json] [--plot out.png]
                                    [--dtype bfloat16]

With --dtype bfloat16 numbann and its peers multiply bfloat16, and numbann's times in float32 are beside them.

A round is some epochs to warm up and the median of the epochs after them, for every contestant.  Their rounds
alternate, and the median of the rounds counts, so that a busy machine is busy for all.  Peers that are not installed
are left out.  numbann's time is that of its own history: a whole epoch with shuffling.  GFLOP/s count the matrix
products alone; their share is that of the multiply-adds which peak.py measures on as many processors, in the same run.

Run it more than once: some virtual machines now and then leave all threads of a process on one processor, and then all
times with more than one thread are about twice as long for the whole run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nets import NETS, Net
from numbann_runs import epoch_seconds, epochs_of_a_round
from peak import peaks
from peers import PEERS, PEERS_IN_BFLOAT16, thread_counts
from report import Once, alternate, best_peer, options, plot_ratios, show, write

Times = dict[str, float]  # microseconds a step of each contestant
EVERY = PEERS | PEERS_IN_BFLOAT16


def peer_rounds(net: Net, names: list[str]) -> Iterator[tuple[str, Once]]:
    """Every peer that is installed, compiled."""
    for name in names:
        try:
            for label, epoch in EVERY[name](net):
                epoch()
                yield (
                    f"{name} {label}".strip(),
                    lambda epoch=epoch: _epoch_seconds(epoch, *epochs_of_a_round(net)),
                )
        except ImportError:
            continue


def _epoch_seconds(epoch: Callable[[], None], warm: int, timed: int) -> float:
    """Seconds of the median of some epochs, after others to warm up."""
    seconds = []
    for _ in range(warm + timed):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[warm:])


def measure(net: Net, names: list[str], rounds: int, folder: Path, dtype: str) -> Times:
    """Microseconds a step of each contestant."""
    contestants: dict[str, Once] = {
        f"numbann {threads}": lambda threads=threads: epoch_seconds(net, folder, threads, {"model.dtype": dtype})
        for threads in (*thread_counts(), "auto")
    }
    if dtype != "float32":
        contestants["numbann float32"] = lambda: epoch_seconds(net, folder, "auto")
    contestants.update(peer_rounds(net, names))
    return {name: seconds / net.steps * 1e6 for name, seconds in alternate(contestants, rounds).items()}


def summary(net: Net, times: Times, peak: dict[str, float]) -> dict[str, Any]:
    """numbann's time, with threads as it chooses them, beside the best peer's, and its share of the machine's peak.

    The peak is that of multiply-adds in float32, of which bfloat16 may take half the time.
    """
    rates = {name: net.step_flops / time / 1e3 for name, time in times.items()}
    return {
        "net (batch)": f"{net.name} {net}",
        "numbann us": times["numbann auto"],
        **best_peer(times, times["numbann auto"]),
        **({"to float32": times["numbann float32"] / times["numbann auto"]} if "numbann float32" in times else {}),
        "MFLOP": net.step_flops / 1e6,
        "GFLOP/s": rates["numbann auto"],
        "% of peak, 1 thread": rates["numbann 1"] / peak["one"] * 100,
        "% of peak, all": rates[f"numbann {thread_counts()[-1]}"] / peak["all"] * 100,
    }


def main() -> None:
    """Measure, print tables, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("--nets", default="".join(NETS), help="their letters")
    parser.add_argument("--peers", help="their names, with commas between; by default those of the dtype")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"), help="of numbann's products")
    given = parser.parse_args()
    peers = PEERS_IN_BFLOAT16 if given.dtype == "bfloat16" else PEERS
    names = [peer for peer in (",".join(peers) if given.peers is None else given.peers).split(",") if peer]
    times, summaries = {}, []
    peak = peaks()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.nets:
            times[name] = measure(NETS[name], names, given.rounds, Path(folder), given.dtype)
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
