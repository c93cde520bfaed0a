"""Checks of compiled kernels: the working precision throughout, no NaN from extreme numbers, and NaN from NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numbann.compile.precision import Lowered
from numbann.components.component import Component, call
from numbann.derivation import derivative_of
from numbann.derivation.outputs import outputs_of, rows_of
from numbann.testing.findings import Doubt, Fault, spot_of
from numbann.testing.kernels import Update, backward_block, forward_block, loss_block, with_noise_given
from numbann.testing.settings import UNDEFINED, noises_of, rows_of_targets, target_points, widths_of

DTYPES = ("float32", "float64")
NEAR = [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 1e-30, -1e-30, 1.0, -1.0, 30.0, -30.0]
FAR = [100.0, -100.0, 1e4, -1e4]
INFINITE = [math.inf, -math.inf]
WIDE = np.linspace(-20.01, 20.02, 1601).astype("f4")  # odd ends, so that no point is on a kink


def parts_of(component: Component) -> list[Callable[..., Any]]:
    """The functions of a component that are compiled."""
    parts = (component.function, component.derivative, *component.slopes.values(), component.backward)
    return [part for part in parts if part is not None]


def check_source(component: Component) -> str:
    """The source of its functions, and of those that they call, can be compiled."""
    for part in parts_of(component):
        Lowered("float32", component=component).add(part)
    if component.gives is not None:
        link = outputs_of(component.configured()).component
        Lowered("float32", component=link).add(link.function)
    return "only what can be compiled"


def check_precision(component: Component) -> str:
    """Compiled for float32 and for float64, all numbers have that precision, and the results agree."""
    single, double = (_run_kernels(component, dtype, WIDE) for dtype in DTYPES)
    largest = 0.0
    for (name, part, got), (_, _, expected) in zip(single, double, strict=True):
        far = np.abs(got.astype("f8") - expected) / np.maximum(np.abs(expected), 1.0)
        lost = np.isfinite(expected) & (np.abs(expected) < np.finfo("f4").max) & ~np.isfinite(got)
        far = np.where(lost, np.inf, np.where(np.isfinite(far), far, 0.0))
        if not np.isfinite(expected).any():
            raise Fault(
                f"{name} is finite nowhere from {WIDE[0]:.3g} to {WIDE[-1]:.3g}",
                spot_of(part),
                "give finite numbers; noise is drawn from 2^-25 to 1 - 2^-24",
            )
        if far.max() > 1e-3:
            worst = int(far.argmax())
            raise Doubt(
                f"{name} loses digits in float32: {got[worst]:.6g} where float64 gives {expected[worst]:.6g}",
                spot_of(part),
                "a difference of large numbers, or a formula that overflows, can often be written otherwise",
            )
        largest = max(largest, float(far.max()))
    return f"float32 stays float32 and float64 stays float64; they differ by {largest:.0e}"


# ---- results of kernels: (name, the author's function, numbers)

Results = list[tuple[str, Callable[..., Any], np.ndarray]]


def _run_kernels(component: Component, dtype: str, x: np.ndarray) -> Results:
    """The results of the kernels at z, y or g = x; in a row the first element is x, the others are 0."""
    if component.kind == "optimizer":
        return _run_step(component, dtype, x)
    if component.kind == "loss":
        return _run_losses(rows_of(component), dtype, x)
    z = np.zeros((len(x), widths_of(component.configured(), 1 if component.form == "elementwise" else 3)[0]))
    z[:, 0] = x
    noises = noises_of(component) if component.form == "elementwise" else (0.5,)  # that of rows stays what it is
    return [result for u in noises for result in _run_activation(component, dtype, z, u)]


def _run_activation(component: Component, dtype: str, z: np.ndarray, u: float) -> Results:
    derivative = component.backward or derivative_of(component)
    noisy = "u" in component.roles and component.form == "elementwise"
    component, noise = (with_noise_given(component), {"u": u}) if noisy else (component, {})
    at = f" with u = {u:g}" if noisy else ""
    forward = forward_block(component, dtype, z, **noise)
    forward(len(z))
    a = forward["A"][:, : forward.made]
    backward = backward_block(component, dtype, z, a, **noise)
    backward(len(z))
    return [(f"a{at}", component.function, a[:, 0]), (f"da/dz{at}", derivative, backward["D"][:, 0])]


def _run_losses(component: Component, dtype: str, x: np.ndarray) -> Results:
    results: Results = []
    y = np.zeros((len(x), 1 if component.form == "elementwise" else 3 * component.traits["outputs"]))
    y[:, 0] = x
    derivative = component.function if component.form == "row" else derivative_of(component)
    for t in _targets(component, y):
        block = loss_block(component, dtype, y, t)
        block(len(x))
        at = f" for t = {t[0, 0]:g}" if component.form == "elementwise" else ""
        results.append((f"the loss{at}", component.function, block["ROW_LOSS"]))
        results.append((f"its derivative{at}", derivative, block["D"][:, 0]))
    return results


def _targets(component: Component, y: np.ndarray) -> Iterator[np.ndarray]:
    if component.form == "elementwise":
        yield from (np.full(y.shape, t) for t in target_points(component))
    elif "label" in component.roles:
        yield from (np.full(len(y), label) for label in (0, 1))
    else:
        yield np.repeat(rows_of_targets(component, 1, y.shape[1], np.random.default_rng(0)), len(y), axis=0)


def _run_step(component: Component, dtype: str, g: np.ndarray) -> Results:
    update = Update(component.configured(), dtype, g)
    update(len(g))
    return [("w after a step", component.function, update.arena[0])]


# ---- extremes


def check_extremes(component: Component) -> str:
    """Numbers give no NaN, numbers near 0 give no infinity, and NaN gives NaN."""
    infinite = INFINITE if component.kind == "activation" and component.form == "elementwise" else []
    x = np.array([*NEAR, *FAR, *infinite, math.nan])
    argument = {"activation": "z", "loss": "y", "optimizer": "g"}[component.kind]
    doubts = []
    for dtype in DTYPES:
        for name, part, found in _run_kernels(component, dtype, x):
            for at, value in zip(x.tolist(), found.tolist(), strict=True):
                pass_nan = name.partition(" ")[0] == "a" or name.startswith("the loss")
                doubts.append(
                    _check_value(component, part, pass_nan, f"{name} is {value:g} at {argument} = {at:g}", at, value)
                )
    doubt = next(filter(None, doubts), None)
    if doubt:
        raise doubt
    shown = "0, -0, 1e-45, ..., 1e4" + (", inf" if infinite else "")
    return f"no NaN for {argument} = {shown}" + ("" if component.kind == "optimizer" else "; NaN comes through")


def _check_value(
    component: Component, part: Callable[..., Any], pass_nan: bool, what: str, at: float, value: float
) -> Doubt | None:
    """Check a value: raises a Fault, returns a Doubt, or None if it is right.  pass_nan: NaN must give NaN."""
    if math.isnan(at):
        if pass_nan and not math.isnan(value):
            raise Fault(
                f"{what}: NaN does not come through",
                spot_of(part),
                "let comparisons with NaN fail into the branch that has the input: 0 if z < 0 else z",
            )
        return None
    if math.isnan(value):
        if abs(at) <= 30 or (math.isfinite(at) and not _is_undefined(component, part, at)):
            raise Fault(what, spot_of(part), _advise(at))
        reason = "z is infinite only after training has failed" if math.isinf(at) else "fine if it never gets there"
        return Doubt(what, spot_of(part), f"{reason}; else write it by parts: ... if z < 0 else ...")
    if math.isinf(value) and abs(at) <= 30:
        raise Fault(what, spot_of(part), _advise(at))
    return None


def _is_undefined(component: Component, part: Callable[..., Any], at: float) -> bool:
    """Whether plain Python, in float64, has no value at this point either."""
    given = {**component.defaults(), "z": at, "y": at, "g": at, "t": 0.5, "u": 0.5, "a": math.nan}
    try:
        return math.isnan(call(part, **given))
    except UNDEFINED as error:
        return isinstance(error, ValueError)
    except Exception:
        return False


def _advise(at: float) -> str:
    if abs(at) < 1e-20:
        return "treat 0 by itself, as in: ... if z != 0 else 0"
    return "write it so that nothing overflows, such as exp(-abs(z)), or by parts: ... if z < 0 else ..."
