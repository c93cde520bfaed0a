"""Calibration of a trained network: its last layer is divided by the temperature that suits the validation part."""

from __future__ import annotations

from numbann.engine.interface import Engine
from numbann.model.temperature import find_temperature
from numbann.training.preparation import Prepared


def calibrate(prepared: Prepared, engine: Engine) -> dict[str, float]:
    """Set the engine's weights to those of calibrated probabilities; return the temperature, if the spec asks for it.

    The logits of the last layer are x w + b, so that weights and biases take the temperature, and no prediction needs
    to know of it.
    """
    part = prepared.dataset.validation
    if prepared.resolved.spec.train.calibrate is None or part is None:
        return {}
    link = prepared.resolved.loss.component.traits["link"]
    found = find_temperature(engine.predict(part.x), part.t, link, part.weight)
    tensors, last = engine.parameters(), f"layers.{len(prepared.plan.layers) - 1}."
    engine.set_parameters({name: one / found if name.startswith(last) else one for name, one in tensors.items()})
    return {"temperature": found}
