"""Checks of compiled kernels: the working precision throughout, no NaN from extreme numbers, and NaN from NaN.

One argument moves at a time: each element of a row and each named output in its turn, and each trained parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from numbann.compile.precision import Lowered
from numbann.components.component import Component, call
from numbann.derivation import derivative_of, derivative_to
from numbann.derivation.outputs import outputs_of, rows_of
from numbann.records import dataclass
from numbann.testing.batches import BatchKernels, alike_by_column, outputs_in, targets_of
from numbann.testing.findings import Doubt, Fault, spot_of
from numbann.testing.kernels import EmbeddingBlock, Update, backward_block, forward_block, loss_block, with_noise_given
from numbann.testing.settings import (
    UNDEFINED,
    describe,
    given_targets,
    noises_of,
    rows_of_targets,
    target_points,
    trained_settings_of,
    widths_of,
)

DTYPES = ("float32", "float64")
BATCH = 4  # rows, for a loss of whole batches
NEAR = [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 1e-30, -1e-30, 1.0, -1.0, 30.0, -30.0]
FAR = [100.0, -100.0, 1e4, -1e4]
INFINITE = [math.inf, -math.inf]
WIDE = np.linspace(-20.01, 20.02, 1601).astype("f4")  # odd ends, so that no point is on a kink
WIDTH = 3
FEW_DIGITS, WRONG, SHARE = 1e-3, 0.1, 0.01  # relative errors of float32, and a share of points
REPEATED = 5  # steps of an optimizer


def parts_of(component: Component) -> list[Callable[..., Any]]:
    """The functions of a component that are compiled."""
    parts = (component.function, component.derivative, *component.slopes.values(), component.backward)
    parts = (*parts, *component.each.values())
    for term in component.terms:
        parts = (*parts, term.function, *term.slopes.values())
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
    x = WIDE / 4 if component.kind == "embedding" else WIDE  # the inputs of a network are scaled
    single, double = (list(_run_kernels(component, dtype, x)) for dtype in DTYPES)
    return f"float32 stays float32 and float64 stays float64; they differ by {max(map(_compare, single, double)):.0e}"


def _compare(single: Result, double: Result) -> float:
    """The largest relative error of float32; Doubt or Fault if it is too large."""
    got, expected = single.values, double.values
    far = np.abs(got.astype("f8") - expected) / np.maximum(np.abs(expected), 1.0)
    lost = np.isfinite(expected) & (np.abs(expected) < np.finfo("f4").max) & ~np.isfinite(got)
    far = np.where(lost, np.inf, np.where(np.isfinite(far), far, 0.0))
    empty = ~np.isfinite(expected).any(axis=(0, 1))
    if empty.any():
        raise Fault(
            f"{single.name_of(int(empty.argmax()))} is finite nowhere from {WIDE[0]:.3g} to {WIDE[-1]:.3g}",
            spot_of(single.part),
            "give finite numbers; noise is drawn from 2^-25 to 1 - 2^-24, a trained parameter goes to its bounds, and "
            'targets are what `target` says ("above" is for one that is above the column before it)',
        )
    if far.max() > FEW_DIGITS:
        worst = np.unravel_index(int(far.argmax()), far.shape)
        name, share = single.name_of(int(worst[2])), float(((far > WRONG) & np.isfinite(got)).mean())
        what = f"{got[worst]:.6g} where float64 gives {expected[worst]:.6g}"
        if share > SHARE:
            raise Fault(
                f"{name} is wrong in float32: {what}, and so at {share:.0%} of the points",
                spot_of(single.part),
                "a float32 has 7 digits: write no difference of nearly equal numbers, and no step below 1e-4",
            )
        raise Doubt(
            f"{name} loses digits in float32: {what}",
            spot_of(single.part),
            "a difference of large numbers, or a formula that overflows, can often be written otherwise",
        )
    return float(far.max())


# ---- results of kernels


@dataclass(frozen=True)
class Result:
    """What a kernel gives where one argument after the other is x, and the others stay what they are.

    part: the author's function.  moved: the arguments in words.  values (moved, x, n): n numbers, called by `names`.
    condition: what else is given.  forward: whether NaN must give NaN.
    """

    part: Callable[..., Any]
    moved: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    condition: str = ""
    forward: bool = False

    def name_of(self, k: int) -> str:
        """One of the n numbers, for a message."""
        return self.names[k] + self.condition


def _run_kernels(component: Component, dtype: str, x: np.ndarray) -> Iterator[Result]:
    """The results of the kernels where each z, y or g in its turn is x: the others are 0 or drawn."""
    if component.kind == "optimizer":
        yield _run_step(component, dtype, x)
    elif component.kind == "loss":
        yield from _run_losses(component, dtype, x)
    elif component.kind == "embedding":
        yield from _run_embeddings(component, dtype, x)
    else:
        yield from _run_activations(component, dtype, x)


def _run_embeddings(component: Component, dtype: str, x: np.ndarray) -> Iterator[Result]:
    """An output, of one term by each function, and the derivatives of the outputs' sum to what is trained."""
    for values in trained_settings_of(component):
        at, block = describe(values, component), EmbeddingBlock(component, dtype, x, values)
        found = block.outputs()[None]
        yield Result(component.function, ("x",), _name_elements("e", found.shape[2]), found, at, forward=True)
        names = tuple(f"its derivative to {name}" for name in block.names)
        yield Result(component.function, ("x",), names, block.slopes()[None], at)


def _rows_moved(x: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Rows (width x, width) where each element in its turn is x, and the others are 0; then again, where they are not.

    One element has no others.
    """
    drawn = np.random.default_rng(0).normal(0, 2, width)
    for others in (np.zeros(width), drawn)[: 1 + (width > 1)]:
        rows = np.tile(others, (width, len(x), 1))
        for k in range(width):
            rows[k, :, k] = x
        yield rows.reshape(-1, width)


def _run_activations(component: Component, dtype: str, x: np.ndarray) -> Iterator[Result]:
    single = component.form == "elementwise"
    width, _ = widths_of(component.configured(), 1 if single else WIDTH)
    noises = noises_of(component) if single else (0.5,)  # that of rows stays what it is
    for values, u, z in product(trained_settings_of(component), noises, _rows_moved(x, width)):
        yield from _run_activation(component, dtype, z, values, u)


def _run_activation(
    component: Component, dtype: str, z: np.ndarray, values: dict[str, Any], u: float
) -> Iterator[Result]:
    derivative, single = component.backward or derivative_of(component), component.form == "elementwise"
    at = describe(values, component)
    if single and "u" in component.roles:
        component, values, at = with_noise_given(component), {**values, "u": u}, f" with u = {u:g}{at}"
    forward = forward_block(component, dtype, z, **values)
    forward(len(z))
    a = forward["A"][:, : forward.made]
    backward = backward_block(component, dtype, z, a, **values)
    backward(len(z))
    moved = ("z",) if single else _name_elements("z", z.shape[1])
    names = ("a",) if single else _name_elements("a", forward.made)
    slopes = ("da/dz",) if single else _name_elements("dz", z.shape[1])
    dz = backward["D"][:, : z.shape[1]]
    yield Result(component.function, moved, names, a.reshape(len(moved), -1, a.shape[1]), at, forward=True)
    yield Result(derivative, moved, slopes, dz.reshape(len(moved), -1, dz.shape[1]), at)


def _name_elements(name: str, width: int) -> tuple[str, ...]:
    return tuple(f"{name}[{k}]" for k in range(width))


def _run_batches(component: Component, dtype: str, x: np.ndarray) -> Iterator[Result]:
    """The sum of all rows' parts and its derivatives, in batches of four rows."""
    outputs = outputs_in(component, 2)
    moved = tuple(f"y[{row}, {k}]" for row in range(BATCH) for k in range(outputs))
    target = targets_of(component, BATCH, outputs, np.random.default_rng(0))
    kernels = [BatchKernels(component, dtype, np.zeros((BATCH, outputs)), each) for each in alike_by_column(target)]
    for y in _rows_moved(x, len(moved)):
        found = np.array([sum(run(each) for run in kernels) for each in y]).reshape(len(moved), len(x), -1)
        yield Result(component.function, moved, ("the loss",), found[:, :, :1], forward=True)
        yield Result(component.function, moved, tuple(f"its derivative to {name}" for name in moved), found[:, :, 1:])


def _run_losses(component: Component, dtype: str, x: np.ndarray) -> Iterator[Result]:
    if component.form == "batch":
        yield from _run_batches(component, dtype, x)
        return
    single, named = component.form == "elementwise", component.outputs
    moved = ("y",) if single else named or _name_elements("y", WIDTH)
    slopes = ("its derivative",) if single else _name_elements("dy", WIDTH)
    slopes = tuple(f"its derivative to {name}" for name in named) or slopes
    parts = [derivative_to(component, name) for name in named] or [
        component.function if component.form == "row" else derivative_of(component)
    ]
    rows = rows_of(component)
    for y, (at, t) in product(_rows_moved(x, len(moved)), _targets(component, len(moved))):
        block = loss_block(rows, dtype, y, np.repeat(t, len(y), axis=0))
        block(len(y))
        values, dy = block["ROW_LOSS"], block["D"][:, : len(moved)]
        yield Result(component.function, moved, ("the loss",), values.reshape(len(moved), -1, 1), at, forward=True)
        for k, part in enumerate(parts):
            columns = slice(k, k + 1) if named else slice(None)
            found = dy[:, columns].reshape(len(moved), len(x), -1)
            yield Result(part, moved, slopes[columns], found, at)


def _targets(component: Component, outputs: int) -> list[tuple[str, np.ndarray]]:
    """Targets of a row, each with its words: a row of numbers (1, T), or a class (1,)."""
    if component.form == "elementwise":
        return [(f" for t = {t:g}", np.full((1, 1), t)) for t in target_points(component)]
    if component.outputs:
        given = given_targets(component)
        words = [", ".join(f"{name} = {t:g}" for name, t in targets.items()) for targets in given]
        rows = (np.array([list(targets.values())]) for targets in given)
        return [(f" for {said}", row) for said, row in zip(words, rows, strict=True)]
    if "label" in component.roles:
        labels = sorted({0, 1, component.classes(outputs) - 1})
        return [(f" for the label {label}", np.full(1, label)) for label in labels]
    drawn = rows_of_targets(component, 2, outputs, np.random.default_rng(0))
    return [(f" for t = {', '.join(f'{t:.3g}' for t in row)}", row[None]) for row in drawn]


def _run_step(component: Component, dtype: str, g: np.ndarray) -> Result:
    update = Update(component.configured(), dtype, g)
    update(len(g))
    return Result(component.function, ("g",), ("w after a step",), update.arena[0].reshape(1, -1, 1))


# ---- extremes


def check_extremes(component: Component) -> str:
    """Numbers give no NaN, numbers near 0 give no infinity, and NaN gives NaN."""
    single = component.form == "elementwise"
    infinite = INFINITE if component.kind == "activation" and single else []
    x = np.array([*NEAR, *FAR, *infinite, math.nan])
    run = _run_steps if component.kind == "optimizer" else _run_kernels
    results = (result for dtype in DTYPES for result in run(component, dtype, x))
    doubts = [doubt for result in results for doubt in _doubts(component, result, x)]
    if doubts:
        raise doubts[0]
    argument = {"activation": "z", "embedding": "x", "loss": "y", "optimizer": "g"}[component.kind]
    argument = argument if single else f"each {' and '.join(component.outputs) or argument}"
    shown = "0, -0, 1e-45, ..., 1e4" + (", inf" if infinite else "")
    return f"no NaN for {argument} = {shown}" + ("" if component.kind == "optimizer" else "; NaN comes through")


def _run_steps(component: Component, dtype: str, g: np.ndarray) -> Iterator[Result]:
    """w after one step, after some of the same gradient, and after some without any gradient."""
    yield _run_step(component, dtype, g)
    update = Update(component.configured(), dtype, g)
    for gradient, then in ((g, ""), (0 * g, f" and {REPEATED} without a gradient")):
        update.run(np.nan_to_num(gradient, posinf=0, neginf=0), REPEATED)
        said = f"w after {REPEATED} steps{then}"
        yield Result(component.function, ("g",), (said,), update.arena[0].reshape(1, -1, 1).copy())


def _doubts(component: Component, result: Result, x: np.ndarray) -> Iterator[Doubt]:
    """What is doubtful in a result; raises a Fault for what is wrong."""
    for moved, rows in zip(result.moved, result.values, strict=True):
        for at, row in zip(x.tolist(), rows, strict=True):
            if not math.isnan(at):
                for k in np.flatnonzero(~np.isfinite(row)):
                    value = float(row[k])
                    what = f"{result.names[k]} is {value:g} at {moved} = {at:g}{result.condition}"
                    yield from filter(None, [_check_value(component, result.part, what, moved, at, value)])
            elif result.forward and not np.isnan(row).any():
                raise Fault(
                    f"{result.names[0]} is {row[0]:g} at {moved} = nan{result.condition}: NaN does not come through",
                    spot_of(result.part),
                    "let comparisons with NaN fail into the branch that has the input: 0 if z < 0 else z",
                )


def _check_value(
    component: Component, part: Callable[..., Any], what: str, moved: str, at: float, value: float
) -> Doubt | None:
    """Check a value that is not finite: raises a Fault, returns a Doubt, or None if it is right."""
    if math.isnan(value):
        named = moved in component.outputs[1:]  # a logarithm of a scale is large only after training has failed
        if abs(at) <= 30 or (math.isfinite(at) and not named and not _is_undefined(component, part, moved, at)):
            raise Fault(what, spot_of(part), _advise(at))
        reason = "z is infinite only after training has failed" if math.isinf(at) else "fine if it never gets there"
        return Doubt(what, spot_of(part), f"{reason}; else write it by parts: ... if z < 0 else ...")
    if abs(at) <= 30:
        raise Fault(what, spot_of(part), _advise(at))
    return None


def _is_undefined(component: Component, part: Callable[..., Any], moved: str, at: float) -> bool:
    """Whether plain Python, in float64, has no value at this point either."""
    others = {**component.defaults(), **dict.fromkeys(component.outputs, 0.0), "t": 0.5, "u": 0.5, "a": math.nan}
    try:
        return math.isnan(call(part, **{**others, moved: at}))
    except UNDEFINED as error:
        return isinstance(error, ValueError)
    except Exception:
        return False


def _advise(at: float) -> str:
    if abs(at) < 1e-20:
        return "treat 0 by itself, as in: ... if z != 0 else 0"
    return "write it so that nothing overflows, such as exp(-abs(z)), or by parts: ... if z < 0 else ..."
