"""The description of a network and its training, in components and numbers: what a plan is built from.

`link`, `target` and the layers' `init` default to what the components ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from numbann.components.component import Configured
from numbann.records import dataclass

STRIPED = "stripes"


@dataclass(frozen=True)
class Course:
    """How a number changes from step to step: by a schedule's factor, after a linear rise over warmup_epochs."""

    schedule: Configured
    warmup_epochs: int = 0


@dataclass(frozen=True)
class Dense:
    """A layer: its width, what follows its product, and how its weights and biases start.

    After the product come, in this order: a norm ("layer", "batch" or None), an activation (None: none), dropout or
    alpha dropout at a rate, and with `residual` the layer's inputs, added.  init None: as the activation asks;
    bias_init None: zeros.  rate: times the learning rate, for all that the layer trains.
    """

    units: int
    activation: Configured | None = None
    init: Configured | None = None
    norm: str | None = None
    dropout: float = 0.0
    alpha_dropout: float = 0.0
    residual: bool = False
    bias_init: Configured | None = None
    rate: float = 1.0

    @property
    def width(self) -> int:
        """How many numbers of a row it gives: one a unit, unless its activation changes the width."""
        return self.activation.width(self.units) if self.activation else self.units

    @property
    def applies(self) -> str:
        """The name of its activation."""
        return self.activation.name if self.activation else "identity"


@dataclass(frozen=True)
class Embedding:
    """What the first layer gets for some of the network's inputs: several numbers for each, by trained parameters.

    configured: the embedding.  columns: the inputs that are numbers; None: all.  The others are left as they are.
    """

    configured: Configured
    columns: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Categories:
    """What the first layer gets for inputs that are codes of categories: trained numbers, which each category has.

    counts: the inputs, and how many categories each has.  Their codes count from 0; any other number is of no category,
    for which zeros stand.  size: the numbers of a category, which start normal.  rate: times the learning rate.
    """

    counts: Mapping[int, int]
    size: int = 8
    rate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Training:
    """The training of a network.

    link: turns the network's outputs into predictions, if the loss contains it; None: what the loss names.  target: the
    form of the targets, such as "label" or "real"; "": what the loss asks for.  optimizer: without learning_rate, which
    comes with each epoch.  batch_size None: all rows.  shuffle: None, or "stripes" for rows that are shuffled within
    pieces of the data.  average: the share of the old average that a step keeps.
    courses: of numbers that change while training: "weight_decay", "label_smoothing" of the loss, "layers.0.dropout".
    """

    loss: Configured
    optimizer: Configured
    link: Configured | None = None
    target: str = ""
    dtype: str = "float32"
    seed: int = 0
    batch_size: int | None = None
    shuffle: str | None = None
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None
    courses: Mapping[str, Course] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Network(Training):
    """A network of dense layers and its training; the last layer gives the outputs.

    input_embedding, input_categories: what stands for its inputs.  input_scale: times the learning rate, for a trained
    vector that multiplies them, or this, first; 0: there is none.  width_rates: whether the weights of a layer with I
    inputs learn at 1 / sqrt(I) of the rate.  bias_rate: times the rate of biases.  bias_decay: whether biases decay as
    weights do.  members: how many networks it is that share all weights but the last layer's, and have scales of the
    inputs of their own; the mean of them predicts.
    """

    inputs: int
    layers: tuple[Dense, ...]
    input_embedding: Embedding | None = None
    input_categories: Categories | None = None
    input_scale: float = 0.0
    width_rates: bool = False
    bias_rate: float = 1.0
    bias_decay: bool = True
    members: int = 1
