"""Worked lines of docstrings and chapters, such as `softmax([2, 1, 0]) = [0.665, 0.245, 0.090]`, computed anew.

A list stands for several calls of what takes single numbers, and for a row of what takes rows.  An optimizer gives the
weight after each step, a solver after each epoch of a loss in the weights w0, w1, ...; a plateau sees one epoch for
each loss.  An initializer's numbers are of one matrix: std(he_normal(400, 100)).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Component, arguments_of, call
from numbann.components.roles import KINDS
from numbann.testing.batches import with_each

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
OF_A_MATRIX: dict[str, Callable[[Any], Any]] = {"std": np.std, "mean": np.mean, "max": np.max, "min": np.min}


def lines(text: str) -> Iterator[tuple[str, str]]:
    """The calls and the results of an example: `relu(-2) = 0; relu(3) = 3`."""
    for part in " ".join(text.split()).split("; "):
        left, equals, right = part.rpartition(" = ")
        assert equals, f"no call = value: {part}"
        yield left, right


def agrees(left: str, right: str, kind: str | None = None) -> bool:
    """Whether a call gives the numbers, each to its last digit."""
    got = np.asarray(value_of(left, kind), float).ravel()
    written = NUMBER.findall(right)
    return len(got) == len(written) and all(map(_is_rounded, got, written))


def _is_rounded(got: float, written: str) -> bool:
    """To the last digit that is written, and at least to three; whole numbers to the last bits."""
    digits = len(written.partition("e")[0].partition(".")[2]) - int(written.partition("e")[2] or 0)
    return (
        abs(got - float(written))
        <= (min(0.5 * 10.0**-digits, 0.0005) if "." in written or "e" in written else 0) + 1e-9
    )


def value_of(text: str, kind: str | None = None) -> Any:
    """What a call gives.  kind: of the component, where several have its name."""
    node = ast.parse(text.replace("^", "**"), mode="eval").body
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    name = node.func.id
    if name in OF_A_MATRIX:
        return OF_A_MATRIX[name](value_of(ast.unparse(node.args[0]), "initializer"))
    positional = [ast.literal_eval(each) for each in node.args]
    named = {each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg}
    component = _find(name, kind, set(named))
    return CALLS[component.kind](component, positional, named)


def _find(name: str, kind: str | None, named: set[str]) -> Component:
    """The component of a name; if several kinds have it, the one that takes these arguments."""
    found = [built_in().find(each, name) for each in ([kind] if kind else KINDS)]
    components = [entry.component for entry in found if entry is not None]
    assert components, f"no component {name}"
    return next((each for each in components if named <= {*arguments_of(each.function)}), components[0])


def _activation(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    (z,) = positional
    given = {**component.defaults(), **named}
    if component.form == "row":
        a = [0.0] * len(z)
        call(component.function, **given, z=[float(each) for each in z], a=a)
        return a
    return [call(component.function, **{"u": 0.5, **given}, z=float(each)) for each in np.atleast_1d(z)]


def _embedding(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    """One output, of one term by each function with a weight of 1, and x itself if that is an output."""
    given = {**component.defaults(), **named, "x": float(*positional)}
    z = sum(call(term.function, **given) for term in component.terms)
    return [call(component.function, **given, z=z), *([given["x"]] if component.traits["passes"] else [])]


def _loss(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    given = {**component.defaults(), **named}
    if component.form == "row":
        y = [float(each) for each in given.pop("y")]
        return call(component.function, **given, y=y, dy=[0.0] * len(y))
    if component.form == "batch":
        rows = {name: np.array(each, float) for name, each in given.items() if isinstance(each, list)}
        rows |= {name: rows[name].astype(int) for name in ("group", "group_end") if name in rows}
        rows |= {name: rows[name][:, None] for name in ("y", "t") if name in rows}
        rows["weight"] = np.ones(len(rows["y"]))
        batch = with_each(component, {**given, **rows})
        return [call(component.function, **batch, row=row, dy=np.empty(1)) for row in range(len(rows["y"]))]
    names = [name for name, each in given.items() if isinstance(each, list)]
    several = [dict(zip(names, each, strict=True)) for each in zip(*(given[name] for name in names), strict=True)]
    return [call(component.function, **{**given, **each}) for each in several or [{}]]


def _optimizer(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    given = {**component.defaults(), **named}
    if component.form == "solver":
        return _solve(component, given)
    if component.form == "matrix":
        return _matrices(component, given)
    w, states, path = float(given.pop("w")), dict.fromkeys(component.states, 0.0), []
    for step, g in enumerate(np.atleast_1d(given.pop("g")), 1):
        made = call(component.function, **given, **states, w=w, g=float(g), step=step)
        w, *rest = made if isinstance(made, tuple) else (made,)
        states = dict(zip(component.states, rest, strict=True))
        path.append(w)
    return path


def _matrices(component: Component, given: dict[str, Any]) -> Any:
    """One step of a row of weights."""
    w, g = (np.array([given.pop(name)], float) for name in ("w", "g"))
    states = {state: np.zeros_like(w) for state in component.states}
    call(component.function, **given, **states, w=w, g=g, step=1)
    return w


def _solve(component: Component, given: dict[str, Any]) -> Any:
    w, memory, path = np.array(given.pop("w"), float), {}, []
    formula = compile(given.pop("loss"), "loss", "eval")

    def loss(at: np.ndarray) -> float:
        return float(eval(formula, {}, {f"w{k}": each for k, each in enumerate(at)}))

    def evaluate(at: np.ndarray) -> tuple[float, np.ndarray]:
        near = np.eye(len(at)) * 1e-4
        return loss(at), np.array([(loss(at + each) - loss(at - each)) / 2e-4 for each in near])

    for _ in range(given.pop("epochs")):
        call(component.function, **given, w=w, evaluate=evaluate, memory=memory)
        path.append(w.copy())
    return path


def _schedule(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    given = {**component.defaults(), **named}
    if "monitor" in given:
        states, path = dict.fromkeys(component.states, 0.0), []
        for epoch, monitor in enumerate(given.pop("monitor")):
            made = call(component.function, **given, **states, monitor=monitor, epoch=epoch, step=epoch)
            states = dict(zip(component.states, made[1:], strict=True))
            path.append(made[0])
        return path
    role = "step" if "step" in given else "epoch"
    return [call(component.function, **{**given, role: each}) for each in np.atleast_1d(given.pop(role, 0)).tolist()]


def _initializer(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    given, seen = {**component.defaults(), **named}, np.random.default_rng(1)
    sample = {"x": seen.standard_normal((1024, positional[0])), "z": seen.standard_normal((1024, positional[1]))}
    return call(component.function, **given, **sample, shape=tuple(positional), random=np.random.default_rng(0))


def _metric(component: Component, positional: list[Any], named: dict[str, Any]) -> Any:
    given = {name: np.asarray(each) if isinstance(each, list) else each for name, each in named.items()}
    rows = len(next(each for each in given.values() if isinstance(each, np.ndarray)))
    columns = ("value", "mean", "variance", "low", "high", "time", "event")
    regression = any(name in given for name in columns)
    for name in (*columns, *(["t"] if regression else [])):
        if name in given:
            given[name] = given[name].reshape(rows, -1).astype(float)
    return call(component.function, **{**component.defaults(), "weight": np.ones(rows), **given})


CALLS: dict[str, Callable[[Component, list[Any], dict[str, Any]], Any]] = {
    "activation": _activation,
    "embedding": _embedding,
    "loss": _loss,
    "optimizer": _optimizer,
    "schedule": _schedule,
    "initializer": _initializer,
    "metric": _metric,
}
