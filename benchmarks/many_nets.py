"""Many networks of one shape at once, each from its own seed: numbann's `fit_many` beside vmap and joblib.

    python benchmarks/many_nets.py [--nets 8] [--peers JAX\\ vmap] [--json out.json] [--plot out.png]

Figures are microseconds a step of one network: the wall time of some epochs of all, over all of their steps.  A slow
peer trains fewer epochs, so that the whole script takes about three minutes on two cores.  Every network sees the rows
in an order of its own.  numbann's time holds everything from arrays to trained networks.  A peer is compiled, and its
processes are started, before it is timed.  The second table is the throughput of networks on all processors, over that
of one network on one thread.  The last one has the least processor time of this process, which other programs on the
machine lengthen less; that of joblib's processes is not in it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from nets import NETS, Net
from peers import RATE, jax_step_function, torch_model
from report import alternate, best_peer, options, plot_bars, processors, show, write

from numbann.components.built_in import built_in
from numbann.fit import Job, Rows, fit_many
from numbann.network.description import Dense, Network
from numbann.network.plan import build

ALONE = "numbann, one alone"
MOST, SECONDS = 10, 1.0  # the most epochs of a measurement, and how long it is to take if one epoch allows that
OTHER = Net("N", (128, 64, 10), 32, 9_600)
Epochs = Callable[[int], object]  # trains some epochs of all networks
Peer = Callable[[Net, int], Iterator[tuple[str, Epochs]]]
Times = dict[str, float]


def make_job(net: Net) -> Job:
    """The net as a job of numbann, with Adam."""
    get, (x, t) = built_in().configured, net.data()
    hidden = [Dense(units, get("activation", net.activation)) for units in net.widths[1:-1]]
    loss, adam = get("loss", "softmax_cross_entropy"), get("optimizer", "adam")
    layers = (*hidden, Dense(net.widths[-1]))
    network = Network(inputs=net.widths[0], layers=layers, loss=loss, optimizer=adam, batch_size=net.batch)
    return Job(build(network), Rows(x, t), learning_rate=RATE)


def numbann_many(net: Net, count: int, threads: int | str = "auto") -> Epochs:
    """numbann's part."""
    job = make_job(net)
    jobs = [replace(job, plan=replace(job.plan, seed=seed)) for seed in range(count)]
    return lambda epochs: fit_many([replace(job, epochs=epochs) for job in jobs], threads=threads)


def orders(net: Net, count: int) -> np.ndarray:
    """The rows of each batch of an epoch, (steps, networks, B), in an order for each network."""
    random = np.random.default_rng()
    found = [random.permutation(net.rows)[: net.steps * net.batch].reshape(net.steps, net.batch) for _ in range(count)]
    return np.stack(found, axis=1).astype(np.int32)


def jax_vmap(net: Net, count: int) -> Iterator[tuple[str, Epochs]]:
    """JAX with optax, an epoch of all networks in one compiled lax.scan over steps by vmap."""
    import jax
    import jax.numpy as jnp

    carry, x, y, step = _jax_parts(net, count)
    many = jax.vmap(step)

    def all_steps(carry: Any, rows: Any, before: bool) -> Any:
        if before:
            return jax.lax.scan(lambda c, ab: (many(c, *ab), None), carry, (x[rows], y[rows]))[0]
        return jax.lax.scan(lambda c, r: (many(c, x[r], y[r]), None), carry, rows)[0]

    for label, before in (("", False), ("gathered before", True)):
        epoch = jax.jit(lambda carry, rows, before=before: all_steps(carry, rows, before))

        def train(epochs: int, epoch: Any = epoch) -> None:
            state = carry
            for _ in range(epochs):
                state = epoch(state, jnp.asarray(orders(net, count)))
            jax.block_until_ready(state)

        yield label, train


def jax_threads(net: Net, count: int) -> Iterator[tuple[str, Epochs]]:
    """JAX with optax, each network's epochs in a thread of Python, an epoch in one compiled lax.scan."""
    import jax
    import jax.numpy as jnp

    carry, x, y, step = _jax_parts(net, count)
    epoch = jax.jit(lambda carry, rows: jax.lax.scan(lambda c, r: (step(c, x[r], y[r]), None), carry, rows)[0])

    def one(place: int, epochs: int) -> None:
        state = jax.tree.map(lambda leaf: leaf[place], carry)
        for _ in range(epochs):
            state = epoch(state, jnp.asarray(orders(net, 1)[:, 0]))
        jax.block_until_ready(state)

    pool = ThreadPoolExecutor(len(processors()))
    yield "", lambda epochs: list(pool.map(one, range(count), [epochs] * count))


def _jax_parts(net: Net, count: int) -> tuple[Any, Any, Any, Any]:
    """The first weights and states of all networks, (networks, ...) each, the data, and a step of one network."""
    import jax
    import jax.numpy as jnp

    step, carry = jax_step_function(net)
    x, y = (jnp.asarray(array) for array in net.data())
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * count), carry), x, y, step


def torch_vmap(net: Net, count: int) -> Iterator[tuple[str, Epochs]]:
    """PyTorch: gradients of all networks by vmap of torch.func, as it is and compiled, then one fused Adam."""
    import torch
    from torch.func import functional_call, grad, stack_module_state, vmap

    torch.set_flush_denormal(True)
    x, y = (torch.from_numpy(array) for array in net.data())
    model, loss = torch_model(net)
    weights, _ = stack_module_state([torch_model(net)[0] for _ in range(count)])
    gradients = vmap(grad(lambda w, a, b: loss(functional_call(model, w, (a,)), b)))
    optimizer = torch.optim.Adam(weights.values(), lr=RATE, fused=True)
    for label, function in (("", gradients), ("compiled", torch.compile(gradients))):
        for threads in sorted({1, len(processors())}):

            def train(epochs: int, function: Any = function, threads: int = threads) -> None:
                torch.set_num_threads(threads)
                for rows in torch.from_numpy(np.concatenate([orders(net, count) for _ in range(epochs)])):
                    for name, g in function(weights, x[rows], y[rows]).items():
                        weights[name].grad = g
                    optimizer.step()

            yield f"{label} {threads}".strip(), train


def scikit_joblib(net: Net, count: int) -> Iterator[tuple[str, Epochs]]:
    """scikit-learn, a network at a time in each of joblib's processes, which have one thread of the BLAS each."""
    from joblib import Parallel, delayed

    (x, y), parallel = net.data(), Parallel(n_jobs=len(processors()))
    yield "", lambda epochs: parallel(delayed(_train_scikit)(net, x, y, seed, epochs) for seed in range(count))


def _train_scikit(net: Net, x: np.ndarray, y: np.ndarray, seed: int, epochs: int) -> None:
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = {"hidden_layer_sizes": net.widths[1:-1], "batch_size": net.batch, "alpha": 0, "random_state": seed}
        MLPClassifier(**given, max_iter=epochs, n_iter_no_change=epochs).fit(x, y)


PEERS: dict[str, Peer] = {
    "JAX vmap": jax_vmap,
    "JAX threads": jax_threads,
    "PyTorch vmap": torch_vmap,
    "scikit-learn joblib": scikit_joblib,
}


@dataclass
class Timed:
    """A measurement of epochs: microseconds a step of one network.  processor: those of processor time."""

    train: Epochs
    steps: int  # of an epoch, of all networks
    epochs: int = 1
    processor: list[float] = field(default_factory=list)

    def prepare(self) -> None:
        """Compile, and find how many epochs there is time for."""
        self.train(1)
        self.epochs = max(1, min(MOST, int(SECONDS / (self() * self.steps * 1e-6))))
        self.processor.clear()

    def __call__(self) -> float:
        steps, begun, used = self.epochs * self.steps, time.perf_counter(), time.process_time()
        self.train(self.epochs)
        self.processor.append((time.process_time() - used) / steps * 1e6)
        return (time.perf_counter() - begun) / steps * 1e6


def measure(net: Net, count: int, names: list[str], rounds: int) -> tuple[Times, Times]:
    """Microseconds a step of one network, for each contestant, of wall time and of processor time."""
    contestants = {
        "numbann": Timed(numbann_many(net, count), count * net.steps),
        ALONE: Timed(numbann_many(net, 1, 1), net.steps),
    }
    for name in names:
        try:
            found = {f"{name} {label}".strip(): run for label, run in PEERS[name](net, count)}
        except ImportError:
            continue
        contestants |= {name: Timed(run, count * net.steps) for name, run in found.items()}
    for once in contestants.values():
        once.prepare()
    times = alternate(contestants, rounds)
    return times, {name: min(once.processor) for name, once in contestants.items()}


def _by_contestant(found: dict[str, Times]) -> list[dict[str, Any]]:
    """A row for each contestant, with its figures on all nets."""
    names = dict.fromkeys(name for times in found.values() for name in times)
    return [{"contestant": name, **{net: times.get(name, "") for net, times in found.items()}} for name in names]


def main() -> None:
    """Measure, print tables, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("--nets", type=int, default=8, help="how many networks")
    parser.add_argument("--peers", default=",".join(PEERS), help="their names, with commas between")
    given = parser.parse_args()
    names = [name for name in given.peers.split(",") if name]
    both = {str(net): measure(net, given.nets, names, given.rounds) for net in (NETS["T"], OTHER)}
    found, used = ({net: times[k] for net, times in both.items()} for k in (0, 1))
    rows = [
        {"net (batch)": net, "numbann us": times["numbann"], **best_peer(times, times["numbann"])}
        for net, times in found.items()
    ]
    scaled = [
        {"net (batch)": net, "processors": len(processors()), "gained": times[ALONE] / times["numbann"]}
        for net, times in found.items()
    ]
    show(f"a step of one of {given.nets} networks", rows)
    show("throughput over that of one network on one thread", scaled)
    wall, processor = (_by_contestant(times) for times in (found, used))
    show("all contestants, us a step", wall)
    show("all contestants, us of processor time", processor)
    write(given.json, summary=rows, scaling=scaled, microseconds=wall, processor=processor)
    if given.plot:
        values = {f"{net}: {name}": each for net, times in found.items() for name, each in times.items()}
        plot_bars(given.plot, f"{given.nets} networks at once", values, "microseconds a step of one")


if __name__ == "__main__":
    main()
