"""The plan of a network: every size, offset and component fixed, before any address exists.  It prints itself.

Weights of a layer, w (I, O), lie in panels of 4 vectors of columns; O is padded to whole vectors and I to as many
rows as a vector has lanes.  All parameters share one arena, and each state of an optimizer is one more arena like it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import sqrt

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.mathematics.activations.rectified import SELU_ALPHA, SELU_SCALE
from numbann.network.description import Dense, Network, Training

VECTOR_BYTES = 64
ITEMSIZE = {"float32": 4, "float64": 8}
PAGE = 1024  # elements; arenas are kept apart by this and a little, so that their lines do not share a cache set
APART = 272
NORM_EPSILON, NORM_MOMENTUM = 1e-5, 0.1  # beside the variance, and of a batch in running statistics, as PyTorch's
NORM = {"norm.scale": 1.0, "norm.shift": 0.0}  # the vectors of a norm
STATISTICS = ("norm.mean", "norm.variance")
SELU_LIMIT = -SELU_SCALE * SELU_ALPHA  # selu at -inf
ALIASING = 512  # a row of a multiple of this many elements would make all rows share cache sets


@dataclass(frozen=True)
class Vector:
    """One trained number per unit beside the bias: its name, where it lies in the arena, and what it starts as."""

    name: str
    offset: int
    start: float


@dataclass(frozen=True)
class Dropout:
    """What training does to an output a with probability `rate`: `dropped` takes its place; else scale a + shift does.

    Mean and, for the kind "alpha", variance of the outputs stay what they are.
    """

    rate: float
    scale: float
    shift: float
    dropped: float


@dataclass(frozen=True)
class Layer:
    """A dense layer: its sizes, where its parameters lie in the arena, and what follows the product.

    That is, in this order: norm ("layer", "batch" or None), activation (None: nothing to apply), dropout, and with
    `residual` the layer's inputs added.  vectors: the trained numbers of norm and activation.  statistics: where the
    running mean of a batch norm lies among the plan's statistics, its variance `columns` after it.
    """

    inputs: int
    outputs: int
    inputs_padded: int
    columns: int
    row: int
    weights: int
    bias: int
    activation: Configured | None
    init: Configured
    norm: str | None = None
    dropout: Dropout | None = None
    residual: bool = False
    bias_init: Configured | None = None
    vectors: tuple[Vector, ...] = ()
    statistics: int = 0

    @property
    def learnable(self) -> tuple[str, ...]:
        """The activation's parameters that are trained; their vectors are the last ones."""
        return self.activation.component.learnable if self.activation else ()

    @property
    def noisy(self) -> bool:
        """Whether training draws random numbers in this layer."""
        return self.dropout is not None or (self.activation is not None and "u" in self.activation.component.roles)


@dataclass(frozen=True, kw_only=True)
class Plan(Training):
    """A network and how it is trained.  `link` turns the last layer's output into predictions (None: it is one)."""

    layers: tuple[Layer, ...]
    arena: int
    statistics: int = 0

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
        """The number of trained parameters."""
        return sum((layer.inputs + 1 + len(layer.vectors)) * layer.outputs for layer in self.layers)

    @property
    def noisy(self) -> bool:
        """Whether training draws random numbers in a layer."""
        return any(layer.noisy for layer in self.layers)

    @property
    def normalizes_batches(self) -> bool:
        """Whether a layer's outputs depend on all rows of the batch."""
        return any(layer.norm == "batch" for layer in self.layers)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The shapes of a model's tensors by name: all that is trained, and what batch norms have gathered."""
        found: dict[str, tuple[int, ...]] = {}
        for k, layer in enumerate(self.layers):
            found[f"layers.{k}.weight"] = (layer.inputs, layer.outputs)
            found[f"layers.{k}.bias"] = (layer.outputs,)
            gathered = STATISTICS if layer.norm == "batch" else ()
            for name in (*(vector.name for vector in layer.vectors), *gathered):
                found[f"layers.{k}.{name}"] = (layer.outputs,)
        return found

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


def build(network: Network) -> Plan:
    """The plan of a network."""
    lanes, inputs = VECTOR_BYTES // ITEMSIZE[network.dtype], network.inputs
    layers, offset, statistics = [], 0, 0
    for dense in network.layers:
        layer = _layer(dense, inputs, offset, statistics, lanes)
        layers.append(layer)
        inputs, offset = layer.outputs, layer.bias + (1 + len(layer.vectors)) * layer.columns
        statistics += len(STATISTICS) * layer.columns if layer.norm == "batch" else 0
    chosen = {one.name: getattr(network, one.name) for one in fields(Training)}
    chosen |= {"link": _link(network), "target": network.target or _target(network)}
    return Plan(**chosen, layers=tuple(layers), arena=offset, statistics=statistics)


def _link(network: Network) -> Configured | None:
    """What turns outputs into predictions, None for an identity."""
    link = network.link or built_in().configured("activation", network.loss.component.traits["link"])
    return None if link.name == "identity" else link


def _target(network: Network) -> str:
    """The form of the targets that a loss asks for."""
    loss = network.loss.component
    return "label" if "label" in loss.roles else str(loss.traits["target"])


def _init(dense: Dense) -> Configured:
    """How a layer's weights start."""
    name = dense.activation.component.traits["init"] if dense.activation else "xavier_normal"
    return dense.init or built_in().configured("initializer", name)


def _layer(choice: Dense, inputs: int, offset: int, statistics: int, lanes: int) -> Layer:
    columns, inputs_padded = _padded(choice.units, lanes), _padded(inputs, lanes)
    bias = offset + inputs_padded * columns
    activation = None if choice.applies == "identity" else choice.activation
    starts = {**(NORM if choice.norm else {}), **(_learnable(activation) if activation else {})}
    return Layer(
        inputs=inputs,
        outputs=choice.units,
        inputs_padded=inputs_padded,
        columns=columns,
        row=columns + (lanes if columns % ALIASING == 0 else 0),
        weights=offset,
        bias=bias,
        activation=activation,
        init=_init(choice),
        norm=choice.norm,
        dropout=plain_dropout(choice.dropout) or alpha_dropout(choice.alpha_dropout),
        residual=choice.residual,
        bias_init=choice.bias_init,
        vectors=tuple(
            Vector(name, bias + place * columns, start) for place, (name, start) in enumerate(starts.items(), start=1)
        ),
        statistics=statistics,
    )


def _learnable(activation: Configured) -> dict[str, float]:
    """The trained parameters of an activation by their tensors' names, and what they start as."""
    return {f"activation.{name}": activation.values[name] for name in activation.component.learnable}


def plain_dropout(rate: float) -> Dropout | None:
    """Outputs are 0 with probability `rate`, else a / (1 - rate).

    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, https://jmlr.org/papers/v15/srivastava14a.html;
    as torch.nn.Dropout.
    """
    return Dropout(rate, 1 / (1 - rate), 0.0, 0.0) if rate else None


def alpha_dropout(rate: float) -> Dropout | None:
    """Outputs are selu's limit at -inf, s, with probability `rate`; then all go through the line x y + z.

    x = 1 / sqrt((1 - rate) (1 + rate s^2)) and z = -x s rate, which keeps mean 0 and variance 1.
    Klambauer, Unterthiner, Mayr and Hochreiter 2017, https://arxiv.org/abs/1706.02515; as torch.nn.AlphaDropout.
    """
    if not rate:
        return None
    scale = 1 / sqrt((1 - rate) * (1 + rate * SELU_LIMIT**2))
    shift = -scale * SELU_LIMIT * rate
    return Dropout(rate, scale, shift, scale * SELU_LIMIT + shift)


def _padded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
