"""The plan of a network: every size, offset and component fixed, before any address exists.  It prints itself.

Weights of a layer, w (I, O), lie in panels of 4 vectors of columns; O is padded to whole vectors and I to as many
rows as a vector has lanes.  All parameters share one arena, and each state of an optimizer is one more arena like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numbann.component import Configured

VECTOR_BYTES = 64
ITEMSIZE = {"float32": 4, "float64": 8}
PAGE = 1024  # elements; arenas are kept apart by this and a little, so that their lines do not share a cache set
APART = 272
ALIASING = 512  # a row of a multiple of this many elements would make all rows share cache sets


@dataclass(frozen=True)
class Layer:
    """A dense layer: its sizes, where its parameters lie in the arena, and its activation (None: nothing to apply)."""

    inputs: int
    outputs: int
    inputs_padded: int
    columns: int
    row: int
    weights: int
    bias: int
    activation: Configured | None
    init: Configured


@dataclass(frozen=True)
class Plan:
    """A network and how it is trained.  `link` turns the last layer's output into predictions (None: it is one)."""

    dtype: str
    seed: int
    layers: tuple[Layer, ...]
    loss: Configured
    link: Configured | None
    optimizer: Configured
    weight_decay: float
    target: str
    batch_size: int | None
    arena: int
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None

    @property
    def extras(self) -> tuple[str, ...]:
        """What is done to each weight beside the optimizer's own step: "clip_value", "l1", "average"."""
        return tuple(name for name in ("clip_value", "l1", "average") if getattr(self, name))

    @property
    def lanes(self) -> int:
        """Elements in a vector."""
        return VECTOR_BYTES // ITEMSIZE[self.dtype]

    @property
    def inputs(self) -> int:
        """The width of the network's input."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """The width of the network's output."""
        return self.layers[-1].outputs

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return sum((layer.inputs + 1) * layer.outputs for layer in self.layers)

    @property
    def stride(self) -> int:
        """Elements from one arena to the next."""
        return _padded(self.arena, PAGE) + APART

    def batch_rows(self, rows: int) -> int:
        """The rows of a batch when there are so many in all."""
        return min(self.batch_size or rows, rows)

    def step_flops(self, rows: int) -> int:
        """Floating-point operations of a training step, two for a product and a sum; layer 0 has no delta."""
        products = [3 * layer.inputs * layer.outputs for layer in self.layers]
        return 2 * rows * (sum(products) - self.layers[0].inputs * self.layers[0].outputs)

    def __str__(self) -> str:
        sizes = " -> ".join(str(width) for width in (self.inputs, *(layer.outputs for layer in self.layers)))
        names = [layer.activation.name if layer.activation else "none" for layer in self.layers]
        return (
            f"{sizes} ({', '.join(names)}), {self.parameters} parameters, {self.dtype}; "
            f"{self.loss.name}, {self.optimizer.name}, batch {self.batch_size or 'full'}"
        )


def build(resolved: Any, inputs: int) -> Plan:
    """The plan of a resolved spec (numbann.spec.resolve) for data with so many inputs."""
    spec = resolved.spec
    lanes = VECTOR_BYTES // ITEMSIZE[spec.model.dtype]
    through = resolved.loss.component.traits["link"] == "identity"
    layers, offset = [], 0
    for choice in resolved.layers:
        layer = _layer(choice, inputs, offset, lanes)
        layers.append(layer)
        inputs, offset = layer.outputs, layer.bias + layer.columns
    return Plan(
        dtype=spec.model.dtype,
        seed=spec.seed,
        layers=tuple(layers),
        loss=resolved.loss,
        link=None if through else resolved.output_activation,
        optimizer=resolved.optimizer,
        weight_decay=resolved.weight_decay,
        target=resolved.target,
        batch_size=None if spec.train.batch_size == "full" else spec.train.batch_size,
        arena=offset,
        l1=resolved.l1,
        clip_value=spec.train.clip_value,
        clip_norm=spec.train.clip_norm,
        average=spec.train.average,
    )


def _layer(choice: Any, inputs: int, offset: int, lanes: int) -> Layer:
    columns, inputs_padded = _padded(choice.units, lanes), _padded(inputs, lanes)
    return Layer(
        inputs=inputs,
        outputs=choice.units,
        inputs_padded=inputs_padded,
        columns=columns,
        row=columns + (lanes if columns % ALIASING == 0 else 0),
        weights=offset,
        bias=offset + inputs_padded * columns,
        activation=None if choice.activation.name == "identity" else choice.activation,
        init=choice.init,
    )


def _padded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
