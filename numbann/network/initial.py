"""The weights that training begins with, the same ones on any device."""

from __future__ import annotations

import numpy as np

from numbann.components.component import Configured
from numbann.network import random
from numbann.network.plan import STATISTICS, Layer, Plan


def initial(plan: Plan, seed: int) -> dict[str, np.ndarray]:
    """A model's tensors by the names of the plan; biases are drawn as one more row of weights."""
    found = {}
    for k, layer in enumerate(plan.layers):
        b = np.zeros(layer.outputs)
        if layer.bias_init is not None and layer.bias_init.name != "zeros":
            b = _drawn(layer, layer.bias_init, seed, random.BIASES, k)[0]
        found[f"layers.{k}.weight"], found[f"layers.{k}.bias"] = _drawn(layer, layer.init, seed, random.WEIGHTS, k), b
        starts = {vector.name: vector.start for vector in layer.vectors}
        if layer.norm == "batch":
            starts |= {name: float(name.endswith("variance")) for name in STATISTICS}
        found |= {f"layers.{k}.{name}": np.full(layer.outputs, start) for name, start in starts.items()}
    return found


def _drawn(layer: Layer, init: Configured, seed: int, purpose: int, k: int) -> np.ndarray:
    """An array (I, O) by an initializer, of the layer k."""
    shape = layer.inputs, layer.outputs
    drawn: np.ndarray = init.component.function(shape, random.generator(seed, purpose, k), **init.values)
    return drawn
