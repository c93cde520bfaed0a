"""The initial tensors of a network, the same on any device."""

from __future__ import annotations

import numpy as np

from numbann.components.component import Configured, place_of, run
from numbann.errors import TrainingError
from numbann.network import random
from numbann.network.chain import Layer, Product
from numbann.network.plan import Plan


def initial_tensors(plan: Plan, seed: int) -> dict[str, np.ndarray]:
    """A model's tensors by the names of the plan; initializers of biases draw one more row of weights."""
    found = {}
    for k, layer in enumerate(plan.layers):
        product, b = layer.training.step(Product), np.zeros(layer.outputs)
        assert product is not None
        if product.bias_init is not None and product.bias_init.name != "zeros":
            b = _draw(layer, product.bias_init, seed, random.BIASES, k)[0]
        found[f"layers.{k}.weight"] = _draw(layer, product.init, seed, random.WEIGHTS, k)
        found[f"layers.{k}.bias"] = b
        found |= {one.name: np.full(one.size, one.start) for one in (*layer.vectors, *layer.statistics)}
    return found


def _draw(layer: Layer, init: Configured, seed: int, purpose: int, k: int) -> np.ndarray:
    """Draw an array (I, O) for the layer k with an initializer."""
    shape, own = (layer.inputs, layer.outputs), random.generator(seed, purpose, k)
    drawn = run(init.component, lambda: np.asarray(init.component.function(shape, own, **init.values)))
    if drawn.shape != shape or drawn.dtype.kind not in "biuf":
        raise TrainingError(
            f"{init.component.told} returned an array of shape {drawn.shape} and type {drawn.dtype} for layer {k + 1}; "
            f"numbers of shape {shape} are needed ({place_of(init.component.function)})"
        )
    return drawn
