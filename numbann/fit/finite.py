"""The end of a training whose numbers are no longer finite: it says where, what is not finite, and what to try."""

from __future__ import annotations

from math import isfinite

import numpy as np

from numbann.engine.interface import Engine
from numbann.errors import TrainingError
from numbann.network.plan import Plan


class NotFiniteError(TrainingError):
    """Losses or weights are infinite or NaN."""


def check_initial(engine: Engine) -> None:
    """TrainingError if the initial weights are not finite."""
    if not engine.is_finite():
        raise NotFiniteError(f"the initial weights of {_layers(engine)} are not finite; choose another model.init")


def check_steps(engine: Engine, epoch: int, losses: np.ndarray, loss: float, rates: np.ndarray) -> None:
    """TrainingError if the losses of an epoch's steps, of mean `loss`, or the weights after them are not finite."""
    if not isfinite(loss):
        step = int(np.argmin(np.isfinite(losses)))
        found = f"train_loss is {losses[step]} at step {step + 1} of {len(rates)}"
        raise _error(engine, epoch, found, float(rates[step]))
    if not engine.is_finite():
        raise _error(engine, epoch, f"after step {len(losses)} of {len(rates)}", float(rates[len(losses) - 1]))


def check_loss(engine: Engine, epoch: int, name: str, loss: float, rate: float) -> None:
    """TrainingError if a loss that was measured after an epoch is not finite."""
    if not isfinite(loss):
        raise _error(engine, epoch, f"{name} is {loss}", rate)


def _error(engine: Engine, epoch: int, found: str, rate: float) -> NotFiniteError:
    layers = _layers(engine)
    weights = f"the weights of {layers} are not finite" if layers else "all weights are finite"
    return NotFiniteError(
        f"epoch {epoch}: {found}: {weights} (learning rate {rate:g}); try a smaller learning_rate or clip_norm, "
        f"and check that inputs and targets are scaled (in a spec by data.scale and data.target_scale)"
        f"{_plugins(engine.plan)}"
    )


def _layers(engine: Engine) -> str:
    """The layers, counted from 1, with parameters that are not finite; or the inputs alone."""
    broken = [name for name, tensor in engine.parameters().items() if not np.isfinite(tensor).all()]
    found = sorted({int(name.split(".")[1]) + 1 for name in broken if name.startswith("layers.")})
    if broken and not found:
        return "the inputs"
    if len(found) == len(engine.plan.layers) > 1:
        return "all layers"
    return f"layer{'s' * (len(found) > 1)} {', '.join(map(str, found))}" if found else ""


def _plugins(plan: Plan) -> str:
    """The components that others than numbann wrote, which may be at fault."""
    used = [plan.optimizer, plan.loss, *(layer.activation for layer in plan.layers if layer.activation)]
    names = {f'{one.component.kind} "{one.name}" of {one.component.plugin}' for one in used if one.component.plugin}
    return f"; or the fault is in {' or '.join(sorted(names))}" if names else ""
