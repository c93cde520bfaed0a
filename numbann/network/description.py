"""A network and how it is trained, in components and numbers: what a plan is built from.

With `link`, `target` and the layers' `init` left out they are those that the components ask for.
"""

from __future__ import annotations

from dataclasses import dataclass

from numbann.components.component import Configured


@dataclass(frozen=True)
class Dense:
    """A layer: its width, what follows its product, and how its weights and biases start.

    In this order: norm ("layer", "batch" or None), activation (None: nothing to apply), dropout or alpha dropout at a
    rate, and with `residual` the layer's inputs added.  init None: as the activation asks; bias_init None: zeros.
    """

    units: int
    activation: Configured | None = None
    init: Configured | None = None
    norm: str | None = None
    dropout: float = 0.0
    alpha_dropout: float = 0.0
    residual: bool = False
    bias_init: Configured | None = None

    @property
    def applies(self) -> str:
        """The name of its activation."""
        return self.activation.name if self.activation else "identity"


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained.

    link: what turns its outputs into predictions, where the loss contains it; None: what the loss names.  target: the
    form of the targets, such as "label" or "real"; "": what the loss asks for.  optimizer: without learning_rate,
    which comes with each epoch.  batch_size None: all rows.  average: the share that the weights' average keeps.
    """

    loss: Configured
    optimizer: Configured
    link: Configured | None = None
    target: str = ""
    dtype: str = "float32"
    seed: int = 0
    batch_size: int | None = None
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None


@dataclass(frozen=True, kw_only=True)
class Network(Training):
    """A network of dense layers, the last of which gives its outputs, and how it is trained.

    input_scale: whether its inputs are multiplied by a trained vector first.
    """

    inputs: int
    layers: tuple[Dense, ...]
    input_scale: bool = False
