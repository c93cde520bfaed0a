"""What numbann is timed against, each in its best setting: a whole epoch over data in memory, float32, Adam, ReLU.

A peer is a generator of functions: `for label, epoch in peer(net)` gives settings to time, and each `epoch()` trains
one epoch over shuffled batches.  Denormals are flushed where the peer can.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Epoch = Callable[[], None]
RATE = 1e-3


@dataclass(frozen=True)
class Net:
    """A network and its data: classes if `classes`, else regression by squared error; batch 0 is the whole data."""

    name: str
    widths: tuple[int, ...]
    batch: int
    rows: int
    activation: str = "relu"
    classes: bool = True

    @property
    def batch_rows(self) -> int:
        """Rows in a batch."""
        return self.batch or self.rows

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.rows // self.batch_rows

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Normal inputs, and random classes or smooth targets."""
        random = np.random.default_rng(0)
        x = random.standard_normal((self.rows, self.widths[0])).astype(np.float32)
        if self.classes:
            return x, random.integers(0, self.widths[-1], self.rows)
        return x, np.sin(x @ random.standard_normal((self.widths[0], self.widths[-1]))).astype(np.float32)


NETS = {
    net.name: net
    for net in (
        Net("T", (64, 32, 10), 32, 32_000),
        Net("S", (784, 128, 10), 32, 9_600),
        Net("M", (784, 256, 128, 10), 128, 12_800),
        Net("L", (784, 1024, 1024, 10), 256, 2_560),
        Net("W", (32, 64, 64, 64, 2), 64, 32_000),
        Net("C", (4, 32, 16, 4), 0, 10_000, activation="tanh", classes=False),
    )
}


def scikit_learn(net: Net) -> Iterator[tuple[str, Epoch]]:
    """MLPClassifier or MLPRegressor, one epoch by partial_fit."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    x, y = net.data()
    kind = MLPClassifier if net.classes else MLPRegressor
    model = kind(hidden_layer_sizes=net.widths[1:-1], activation=net.activation, batch_size=net.batch_rows, alpha=0.0)
    given = {"classes": np.arange(net.widths[-1])} if net.classes else {}

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.partial_fit(x, y, **given)

    yield "", epoch


def torch_eager(net: Net) -> Iterator[tuple[str, Epoch]]:
    """PyTorch eager with fused Adam, on one thread and on all."""
    import torch

    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        yield f"{threads} threads", _torch_epoch(net, compiled=False)


def torch_compile(net: Net) -> Iterator[tuple[str, Epoch]]:
    """PyTorch with the forward and backward pass compiled."""
    yield "", _torch_epoch(net, compiled=True)


def _torch_epoch(net: Net, compiled: bool) -> Epoch:
    import torch
    from torch import nn

    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    x, y = (torch.from_numpy(array) for array in net.data())
    act = nn.ReLU if net.activation == "relu" else nn.Tanh
    layers: list[nn.Module] = []
    for inputs, outputs in zip(net.widths, net.widths[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), act()]
    model = nn.Sequential(*layers[:-1])
    loss = nn.CrossEntropyLoss() if net.classes else nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    forward = torch.compile(lambda a, b: loss(model(a), b)) if compiled else lambda a, b: loss(model(a), b)

    def step(a: torch.Tensor, b: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        forward(a, b).backward()
        optimizer.step()

    def epoch() -> None:
        if not net.batch:
            step(x, y)
            return
        order = torch.randperm(net.rows)
        for start in range(0, net.steps * net.batch, net.batch):
            rows = order[start : start + net.batch]
            step(x[rows], y[rows])

    return epoch


def jax_scan(net: Net) -> Iterator[tuple[str, Epoch]]:
    """JAX with optax, the whole epoch in one compiled lax.scan."""
    yield from _jax_epochs(net, scan=True)


def jax_step(net: Net) -> Iterator[tuple[str, Epoch]]:
    """JAX with optax, one compiled step called from Python."""
    yield from _jax_epochs(net, scan=False)


def _jax_epochs(net: Net, scan: bool) -> Iterator[tuple[str, Epoch]]:
    import jax
    import jax.numpy as jnp
    import optax

    x, y = (jnp.asarray(array) for array in net.data())
    act = jax.nn.relu if net.activation == "relu" else jnp.tanh
    keys = jax.random.split(jax.random.key(0), len(net.widths))
    sizes = list(zip(net.widths, net.widths[1:], strict=False))
    parameters = [
        (jax.random.normal(key, size) * (2 / size[0]) ** 0.5, jnp.zeros(size[1]))
        for key, size in zip(keys, sizes, strict=False)
    ]
    optimizer = optax.adam(RATE)

    def loss(parameters, a, b):
        for w, bias in parameters[:-1]:
            a = act(a @ w + bias)
        y = a @ parameters[-1][0] + parameters[-1][1]
        if net.classes:
            return optax.softmax_cross_entropy_with_integer_labels(y, b).mean()
        return ((y - b) ** 2).mean()

    def step(carry, rows):
        parameters, state = carry
        a, b = (x, y) if rows is None else (x[rows], y[rows])
        value, gradient = jax.value_and_grad(loss)(parameters, a, b)
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(parameters, updates), state), value

    carry = (parameters, optimizer.init(parameters))
    random = np.random.default_rng(0)

    def batches():
        order = random.permutation(net.rows)[: net.steps * net.batch_rows]
        return jnp.asarray(order.reshape(net.steps, net.batch_rows).astype(np.int32))

    one = jax.jit(step, donate_argnums=0)
    whole = jax.jit(lambda carry, rows: jax.lax.scan(step, carry, rows), donate_argnums=0)

    def epoch() -> None:
        nonlocal carry
        if not net.batch:
            carry, _ = one(carry, None)
        elif scan:
            carry, _ = whole(carry, batches())
        else:
            for rows in batches():
                carry, _ = one(carry, rows)
        jax.block_until_ready(carry)

    yield "", epoch


PEERS = {
    "scikit-learn": scikit_learn,
    "PyTorch": torch_eager,
    "torch.compile": torch_compile,
    "JAX step": jax_step,
    "JAX scan": jax_scan,
}
