"""The product of inputs and weights."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Self

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.components.parameter import PLAIN, Tuning
from numbann.errors import ShapeError
from numbann.network.description import Dense, Network
from numbann.network.steps.step import Step
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Product(Step):
    """h = x w + b, and how w and b start and are trained.  Its way back leads to the layer below.

    parts: how many matrices w is made of, side by side; each is drawn by itself.
    """

    value = "h"
    init: Configured
    bias_init: Configured | None
    parts: int = 1
    tuning: Tuning = PLAIN
    bias_tuning: Tuning = PLAIN

    @classmethod
    def of(cls, network: Network, dense: Dense, inputs: int, parts: int, returns: bool) -> Product:
        """x w + b; w starts as the activation asks if nothing is said.  returns: whether its way back leads further."""
        name = dense.activation.component.traits["init"] if dense.activation else "xavier_normal"
        init = dense.init or built_in().configured("initializer", name)
        if "z" in init.component.roles:
            fault = "asks for z = x w, which is there for biases alone; name it in bias_init"
            raise ShapeError(f'init: "{init.name}" {fault}')
        return cls(
            init=init,
            bias_init=dense.bias_init,
            parts=parts,
            tuning=Tuning(rate=1 / sqrt(inputs) if network.width_rates else 1.0),
            bias_tuning=Tuning(rate=network.bias_rate, decay=None if network.bias_decay else 0.0),
            returns=returns,
        )

    def at_rate(self, rate: float) -> Self:
        """Its weights and biases are what learns."""
        return replace(self, tuning=self.tuning.times(rate), bias_tuning=self.bias_tuning.times(rate))
