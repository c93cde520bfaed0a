"""One training over the ranks of MPI, against the threads of one process and against PyTorch's DDP over gloo.

    python benchmarks/ranks.py [--net L] [--batch 2048] [--ranks 2] [--torch PYTHON] [--json out.json]

Every contestant has as many threads in all as there are ranks.  Times are those of a step in the best epoch of a
process, and the median over rounds, which alternate.  The hash is that of the weights: numbann's are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nets import NETS, Net
from report import alternate, options, show, write

EPOCHS, STEPS = 4, 4


def ours(net: Net, threads: int, ranks: str | None) -> dict[str, Any]:
    """Train in this process, or as one of some ranks."""
    import numbann_runs

    import numbann

    with tempfile.TemporaryDirectory() as folder:
        given = numbann_runs.spec(net, numbann_runs.data_file(net, Path(folder)), threads, EPOCHS)
        run = numbann.train(given, output=Path(folder) / "run", ranks=ranks, overrides={"train.select": None})
    weights = b"".join(array.tobytes() for pair in run.model.weights for array in pair)
    seconds = min(record["seconds"] for record in run.history) / net.steps
    return {"seconds": seconds, "hash": hashlib.sha256(weights).hexdigest()[:16]}


def ddp(net: Net, ranks: int) -> dict[str, Any]:
    """Train in PyTorch: a process for each rank with one thread, and gradients summed by gloo."""
    import torch.multiprocessing

    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_ddp_rank, (net, ranks, folder), nprocs=ranks)
        return json.loads(Path(folder, "found").read_text())


def _ddp_rank(rank: int, net: Net, ranks: int, folder: str) -> None:
    import peers
    import torch
    import torch.distributed
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    store = f"file://{folder}/store"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=ranks)
    x, y = (torch.from_numpy(array) for array in net.data())
    model, loss = peers.torch_model(net)
    step = peers.torch_eager_step(DistributedDataParallel(model), loss)
    best = float("inf")
    for epoch in range(EPOCHS):
        order = torch.randperm(net.rows, generator=torch.Generator().manual_seed(epoch))
        begun = time.perf_counter()
        for rows in order.split(net.batch):
            own = rows.tensor_split(ranks)[rank]
            step(x[own], y[own])
        best = min(best, (time.perf_counter() - begun) / net.steps)
    if rank == 0:
        Path(folder, "found").write_text(json.dumps({"seconds": best, "hash": ""}))
    torch.distributed.destroy_process_group()


def _is_first() -> bool:
    from mpi4py import MPI

    return bool(MPI.COMM_WORLD.Get_rank() == 0)


def process(*command: str) -> Callable[[], dict[str, Any]]:
    """A contestant in processes of its own, which print what they found."""

    def once() -> dict[str, Any]:
        told = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        found: dict[str, Any] = json.loads(told.stdout.splitlines()[0])
        return found

    return once


def main() -> None:
    """Measure, print a table, and write a JSON file if asked."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("--net", default="L", choices=NETS)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch")
    parser.add_argument("--work", help="of the processes that this script starts")
    given = parser.parse_args()
    net = replace(NETS[given.net], batch=given.batch, rows=STEPS * given.batch)
    if given.work:
        works = {
            "threads": lambda: ours(net, given.ranks, None),
            "ranks": lambda: ours(net, 1, "mpi"),
            "ddp": lambda: ddp(net, given.ranks),
        }
        found = works[given.work]()
        if given.work != "ranks" or _is_first():
            print(json.dumps(found))
        return
    same = ("--net", given.net, "--batch", str(given.batch), "--ranks", str(given.ranks), "--work")
    script, mpiexec = str(Path(__file__)), Path(sys.executable).with_name("mpiexec")
    start = str(mpiexec) if mpiexec.exists() else "mpiexec"
    contestants = {
        f"{given.ranks} threads": process(sys.executable, script, *same, "threads"),
        f"{given.ranks} ranks": process(start, "-n", str(given.ranks), sys.executable, script, *same, "ranks"),
    }
    if given.torch:
        contestants[f"PyTorch DDP, {given.ranks} processes"] = process(given.torch, script, *same, "ddp")
    hashes: dict[str, str] = {}

    def timed(name: str, once: Callable[[], dict[str, Any]]) -> Callable[[], float]:
        def seconds() -> float:
            found = once()
            hashes[name] = found["hash"]
            return float(found["seconds"])

        return seconds

    times = alternate({name: timed(name, once) for name, once in contestants.items()}, given.rounds)
    first = next(iter(times.values()))
    rows = [
        {"by": name, "ms a step": seconds * 1e3, "speed": first / seconds, "hash": hashes[name]}
        for name, seconds in times.items()
    ]
    show(f"{net}", rows)
    write(given.json, ranks=rows)


if __name__ == "__main__":
    main()
