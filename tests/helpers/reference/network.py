"""The twin of a network and of its training step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reference.activations import identity, identity_backward
from reference.products import Array, dense_backward, dense_forward


@dataclass(frozen=True)
class Layer:
    """A dense layer and its activation: w (I, O), b (O,), a = f(z), dz = backward(da, z, a)."""

    w: Array
    b: Array
    activation: Callable[..., Array] = identity
    backward: Callable[..., Array] = identity_backward


Gradient = tuple[Array, Array]
Loss = Callable[[Array, Array], tuple[Array, Array]]
Update = Callable[..., tuple[Array, ...]]


def forward(layers: Sequence[Layer], x: Array) -> Array:
    """The network's output (B, O) for x (B, I)."""
    for layer in layers:
        x = layer.activation(dense_forward(x, layer.w, layer.b))
    return x


def gradients(
    layers: Sequence[Layer], x: Array, t: Array, loss: Loss, weight: Array | None = None
) -> tuple[float, list[Gradient]]:
    """The mean loss over rows, weighted by weight (B,), and its gradient (dw, db) for each layer."""
    inputs, before, after = [], [], []
    for layer in layers:
        inputs.append(x)
        before.append(dense_forward(x, layer.w, layer.b))
        after.append(layer.activation(before[-1]))
        x = after[-1]
    values, dy = loss(x, t)
    share = np.full(len(values), 1 / len(values)) if weight is None else weight / weight.sum()
    da, found = dy * share[:, None], []
    for layer, x, z, a in zip(reversed(layers), reversed(inputs), reversed(before), reversed(after), strict=True):
        da, dw, db = dense_backward(x, layer.w, layer.backward(da, z, a))
        found.append((dw, db))
    return float((share * values).sum()), found[::-1]


def zero_states(layers: Sequence[Layer], count: int) -> list[list[list[Array]]]:
    """The states that an optimizer starts from: for each layer, for w and for b, `count` arrays of zeros."""
    return [[[np.zeros_like(p) for _ in range(count)] for p in (layer.w, layer.b)] for layer in layers]


def training_step(
    layers: Sequence[Layer],
    x: Array,
    t: Array,
    loss: Loss,
    update: Update,
    states: Sequence[Sequence[Sequence[Array]]],
    weight: Array | None = None,
) -> tuple[float, list[Layer], list[list[list[Array]]]]:
    """One step of a network: its loss before, the layers after, and the states after.

    update(w, g, *states) -> (w, *states) is an optimizer's step with its parameters bound.
    """
    value, found = gradients(layers, x, t, loss, weight)
    moved_layers, moved_states = [], []
    for layer, (dw, db), (w_states, b_states) in zip(layers, found, states, strict=True):
        w, *w_after = update(layer.w, dw, *w_states)
        b, *b_after = update(layer.b, db, *b_states)
        moved_layers.append(replace(layer, w=w, b=b))
        moved_states.append([w_after, b_after])
    return value, moved_layers, moved_states
