"""Checks that optimizers, schedules, initializers and metrics do their job, in plain Python."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from numbann.components.component import Component, call
from numbann.components.matrices import shape_of, step_of_matrices
from numbann.testing.findings import Doubt, Fault, spot_of
from numbann.testing.settings import read_only

STEPS, MATRIX_STEPS = 3000, 1000
EPOCHS, STEPS_AN_EPOCH = 12, 5
SHAPE = (64, 32)
LAYERS = 3
MATRICES, WIDER = ((6, 4), (1, 4)), (3, 5)  # weights and biases of a layer, and weights with more outputs than inputs
HARD = {  # gradients of six steps: a drawn matrix times these
    "are 0": (0.0,) * 6,
    "are tiny": (1e-30,) * 6,
    "are huge": (1e10,) * 6,
    "end": (1.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    "begin after zeros": (0.0, 0.0, 1e-30, 1.0, 1.0, 1.0),
}


def check_descent(component: Component) -> str:
    """An optimizer reduces w^2 / 2 from w = 1, and a first step with gradient 0 gives finite numbers."""
    place, values = spot_of(component.function), component.defaults()
    first, states = _step(component, values, 1.0, 0.0, 1, _first_states(component))
    if not all(map(math.isfinite, (first, *states))):
        raise Fault(
            f"a first step without any gradient gives w = {first:g}",
            place,
            "divide by no state that may be 0: add an epsilon",
        )
    w, states = 1.0, _first_states(component)
    for step in range(1, STEPS + 1):
        w, states = _step(component, values, w, w, step, states)
    name = component.predicts or "w"
    predicting = dict(zip(component.states, states, strict=True)).get(name, w)
    for found, number in (("w", w), (name, predicting)):
        if not abs(number) < 0.99:
            fault = f"w^2 / 2 does not fall from w = 1: after {STEPS} steps {found} = {number:g}"
            raise Fault(fault, place, "look at the signs")
    for state, parameter in component.traits["optional"].items():
        _check_optional(component, state, parameter)
    return f"brings w^2 / 2 down, from w = 1 to {predicting:.2g} in {STEPS} steps; a step without gradient does no harm"


def _check_optional(component: Component, state: str, parameter: str) -> None:
    """An optional state must not change w while its parameter is 0, since it is not stored then."""
    values = {**component.defaults(), parameter: type(component.defaults()[parameter])(0)}
    kept, dropped = (1.0, _first_states(component)), (1.0, _first_states(component))
    for step in range(1, 21):
        kept = _step(component, values, kept[0], kept[0], step, kept[1])
        without = [0.0 if name == state else x for name, x in zip(component.states, dropped[1], strict=True)]
        dropped = _step(component, values, dropped[0], dropped[0], step, without)
    if kept[0] != dropped[0]:
        raise Fault(
            f'optional says that "{state}" is not needed while {parameter} = 0, but it changes w',
            spot_of(component.function),
            f"leave {state!r} out of optional, or use it only if {parameter} is not 0",
        )


def _first_states(component: Component, w: float = 1.0) -> list[float]:
    """Zeros, and w for the state that predicts."""
    return [w if state == component.predicts else 0.0 for state in component.states]


def _step(
    component: Component, values: dict[str, Any], w: float, g: float, step: int, states: list[float]
) -> tuple[float, list[float]]:
    """Make one step of an optimizer; returns w and the states after it."""
    given = {"learning_rate": 0.01, "weight_decay": 0.0, "batch_size": 32, **values, "step": step}
    result = call(component.function, w=w, g=g, **given, **dict(zip(component.states, states, strict=True)))
    moved, *kept = result if component.states else (result,)
    return moved, kept


def check_matrices(component: Component) -> str:
    """An optimizer of whole matrices reduces a sum of squares in place, of a matrix and of a bias (1, O)."""
    place = spot_of(component.function)
    matrices = [_matrix_of(component, shape) for shape in MATRICES]
    predicting = component.predicts or "w"
    first = [float(np.linalg.norm(one["w"])) for one in matrices]
    for step in range(MATRIX_STEPS + 1):
        for one in matrices:
            one["g"] = one["w"] * (step > 0)  # a first step without any gradient
        if any(one is not None for one in _step_matrices(component, matrices, step + 1)):
            raise Fault("returns something", place, "change w and the states in place: w -= ..., m[:] = ...")
    falls = [float(np.linalg.norm(one[predicting])) / norm for one, norm in zip(matrices, first, strict=True)]
    for shape, fall in zip(MATRICES, falls, strict=True):
        if not fall < 0.99:
            raise Fault(
                f"the norm of {predicting} {shape} does not fall: in {MATRIX_STEPS} steps to {fall:.3g} of it",
                place,
                "look at the signs, and divide by no norm that may be 0",
            )
    for state in component.states:
        if not any(one[state].any() for one in matrices):
            raise Doubt(f"the state {state} stays 0", place, f"change it in place, as in {state}[:] = ...")
    return "brings the norm of w down in {} steps, of a matrix to {:.2g}, of a bias to {:.2g} of it".format(
        MATRIX_STEPS, *falls
    )


def check_steps(component: Component) -> str:
    """w and the states of an optimizer of whole matrices stay finite, in both precisions, whatever the gradients."""
    shapes = (*MATRICES, WIDER)
    for dtype, (said, sizes) in product(("float32", "float64"), HARD.items()):
        matrices = [_matrix_of(component, shape, dtype) for shape in shapes]
        drawn = [np.random.default_rng(1).standard_normal(shape).astype(dtype) for shape in shapes]
        for step, size in enumerate(sizes, 1):
            for one, g in zip(matrices, drawn, strict=True):
                one["g"] = g * np.array(size, dtype)
            _step_matrices(component, matrices, step)
            for name, one in product(("w", *component.states), matrices):
                if not np.isfinite(one[name]).all():
                    number = one[name].ravel()[np.argmin(np.isfinite(one[name]))]
                    raise Fault(
                        f"{name} {one[name].shape} is {number:g} after step {step} in {dtype}, where gradients {said}",
                        spot_of(component.function),
                        "divide gradients by their norm before you raise them to a power"
                        if said == "are huge"
                        else "divide by no number that may be 0, also after it is squared: add an epsilon",
                    )
    return f"w and states stay finite in float32 and float64, where gradients {', '.join(HARD)}"


def _step_matrices(component: Component, matrices: list[dict[str, np.ndarray]], step: int) -> list[Any]:
    numbers = {"learning_rate": 0.01, "weight_decay": 0.0, **component.defaults()}
    counted = {"step": step, "batch_size": 32, "layer": 1, "layers": 1, **numbers}
    return step_of_matrices(component, [{**one, **counted} for one in matrices])


def _matrix_of(component: Component, shape: tuple[int, int], dtype: str = "float64") -> dict[str, np.ndarray]:
    """Weights at random, and states of zeros but for one that predicts, by name."""
    w = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    states = {name: np.zeros(shape_of(component, name, shape), dtype) for name in component.states}
    return {"w": w, **states, **({component.predicts: w.copy()} if component.predicts else {})}


def check_solver(component: Component) -> str:
    """A solver reduces a sum of squares in place."""
    place = spot_of(component.function)
    memory: dict[str, np.ndarray] = {}
    w = np.random.default_rng(0).standard_normal(6)
    start, settings = np.linalg.norm(w), {"learning_rate": 0.1, **component.defaults()}
    for step in range(1, EPOCHS + 1):
        given = {"w": w, "evaluate": _evaluate_squares, "memory": memory, "step": step, **settings}
        if call(component.function, **given) is not None:
            raise Fault("returns something", place, "change w in place: w[:] = ...")
        if not all(isinstance(kept, np.ndarray) for kept in memory.values()):
            raise Fault("memory holds what is no array, so checkpoints cannot", place, "make it one: np.array([...])")
    fell = float(np.linalg.norm(w) / start)
    if not fell < 0.99:
        raise Fault(f"the norm of w does not fall: in {EPOCHS} epochs to {fell:.3g} times what it was", place)
    return f"brings the norm of w down to {fell:.2g} of it in {EPOCHS} epochs"


def _evaluate_squares(w: np.ndarray) -> tuple[float, np.ndarray]:
    """w^2 / 2 and its gradient; w is rounded in place, as in training."""
    w[:] = w.astype(np.float32)
    return float(w @ w) / 2, w.copy()


def check_factors(component: Component) -> str:
    """A schedule returns a finite factor of at least 0, and its states, at every step of a training."""
    factors, again = _factors_of(component), _factors_of(component)
    if factors != again:
        place, remedy = spot_of(component.function), "keep nothing between calls; states go in and out by arguments"
        raise Fault("gives other factors in a second training", place, remedy)
    return f"its factors are from {min(factors):.3g} to {max(factors):.3g}"


def _factors_of(component: Component) -> list[float]:
    """The factors of a training."""
    place, required = spot_of(component.function), _required(component)
    states, factors = _first_states(component), []
    for index in range(EPOCHS * STEPS_AN_EPOCH):
        fixed = {"step": index, "steps": EPOCHS * STEPS_AN_EPOCH, "epoch": index / STEPS_AN_EPOCH, "epochs": EPOCHS}
        monitor = math.inf if index < STEPS_AN_EPOCH else 1.0
        result = call(
            component.function,
            **{**required, **component.defaults(), **fixed, "monitor": monitor},
            **dict(zip(component.states, states, strict=True)),
        )
        got = len(result) if isinstance(result, tuple) else 1
        if got != 1 + len(states):
            names = ", ".join(["factor", *component.states])
            raise Fault(f"returns {got} of {1 + len(states)} values", place, f"return {names}")
        factor, *states = result if component.states else (result,)
        factors.append(factor)
        if not (isinstance(factor, (int, float)) and math.isfinite(factor) and factor >= 0):
            given = f"{factor:.3g}" if isinstance(factor, float) else repr(factor)
            raise Fault(f"gives the factor {given} at step {index}", place, "give a number, at least 0")
    return factors


def _required(component: Component) -> dict[str, Any]:
    """Values for the parameters that a spec must give."""
    from numbann.spec.components import REQUIRED, parameters_of

    return {parameter.name: 1 for parameter in parameters_of(component) if parameter.default is REQUIRED}


def check_weights(component: Component) -> str:
    """An initializer returns finite weights of the shape, the same for the same generator, for every layer."""
    place, shapes = spot_of(component.function), (SHAPE, *([SHAPE[1:]] if "z" in component.roles else []))
    for layer in range(LAYERS, 0, -1):
        first, second = (_weights_of(component, layer) for _ in range(2))
        if first.shape not in shapes:
            raise Fault(f"gives {first.shape} for the shape {SHAPE}", place, "return an array of the shape")
        if not np.isfinite(first).all():
            raise Fault("gives weights that are not finite", place)
        if not np.array_equal(first, second):
            raise Fault("gives other weights for the same generator", place, "draw from the argument random alone")
    return f"gives weights of mean {first.mean():.2g} and deviation {first.std():.2g} for {SHAPE[0]} x {SHAPE[1]}"


def _weights_of(component: Component, layer: int) -> np.ndarray:
    """The weights of a layer for a sample of rows, which cannot be changed in place."""
    seen = {"x": (256, SHAPE[0]), "z": (256, SHAPE[1])}
    sample = {role: np.random.default_rng(1).standard_normal(size) for role, size in seen.items()}
    given = {"shape": SHAPE, "random": np.random.default_rng(0), "layer": layer, "layers": LAYERS}
    given |= {role: read_only(array) for role, array in sample.items()}
    return np.asarray(call(component.function, **given, **component.defaults()))


def check_measure(component: Component) -> str:
    """A metric is a finite number, and at least as good for right predictions as for random ones.

    Values are of one target and of two, and only those above 0 if others give no number.  One of a loss's outputs is
    only called: what they are where all is right, its author knows.
    """
    place, random = spot_of(component.function), np.random.default_rng(0)
    classes = "value" not in component.roles and not component.outputs
    for targets in (1,) if classes else (2, 1):
        size = 200 if classes else (200, targets)
        t: np.ndarray
        t, drawn = (random.integers(0, 2, size) if classes else random.normal(0, 1, size) for _ in range(2))
        if not classes and not np.isfinite(_measure(component, t, drawn)).all():
            t, drawn = np.abs(t) + 0.1, np.abs(drawn) + 0.1
        right, wrong = (_measure(component, t, found) for found in (t, drawn))
        for value in (right, wrong):
            _check_number(value, f" of {targets} targets" if targets > 1 else "", place)
    if component.outputs:
        return f"is {float(wrong):.3g} where {', '.join(component.outputs)} are drawn"
    if wrong > right if component.traits["better"] == "higher" else wrong < right:
        raise Fault(
            f"is {right:g} where all is right and {wrong:g} where it is drawn",
            place,
            f'better is "{component.traits["better"]}": is that so?',
        )
    return f"is {float(right):.3g} where all is right and {float(wrong):.3g} where it is drawn"


def _check_number(value: Any, of: str, place: str) -> None:
    """A number, or an array of one without dimensions."""
    if np.shape(value) or not isinstance(value, (int, float, np.number, np.ndarray)):
        what = f"an array of the shape {np.shape(value)}" if np.shape(value) else f"{value!r:.60}"
        raise Fault(f"gives {what}{of}, not one number", place, "return one: the mean over rows and targets, say")
    if not math.isfinite(value):
        raise Fault(f"gives {value:g}{of}, not a finite number", place)


def _measure(component: Component, t: np.ndarray, found: np.ndarray) -> Any:
    probability = np.stack([1 - found, found], axis=1).astype(float) if found.dtype.kind == "i" else None
    given = {"t": t, "label": found, "value": found, "probability": probability, "weight": np.ones(len(t))}
    given["group"] = np.arange(len(t)) // 5
    given |= {name: abs(found) for name in component.outputs}
    given = {name: read_only(array) for name, array in given.items() if array is not None}
    return call(component.function, **given, **component.defaults())
