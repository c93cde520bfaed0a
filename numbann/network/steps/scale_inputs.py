"""A trained scale of the inputs."""

from __future__ import annotations

from numbann.components.parameter import Tuning
from numbann.network.description import Network
from numbann.network.steps.enter import require_no_residual
from numbann.network.steps.step import WEIGHTS, Step, Vector
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class ScaleInputs(Step):
    """x s, the network's inputs times a trained vector.  With G = x' d: dw = diag(s) G, ds_i = sum_o w_io G_io."""

    value = "x"
    asked_by = "model.input.scale"

    @classmethod
    def of(cls, network: Network, inputs: int, embedded: bool) -> ScaleInputs | None:
        """The network's inputs, or what stands for them, times numbers that start as 1."""
        if not network.input_scale:
            return None
        require_no_residual(network, "input_scale")
        vector = Vector("input.scale", inputs, 1.0, WEIGHTS, tuning=Tuning(rate=network.input_scale))
        return cls(returns=embedded, vectors=(vector,))
