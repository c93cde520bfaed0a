"""Time of a training step on a GPU: numbann beside PyTorch and JAX on the same GPU, and numbann on the CPU.

    python benchmarks/on_gpu.py [--nets TSMLWH] [--json out.json] [--plot out.png]

PyTorch is timed eager, compiled, and as a CUDA graph of the whole step; JAX as a scan over the epoch.  All use float32
with TF32 off, with the data on the GPU and rows shuffled there.  GFLOP/s count the matrix products alone, as a share of
the card's peak by its clock and its number of lanes.  `products` times numbann's own matrix product beside cuBLAS.  If
nvmath-python is installed, numbann leaves large products to cuBLAS, and is also timed with its own products alone.
Peers that are not installed are left out.  Without a GPU the script says so and measures nothing.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from nets import NETS, Net
from numbann_runs import epoch_seconds, epochs_of_a_round
from peers import jax_scan, torch_eager_step, torch_model
from report import alternate, best_peer, options, plot_ratios, show, write

from numbann.errors import DeviceError

WIDE = {"H": Net("H", (4096, 4096, 4096, 10), 1024, 4_096)}
CHOICE = {**{name: NETS[name] for name in "TSMLW"}, **WIDE}
LANES = {(7, 5): 64, (8, 0): 64}  # float32 lanes of a multiprocessor by capability; 128 on all later ones
SIZES = (512, 1024, 2048, 4096)
Epoch = Callable[[], None]


def gpu() -> tuple[str, float]:
    """The GPU's name, and how many float32 GFLOP/s it can do by its clock; DeviceError if there is none."""
    from numbann.cuda.threads import device

    device.require()
    card = device.cuda.get_current_device()
    lanes = LANES.get(tuple(card.compute_capability), 128)
    return device.name(), card.MULTIPROCESSOR_COUNT * lanes * 2 * card.CLOCK_RATE / 1e6


@contextlib.contextmanager
def own_products() -> Iterator[None]:
    """Let no product be large enough for cuBLAS."""
    from numbann.cuda.threads import cublas

    before, cublas.OPERATIONS = cublas.OPERATIONS, sys.maxsize
    try:
        yield
    finally:
        cublas.OPERATIONS = before


# ---- training


def _torch() -> Any:
    """PyTorch without TF32; ImportError if it is not one for GPUs."""
    import torch

    if not torch.cuda.is_available():
        raise ImportError("PyTorch finds no GPU")
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch


def torch_epochs(net: Net) -> Iterator[tuple[str, Epoch]]:
    """PyTorch in its three ways."""
    torch = _torch()
    x, y = (torch.from_numpy(array).cuda() for array in net.data())
    for name, make in {"eager": _eager, "compiled": _compiled, "CUDA graph": _graph}.items():
        step = make(torch, net, x[: net.batch], y[: net.batch])

        def epoch(step: Any = step) -> None:
            order = torch.randperm(net.rows, device="cuda")[: net.steps * net.batch]
            for rows in order.split(net.batch):
                step(x.index_select(0, rows), y.index_select(0, rows))
            torch.cuda.synchronize()

        yield f"PyTorch {name}", epoch


def _eager(torch: Any, net: Net, x: Any, y: Any, compiled: bool = False) -> Any:
    model, loss = torch_model(net)
    return torch_eager_step(model.cuda(), loss, compiled, capturable=True)


def _compiled(torch: Any, net: Net, x: Any, y: Any) -> Any:
    return _eager(torch, net, x, y, compiled=True)


def _graph(torch: Any, net: Net, x: Any, y: Any) -> Any:
    step, inputs, target = _eager(torch, net, x, y), x.clone(), y.clone()
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            step(inputs, target)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(inputs, target)

    def replay(a: Any, b: Any) -> None:
        inputs.copy_(a)
        target.copy_(b)
        graph.replay()

    return replay


def jax_epochs(net: Net) -> Iterator[tuple[str, Epoch]]:
    """JAX, if it is one for GPUs."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else it takes most of the memory from all others
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    if jax.default_backend() == "gpu":
        yield from ((f"JAX scan {label}".strip(), epoch) for label, epoch in jax_scan(net))


def measure(net: Net, rounds: int, folder: Path) -> dict[str, float]:
    """Microseconds a step of each contestant."""
    contestants: dict[str, Callable[[], float]] = {
        f"numbann {device}": lambda device=device: epoch_seconds(net, folder, "auto", {"train.device": device})
        for device in ("cuda", "cpu")
    }
    from numbann.cuda.threads import cublas

    if cublas.is_installed():
        contestants["numbann cuda, own products"] = own_products()(contestants["numbann cuda"])
    for peer in (torch_epochs, jax_epochs):
        try:
            for name, epoch in peer(net):
                epoch()
                contestants[name] = lambda epoch=epoch: _seconds(epoch, *epochs_of_a_round(net))
        except ImportError:
            continue
    return {name: seconds / net.steps * 1e6 for name, seconds in alternate(contestants, rounds).items()}


def _seconds(epoch: Epoch, warm: int, timed: int) -> float:
    """Seconds of the median of some epochs, after others to warm up."""
    seconds = []
    for _ in range(warm + timed):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[warm:])


def summary(net: Net, times: dict[str, float], peak: float) -> dict[str, Any]:
    """numbann's time on the GPU beside the best peer's and its own on the CPU."""
    own = times["numbann cuda"]
    rate = net.step_flops / own / 1e3
    return {
        "net (batch)": f"{net.name} {net}",
        "numbann us": own,
        **best_peer(times, own),
        "CPU us": times["numbann cpu"],
        "MFLOP": net.step_flops / 1e6,
        "GFLOP/s": rate,
        "% of peak": rate / peak * 100,
    }


# ---- products


def products(size: int, peak: float, rounds: int) -> dict[str, Any]:
    """A product of two square matrices: numbann's, and cuBLAS's by PyTorch."""
    from numbann.cuda.threads import cublas
    from numbann.cuda.threads.device import cuda
    from numbann.kernels import cuda as kernels

    a, b = (np.random.default_rng(k).standard_normal((size, size), np.float32) for k in range(2))
    left, right, out = cuda.to_device(a), cuda.to_device(b), cuda.device_array((size, size), np.float32)
    with own_products():
        found = {"numbann": _per_call(cuda, lambda: kernels.matmul(left, right, out=out), rounds)}
    if cublas.is_installed():
        found["numbann by cuBLAS"] = _per_call(cuda, lambda: kernels.matmul(left, right, out=out), rounds)
    try:
        torch = _torch()
        x, y = torch.from_numpy(a).cuda(), torch.from_numpy(b).cuda()
        result = torch.empty_like(x)
        found["cuBLAS"] = _per_call(cuda, lambda: torch.mm(x, y, out=result), rounds)
    except ImportError:
        pass
    rates = {name: 2 * size**3 / seconds / 1e9 for name, seconds in found.items()}
    row = {"size": size, **{f"{name} GFLOP/s": rate for name, rate in rates.items()}}
    row["% of peak"] = rates["numbann"] / peak * 100
    return row | ({"% of cuBLAS": rates["numbann"] / rates["cuBLAS"] * 100} if "cuBLAS" in rates else {})


def _per_call(cuda: Any, call: Callable[[], Any], rounds: int, calls: int = 10) -> float:
    """Seconds of a call; several are between two waits for the GPU, and the median of the rounds counts."""
    call()
    seconds = []
    for _ in range(rounds):
        cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        cuda.synchronize()
        seconds.append((time.perf_counter() - start) / calls)
    return statistics.median(seconds)


def main() -> None:
    """Measure, print tables, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("--nets", default="".join(CHOICE), help="their letters")
    given = parser.parse_args()
    try:
        name, peak = gpu()
    except DeviceError as error:
        sys.exit(f"nothing was measured: {error}")
    print(f"{name}: {peak / 1e3:.1f} float32 TFLOP/s by its clock", flush=True)
    times, summaries = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for letter in given.nets:
            times[letter] = measure(CHOICE[letter], given.rounds, Path(folder))
            summaries.append(summary(CHOICE[letter], times[letter], peak))
            print(letter, {contestant: round(one, 1) for contestant, one in times[letter].items()}, flush=True)
    show(f"a training step on {name}", summaries)
    square = [products(size, peak, given.rounds) for size in SIZES]
    show("a product of square matrices", square)
    write(given.json, summary=summaries, microseconds=[{"gpu": name, **times}], products=square)
    if given.plot:
        points = {
            net: (row["MFLOP"] * 1e6, row["CPU us"] / row["numbann us"])
            for net, row in zip(times, summaries, strict=True)
        }
        plot_ratios(given.plot, f"time of a training step, CPU / {name}", {"training": points})


if __name__ == "__main__":
    main()
