"""Components as functions of NumPy arrays, by name or as decorated: get_activation, get_loss, get_optimizer.

What is no array of float32 or float64, and a parameter out of its range, is refused as by numbann.kernels:
KernelTypeError, ShapeError, KernelValueError.  They are for Python; @njit code calls numbann.kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from numbann.components.component import Component, Configured, Function
from numbann.components.declare import freeze
from numbann.components.matrices import shape_of, step_of_matrices
from numbann.errors import KernelValueError, PluginError, RegistryError
from numbann.kernels.arguments import Argument
from numbann.kernels.components import array_functions
from numbann.kernels.parameters import check_numbers, defaults_of
from numbann.kernels.signatures import check
from numbann.plugins.finding import with_files
from numbann.records import dataclass


@dataclass(frozen=True)
class ActivationFunction:
    """An activation with its parameters: a = act(z), dz = act.backward(da, z, a)."""

    configured: Configured

    def __repr__(self) -> str:
        return _text(self.configured)

    def __call__(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """a = f(z), of z's shape."""
        return _function(self.configured.component)(z, *self.configured.values.values(), out=out)

    def backward(self, da: np.ndarray, z: np.ndarray, a: np.ndarray, out: Any = None) -> Any:
        """dz, the gradient to z, from da, the gradient to a; all arrays have z's shape.

        With trained parameters a tuple of dz and the gradient to each of them (O,), of each unit.
        """
        return _function(self.configured.component, "_backward")(da, z, a, *self.configured.values.values(), out=out)


@dataclass(frozen=True)
class LossFunction:
    """A loss with its parameters: value, dy = loss(y, t), both for the mean over rows and outputs."""

    configured: Configured

    def __repr__(self) -> str:
        return _text(self.configured)

    def __call__(self, y: np.ndarray, t: np.ndarray, out: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """The mean loss and its gradient dy (B, O); y (B, O); t: classes (B,) or rows (B, O), as the loss needs."""
        return _function(self.configured.component)(y, t, *self.configured.values.values(), out=out)


@dataclass(frozen=True)
class OptimizerFunction:
    """An optimizer with its parameters: state = opt.init(w), then opt.step(w, g, state), in place."""

    configured: Configured
    weight_decay: float

    def __repr__(self) -> str:
        return _text(self.configured, **{"weight_decay": self.weight_decay, **self.configured.values})

    def init(self, w: np.ndarray) -> dict[str, Any]:
        """The state of new weights w: arrays of zeros, a copy of w that predicts if one does, the count of steps."""
        check(f"{self.configured.name}.init", (Argument("w", "written"),), [w])
        component, shapes = self.configured.component, dict.fromkeys(self.configured.stored_states, w.shape)
        for name in component.shapes:
            shapes[name] = shape_of(component, name, np.atleast_2d(w).shape)
        states = {name: np.zeros(shape, w.dtype) for name, shape in shapes.items()}
        return {"step": 0, **states, **({component.predicts: w.copy()} if component.predicts else {})}

    def step(self, w: np.ndarray, g: np.ndarray, state: dict[str, Any], *, batch_size: int = 1) -> None:
        """Update w by its gradient g, in place; state changes, too, and counts the step.

        batch_size: the rows behind g, for optimizers that ask.  Sums over a network are those over w alone.
        """
        component, step = self.configured.component, state["step"] + 1
        states = {name: state[name] for name in self.configured.stored_states}
        if component.form == "matrix":
            self._step_of_matrix(w, g, {**states, "step": step, "batch_size": batch_size})
        else:
            counted = {"step": step} if "step" in component.roles else {}
            counted |= {"batch_size": batch_size} if "batch_size" in component.roles else {}
            values = {"weight_decay": self.weight_decay, **self.configured.values}
            _function(component, "_step")(w, g, **states, **counted, **values)
        state["step"] = step

    def _step_of_matrix(self, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> None:
        """The step of an optimizer of whole matrices; a vector is a matrix of one row."""
        component = self.configured.component
        arguments = (Argument("w", "written"), Argument("g", "array"))
        sizes = {name: len(shape) for name, shape in component.shapes.items()}
        states = tuple(Argument(name, "written", sizes.get(name)) for name in component.states)
        check(f"{component.name}.step", arguments + states, [w, g, *(state[name] for name in component.states)])
        if "weight_decay" not in component.roles:
            g = g + self.weight_decay * w
        given = {**state, "w": w, "g": g}
        arrays = {name: np.atleast_2d(given[name]) for name in ("w", "g", *component.states) if name not in sizes}
        numbers = {"step": state["step"], "batch_size": state["batch_size"], "layer": 1, "layers": 1}
        numbers["weight_decay"] = self.weight_decay
        step_of_matrices(component, [{**given, **numbers, **self.configured.values, **arrays}])


def get_activation(
    name: str | Function, *, plugins: Iterable[str | Path] = (), **parameters: Any
) -> ActivationFunction:
    """The activation of a name, such as get_activation("elu", alpha=0.7); RegistryError if there is none.

    name: also a function decorated with @activation.  plugins: files in which the name is looked up, too.
    """
    return ActivationFunction(_configured(_component("activation", name, plugins), parameters))


def get_loss(name: str | Function, *, plugins: Iterable[str | Path] = (), **parameters: Any) -> LossFunction:
    """The loss of a name, such as get_loss("mse"); RegistryError if there is none.

    name: also a function decorated with @loss.  plugins: files in which the name is looked up, too.
    """
    return LossFunction(_configured(_component("loss", name, plugins), parameters))


def get_optimizer(
    name: str | Function,
    *,
    plugins: Iterable[str | Path] = (),
    weight_decay: float | None = None,
    **parameters: Any,
) -> OptimizerFunction:
    """The optimizer of a name, such as get_optimizer("adam", learning_rate=1e-3); RegistryError if there is none.

    name: also a function decorated with @optimizer.  plugins: files in which the name is looked up, too.
    weight_decay: None is 0, or the default of an optimizer that applies it itself, such as adamw.
    """
    component = _component("optimizer", name, plugins)
    if component.form == "solver":
        raise PluginError(f"{component.told}: evaluates the loss itself, so it has no step; a spec can name it")
    if "weight_decay" in component.defaults() and weight_decay is not None:
        parameters["weight_decay"] = weight_decay
    decay = 0.0 if weight_decay is None else weight_decay
    return OptimizerFunction(_configured(component, parameters, weight_decay=decay), decay)


def _configured(component: Component, parameters: Mapping[str, Any], **more: Any) -> Configured:
    """The component with its parameters, if each is a finite number or a flag in its range."""
    made = component.configured(**parameters)
    given = {**defaults_of(component), **more, **made.values}
    check_numbers(component, component.name, given)
    for it, value in given.items():
        if not math.isfinite(value):
            raise KernelValueError(f"{component.name}: {it} is {value}; give a finite number")
    return made


def _text(configured: Configured, **more: Any) -> str:
    """The call that makes the function."""
    values = [f"{it}={value!r}" for it, value in {**configured.values, **more}.items()]
    return f"get_{configured.component.kind}({', '.join([repr(configured.name), *values])})"


def _component(kind: str, name: Any, plugins: Iterable[str | Path]) -> Component:
    """The component of a name, or that a function declares; RegistryError if there is none."""
    if hasattr(name, "__numbann__"):
        component = freeze(name)
        if component.kind != kind:
            raise RegistryError(f"{component.told} is no {kind}; numbann.get_{kind} takes one")
        return _read(component)
    if not isinstance(name, str):
        known = f"a name, such as numbann show lists, or a function with @{kind}"
        raise RegistryError(f"get_{kind} takes {known}, not {name!r}")
    files = [plugins] if isinstance(plugins, str | Path) else plugins
    component = with_files(map(Path, files)).get(kind, name)
    return component if component.plugin is None else _read(component)


def _read(component: Component) -> Component:
    """The component, if its source can be compiled, else PluginError."""
    array_functions(component)
    return component


def _function(component: Component, suffix: str = "") -> Any:
    return array_functions(component)[component.name + suffix]
