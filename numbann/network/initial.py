"""The initial tensors of a network, the same on any device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

import numpy as np

from numbann.components.component import Configured, call, place_of, run
from numbann.errors import TrainingError
from numbann.network import random
from numbann.network.plan import Plan
from numbann.network.steps import Vector
from numbann.network.steps.step import TOTALS
from numbann.records import dataclass


class Sample(Protocol):
    """A sample of the training rows on their way through the layers whose tensors are there."""

    def inputs(self, k: int, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """The inputs x (B, I) of the layer k."""

    def products(self, k: int, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """Those of the layer k, x w (B, O)."""


def initial_tensors(plan: Plan, seed: int, sample: Sample | None = None) -> dict[str, np.ndarray]:
    """A model's tensors by the names of the plan; a bias is the first row of what its initializer draws.

    sample: for initializers that ask for a layer's inputs.
    """
    draws = _Draws(plan, seed, sample)
    for k, layer in enumerate(plan.layers):
        product, b = layer.product, np.zeros((1, layer.outputs))
        draws.tensors |= {one.name: np.full(one.size, one.start) for one in (*layer.vectors, *layer.statistics)}
        embedded = [vector for vector in layer.vectors if vector.gradient == TOTALS]
        for j, vector in enumerate(embedded):  # they decide what the layer's own initializers see
            draws.vector(k, j, vector)
        draws.tensors[f"layers.{k}.weight"] = draws.weights(k)
        if product.bias_init is not None and product.bias_init.name != "zeros":
            b = draws.of(k, product.bias_init, random.BIASES).reshape(-1, layer.outputs)
        draws.tensors[f"layers.{k}.bias"] = b[0]
        for j, vector in enumerate(layer.vectors):
            if vector not in embedded:
                draws.vector(k, j, vector)
    return {name: draws.tensors[name] for name in plan.tensors}


@dataclass
class _Draws:
    """The tensors that have been drawn so far."""

    plan: Plan
    seed: int
    sample: Sample | None
    tensors: dict[str, np.ndarray] = field(default_factory=dict)

    def vector(self, k: int, j: int, vector: Vector) -> None:
        """Draw the vector j of the layer k part by part, unless all of it starts with one number."""
        if vector.init is None:
            return
        shape, size = vector.shape or (1, vector.size), vector.size // vector.parts
        places = [(j, part) for part in range(vector.parts)] if vector.parts > 1 else [(j,)]
        drawn = [self.of(k, vector.init, random.VECTORS, shape, *place).ravel()[:size] for place in places]
        self.tensors[vector.name] = np.concatenate(drawn).clip(vector.low, vector.high)

    def weights(self, k: int) -> np.ndarray:
        """The w of the layer k."""
        layer = self.plan.layers[k]
        init, parts = layer.product.init, layer.product.parts
        if parts == 1:
            return self.of(k, init, random.WEIGHTS)
        shape = layer.inputs, layer.outputs // parts
        return np.concatenate([self.of(k, init, random.WEIGHTS, shape, part) for part in range(parts)], axis=1)

    def of(
        self, k: int, init: Configured, purpose: int, shape: tuple[int, int] | None = None, *place: int
    ) -> np.ndarray:
        """Draw an array (I, O), or of a shape, for the layer k with an initializer; one of biases may give (O,)."""
        layer, function = self.plan.layers[k], init.component.function
        shape, own = shape or (layer.inputs, layer.outputs), random.generator(self.seed, purpose, k, *place)
        given = {"shape": shape, "random": own, "layer": k + 1, "layers": len(self.plan.layers), **self._seen(k, init)}
        drawn = run(init.component, lambda: np.asarray(call(function, **given, **init.values)))
        shapes = (shape, shape[1:]) if purpose == random.BIASES else (shape,)
        if drawn.shape not in shapes or drawn.dtype.kind not in "biuf":
            raise TrainingError(
                f"{init.component.told} returned an array of shape {drawn.shape} and type {drawn.dtype} "
                f"for layer {k + 1}; numbers of shape {shape} are needed ({place_of(function)})"
            )
        return drawn

    def _seen(self, k: int, init: Configured) -> dict[str, np.ndarray]:
        """What an initializer sees of the sample."""
        asked = {"x", "z"} & set(init.component.roles)
        if not asked:
            return {}
        if self.sample is None:
            raise RuntimeError("load_data comes first")
        sees = {"x": self.sample.inputs, "z": self.sample.products}
        return {role: sees[role](k, self.tensors) for role in asked}
