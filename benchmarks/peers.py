"""The peers of numbann, each in its best setting: a whole epoch over data in memory, float32, Adam.

`PEERS_IN_BFLOAT16` multiply bfloat16, with weights and optimizers in float32: PyTorch by autocast, JAX by casts around
each product.

A peer is a generator of functions: `for label, epoch in peer(net)` gives settings to time, and each `epoch()` trains
one epoch over shuffled batches.  Denormals are flushed where the peer can.  Where there is a choice, such as how rows
are gathered, the functions do what was fastest on these nets.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from nets import Net
from report import processors

Epoch = Callable[[], None]
RATE = 1e-3


def thread_counts() -> list[int]:
    """One thread and as many as there are processors."""
    return sorted({1, len(processors())})


def threads_label(threads: int) -> str:
    """How many threads, in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def scikit_learn(net: Net) -> Iterator[tuple[str, Epoch]]:
    """MLPClassifier or MLPRegressor, one epoch by partial_fit, with one thread of the BLAS and with all."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from threadpoolctl import ThreadpoolController

    x, y = net.data()
    blas = ThreadpoolController().select(user_api="blas")
    kind = MLPClassifier if net.classes else MLPRegressor
    given = {"classes": np.arange(net.widths[-1])} if net.classes else {}
    for threads in thread_counts():
        model = kind(hidden_layer_sizes=net.widths[1:-1], activation=net.activation, batch_size=net.batch_rows, alpha=0)

        def epoch(model: Any = model, threads: int = threads) -> None:
            with warnings.catch_warnings(), blas.limit(limits=threads):
                warnings.simplefilter("ignore")
                model.partial_fit(x, y, **given)

        yield threads_label(threads), epoch


def torch_eager(net: Net, rounds: bool = False) -> Iterator[tuple[str, Epoch]]:
    """PyTorch eager with fused Adam."""
    yield from _torch_epochs(net, torch_eager_step, rounds)


def torch_compile(net: Net, rounds: bool = False) -> Iterator[tuple[str, Epoch]]:
    """PyTorch with the forward and backward pass compiled, and fused Adam."""
    yield from _torch_epochs(net, _torch_compiled_step, rounds)


def torch_compile_step(net: Net, rounds: bool = False) -> Iterator[tuple[str, Epoch]]:
    """PyTorch with the whole step, Adam included, compiled as one function."""
    yield from _torch_epochs(net, _torch_whole_step, rounds)


def _torch_epochs(net: Net, make_step: Callable[[Any, Any], Any], rounds: bool) -> Iterator[tuple[str, Epoch]]:
    """An epoch of steps with each number of threads; what is compiled is compiled for that number."""
    import torch

    torch.set_flush_denormal(True)
    x, y = (torch.from_numpy(array) for array in net.data())
    for threads in thread_counts():
        model, loss = torch_model(net)
        step = make_step(_autocast(model) if rounds else model, loss)

        def epoch(step: Any = step, threads: int = threads) -> None:
            torch.set_num_threads(threads)
            if not net.batch:
                step(x, y)
                return
            for rows in torch.randperm(net.rows)[: net.steps * net.batch].split(net.batch):
                step(x.index_select(0, rows), y.index_select(0, rows))

        yield threads_label(threads), epoch


def torch_model(net: Net) -> tuple[Any, Any]:
    """The net as a module, without a softmax, and its loss."""
    from torch import nn

    act = nn.ReLU if net.activation == "relu" else nn.Tanh
    layers: list[nn.Module] = []
    for inputs, outputs in net.sizes:
        layers += [nn.Linear(inputs, outputs), act()]
    return nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss() if net.classes else nn.MSELoss()


def _autocast(model: Any) -> Any:
    """A module that multiplies bfloat16 and gives float32."""
    import torch

    class Autocast(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Any) -> Any:
            with torch.autocast("cpu", torch.bfloat16):
                return self.model(x).float()

    return Autocast()


def torch_eager_step(model: Any, loss: Any, compiled: bool = False, **adam: Any) -> Any:
    """A step of PyTorch for a batch; adam: further settings of the optimizer."""
    import torch

    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True, **adam)

    def forward(a: Any, b: Any) -> Any:
        return loss(model(a), b)

    if compiled:
        forward = torch.compile(forward)

    def step(a: Any, b: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        forward(a, b).backward()
        optimizer.step()

    return step


def _torch_compiled_step(model: Any, loss: Any) -> Any:
    return torch_eager_step(model, loss, compiled=True)


def _torch_whole_step(model: Any, loss: Any) -> Any:
    import torch
    from torch.func import functional_call, grad

    weights = {name: w.detach().clone() for name, w in model.named_parameters()}
    m, v = ({name: torch.zeros_like(w) for name, w in weights.items()} for _ in range(2))
    steps = torch.zeros(())
    gradient = grad(lambda weights, a, b: loss(functional_call(model, weights, (a,)), b))

    def step(a: Any, b: Any) -> None:
        steps.add_(1)
        for name, g in gradient(weights, a, b).items():
            m[name].lerp_(g, 0.1)
            v[name].mul_(0.999).addcmul_(g, g, value=0.001)
            scale = (v[name] / (1 - 0.999**steps)).sqrt_().add_(1e-8)
            weights[name].addcdiv_(m[name] / (1 - 0.9**steps), scale, value=-RATE)

    return torch.no_grad()(torch.compile(step, options={"cpp_wrapper": True}))


def jax_scan(net: Net, rounds: bool = False) -> Iterator[tuple[str, Epoch]]:
    """JAX with optax, the whole epoch in one compiled lax.scan; rows are gathered in it, or all before it."""
    import jax
    import jax.numpy as jnp

    step, carry = jax_step_function(net, rounds)
    if not net.batch:
        return
    x, y = (jnp.asarray(array) for array in net.data())
    in_scan = jax.jit(
        lambda carry, rows: jax.lax.scan(lambda c, r: (step(c, x[r], y[r]), None), carry, rows)[0], donate_argnums=0
    )
    before = jax.jit(
        lambda carry, rows: jax.lax.scan(lambda c, ab: (step(c, *ab), None), carry, (x[rows], y[rows]))[0],
        donate_argnums=0,
    )
    for label, whole in (("", in_scan), ("gathered before", before)):
        yield label, _jax_epoch(net, carry, lambda carry, order, whole=whole: whole(carry, jnp.asarray(order)))


def jax_step(net: Net, rounds: bool = False) -> Iterator[tuple[str, Epoch]]:
    """JAX with optax, one compiled step called from Python on rows that NumPy gathers."""
    import jax
    import jax.numpy as jnp

    step, carry = jax_step_function(net, rounds)
    x, y = net.data()
    one = jax.jit(step, donate_argnums=0)
    whole_batch = jnp.asarray(x), jnp.asarray(y)

    def steps(carry: Any, order: np.ndarray) -> Any:
        if not net.batch:
            return one(carry, *whole_batch)
        for rows in order:
            carry = one(carry, x[rows], y[rows])
        return carry

    yield "", _jax_epoch(net, carry, steps)


def _jax_epoch(net: Net, carry: Any, steps: Callable[[Any, np.ndarray], Any]) -> Epoch:
    """An epoch that goes on from where the last one ended, over rows in a new order."""
    import jax

    carry = jax.tree.map(lambda leaf: leaf.copy(), carry)  # a step takes its carry's memory
    random = np.random.default_rng(0)

    def epoch() -> None:
        nonlocal carry
        order = random.permutation(net.rows)[: net.steps * net.batch_rows] if net.batch else np.arange(0)
        carry = jax.block_until_ready(steps(carry, order.astype(np.int32).reshape(net.steps, -1)))

    return epoch


def jax_step_function(net: Net, rounds: bool = False) -> tuple[Any, Any]:
    """A step (carry, a, b) -> carry, and the first carry: weights and the optimizer's state.

    rounds: to bfloat16, before each product.
    """
    import jax
    import jax.numpy as jnp
    import optax

    act = jax.nn.relu if net.activation == "relu" else jnp.tanh
    keys = jax.random.split(jax.random.key(0), len(net.sizes))
    weights = [
        (jax.random.normal(key, size) * (2 / size[0]) ** 0.5, jnp.zeros(size[1]))
        for key, size in zip(keys, net.sizes, strict=True)
    ]
    optimizer = optax.adam(RATE)

    def product(a: Any, w: Any) -> Any:
        return (a.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)).astype(jnp.float32) if rounds else a @ w

    def loss(weights: Any, a: Any, b: Any) -> Any:
        for w, bias in weights[:-1]:
            a = act(product(a, w) + bias)
        y = product(a, weights[-1][0]) + weights[-1][1]
        if net.classes:
            return optax.softmax_cross_entropy_with_integer_labels(y, b).mean()
        return ((y - b) ** 2).mean()

    def step(carry: Any, a: Any, b: Any) -> Any:
        weights, state = carry
        updates, state = optimizer.update(jax.grad(loss)(weights, a, b), state)
        return optax.apply_updates(weights, updates), state

    return step, (weights, optimizer.init(weights))


PEERS = {
    "scikit-learn": scikit_learn,
    "PyTorch": torch_eager,
    "torch.compile": torch_compile,
    "torch.compile step": torch_compile_step,
    "JAX step": jax_step,
    "JAX scan": jax_scan,
}
PEERS_IN_BFLOAT16 = {
    f"{name} bfloat16": functools.partial(peer, rounds=True) for name, peer in PEERS.items() if peer is not scikit_learn
}
