"""The first pass: a sample of the training rows goes through a network layer by layer, while its weights are drawn.

Initializers that ask for it get a layer's inputs, behind the layers before it with their initial weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from numbann.engine.cpu.inference import Inference
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.runner import Runner
from numbann.engine.shared.feeding import Inputs, take_rows
from numbann.network import random
from numbann.network.chain import Layer, chain_of
from numbann.network.plan import Plan
from numbann.network.steps import Enter, ScaleMembers

ROWS = 1024  # of the sample: enough for a unit's variance to a few percent

Tensors = Mapping[str, np.ndarray]


def sample_rows(plan: Plan, x: Inputs, numbers: np.ndarray | None) -> np.ndarray | None:
    """Some of the rows with these numbers, or of all; None if no initializer of the plan asks for them."""
    if not plan.samples:
        return None
    places = np.arange(len(x)) if numbers is None else numbers
    drawn = random.generator(plan.seed, random.SAMPLE).choice(len(places), min(ROWS, len(places)), replace=False)
    return np.ascontiguousarray(take_rows(x, np.sort(places[drawn])), plan.dtype)


class FirstPass:
    """A sample of rows, which goes through the layers in their order.  tensors: all of the layers before."""

    def __init__(self, plan: Plan, rows: np.ndarray) -> None:
        self._plan, self._x, self._layer = plan, rows, 0
        self._enters = tuple(step for step in plan.layers[0].predicting.steps if isinstance(step, Enter))

    def inputs(self, k: int, tensors: Tensors) -> np.ndarray:
        """The inputs x (B, I) of the layer k, read-only."""
        if self._enters:
            self._x, self._enters = self._entered(tensors), ()
        while self._layer < k:
            self._x = self._outputs(tensors)
            self._layer += 1
        self._x.flags.writeable = False
        return self._x

    def _entered(self, tensors: Tensors) -> np.ndarray:
        """What the first layer gets: the outputs of embeddings and a product that changes nothing."""
        first = self._plan.layers[0]
        width, chain = first.inputs, chain_of((*self._enters, first.product), ())
        given = {**tensors, "layers.0.weight": np.eye(width)}
        return self._run(Layer(width, width, chain, chain), given, np.zeros(width))

    def products(self, k: int, tensors: Tensors) -> np.ndarray:
        """Those of the layer k, x w (B, O), whose w is among the tensors."""
        self.inputs(k, tensors)
        layer = self._plan.layers[k]
        chain = chain_of((layer.product,), ())
        return self._run(Layer(layer.inputs, layer.outputs, chain, chain), tensors, np.zeros(layer.outputs))

    def _outputs(self, tensors: Tensors) -> np.ndarray:
        """The outputs of the layer whose inputs are at hand; a batch norm goes by the sample, as in training."""
        layer, name = _behind_inputs(self._plan.layers[self._layer]), f"layers.{self._layer}"
        if layer.statistics:
            h = self.products(self._layer, tensors) + tensors[f"{name}.bias"]
            tensors = {**tensors, f"{name}.norm.mean": h.mean(0), f"{name}.norm.variance": h.var(0)}
        return self._run(layer, tensors, tensors[f"{name}.bias"])

    def _run(self, layer: Layer, tensors: Tensors, bias: np.ndarray) -> np.ndarray:
        """The outputs of a network of one layer."""
        plan = replace(self._plan, layers=(layer,), link=None, members=1)
        arena, runner = Arena(plan), Runner(plan, 1)
        own = {"layers.0.weight": tensors[f"layers.{self._layer}.weight"], "layers.0.bias": bias}
        arena.set_tensors({**tensors, **own})
        for name, gathered in arena.gathered().items():
            gathered[:] = tensors[name]
        try:
            return Inference(plan, arena, runner, [1]).predict(self._x)
        finally:
            runner.team.close()


def _behind_inputs(layer: Layer) -> Layer:
    """A layer that gets what embeddings give, of all members alike."""
    chains = (layer.training, layer.predicting)
    training, predicting = (
        chain_of(tuple(s for s in one.steps if not isinstance(s, Enter | ScaleMembers)), one.ends) for one in chains
    )
    return replace(layer, training=training, predicting=predicting)
