"""The table of how a GPU does each kind of step of the chain: element by element, or by a kernel of its own.

A step whose elements depend on nothing else becomes a device function, which the kernel before it calls before it ends:
functions (launches, k, step) -> a device function of elements.py.  The other steps are functions (launches, k, step)
that add launches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numbann.components.component import Configured
from numbann.components.parameter import PLAIN
from numbann.cuda.compile import components as compiled
from numbann.cuda.engine.launches import Launches
from numbann.cuda.threads import elements, norm, op
from numbann.errors import DeviceError
from numbann.network.plan import Plan
from numbann.network.steps import Activation, AddInputs, Drop, Norm, Product, Step
from numbann.network.steps.step import ROW, SHARED
from numbann.simd.sizes import NORM_EPSILON, NORM_MOMENTUM

# ---- forward, element by element


def normalize(launches: Launches, k: int, step: Norm) -> Any:
    """z by the running statistics, in predictions."""
    return norm.running_norm(launches.dtype, NORM_EPSILON)


def activate(launches: Launches, k: int, step: Activation) -> Any:
    """a = f(z)."""
    value = module(launches, step.configured).value
    return elements.activate(value, launches.dtype, len(step.vectors), step.key is not None)


def drop(launches: Launches, k: int, step: Drop) -> Any:
    """a, or the dropped value."""
    return elements.drop(launches.dtype)


def add_inputs(launches: Launches, k: int, step: AddInputs) -> Any:
    """a + x, with the layer's inputs x."""
    return elements.add_inputs(launches.places.source(k))


# ---- the way back, element by element


def activate_back(launches: Launches, k: int, step: Activation) -> Any:
    """dz, and the gradients to f's trained vectors."""
    made = module(launches, step.configured)
    slopes = tuple(getattr(made, f"slope_{j}") for j in range(len(step.vectors)))
    return elements.activate_back(made.slope, slopes, launches.dtype, step.key is not None)


def drop_back(launches: Launches, k: int, step: Drop) -> Any:
    """da where a stayed, 0 where it was dropped."""
    return elements.drop_back(launches.dtype)


def add_inputs_back(launches: Launches, k: int, step: AddInputs) -> Any:
    """The gradient, stored for the layer below, too."""
    return elements.keep(op.SKIP)


# ---- launches


def launch_norm(launches: Launches, k: int, step: Norm) -> None:
    """z from h, over rows or columns."""
    kernel = (
        norm.batch_norm(launches.dtype, NORM_EPSILON, NORM_MOMENTUM)
        if step.batch
        else norm.layer_norm(launches.dtype, NORM_EPSILON)
    )
    launches.add_norm(k, kernel, step.scope == ROW)


def launch_norm_back(launches: Launches, k: int, step: Norm) -> None:
    """dh from dz, in place."""
    back = norm.batch_norm_back if step.batch else norm.layer_norm_back
    launches.add_norm(k, back(launches.dtype), step.scope == ROW)


def launch_rows(launches: Launches, k: int, step: Activation) -> None:
    """a = f(z) of whole rows."""
    launches.add_rows(k, elements.activate_rows(module(launches, step.configured).value))


def launch_rows_back(launches: Launches, k: int, step: Activation) -> None:
    """dz in D from da in DY, of whole rows."""
    launches.add_rows(k, elements.activate_rows_back(module(launches, step.configured).slope))


def module(launches: Launches, configured: Configured) -> Any:
    """The device functions of an activation."""
    return compiled.activation(configured.component, launches.dtype)


ByElements = Mapping[type[Step], Callable[[Launches, int, Any], Any]]
ByLaunch = Mapping[type[Step], Callable[[Launches, int, Any], None]]
FORWARD: ByElements = {Norm: normalize, Activation: activate, Drop: drop, AddInputs: add_inputs}
BACK: ByElements = {Activation: activate_back, Drop: drop_back, AddInputs: add_inputs_back}
LAUNCH_FORWARD: ByLaunch = {Norm: launch_norm, Activation: launch_rows}
LAUNCH_BACK: ByLaunch = {Norm: launch_norm_back, Activation: launch_rows_back}


def require(plan: Plan) -> None:
    """DeviceError if a network has a step that these tables lack, or trains numbers in a way that the kernels lack."""
    done = {Product, *FORWARD, *LAUNCH_FORWARD}
    for step in (step for layer in plan.layers for step in layer.training.steps):
        if type(step) not in done:
            raise DeviceError(f'{step.asked_by}: not done on a GPU; leave it out, or give train.device "cpu"')
    for k, layer in enumerate(plan.layers):
        component = layer.activation.component if layer.activation else None
        if component and (component.rows or component.gradients or layer.width != layer.outputs):
            subject = f"model.layers[{k}].activation: {component.title}"
            raise DeviceError(f'{subject}: {compiled.NO_ROWS}; choose another, or give train.device "cpu"')
    for k, layer in enumerate(plan.layers):
        if (layer.product.tuning, layer.product.bias_tuning) != (PLAIN, PLAIN):
            raise DeviceError(
                f"model.layers[{k}]: weights or biases with a rate or a decay of their own are not trained on a GPU; "
                'leave rate, optimizer.rates, bias_rate and bias_decay out, or give train.device "cpu"'
            )
    for name in plan.courses.keys() - {"weight_decay"}:
        raise DeviceError(f'{name}: does not change on a GPU; leave its schedule out, or give train.device "cpu"')
    for vector in plan.vectors:
        if vector.gradient == SHARED or vector.bounded or vector.tuning != PLAIN:
            raise DeviceError(
                f"{vector.name}: a number that units share, or with a rate, a decay or bounds of its own, is not "
                'trained on a GPU; choose another activation, or give train.device "cpu"'
            )
