"""Initializers and metrics as kernels: plain NumPy, for Python alone, with arguments checked as those of all kernels.

w = kernels.he_normal((64, 32), 0, dtype="float32")
error = kernels.rmse_metric(t, value)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import suppress
from inspect import Parameter, Signature
from typing import Any

import numpy as np
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.extending import overload

from numbann.components.component import Component, arguments_of, place_of
from numbann.errors import DataError, KernelTypeError, KernelValueError, ShapeError
from numbann.kernels.arguments import NEEDED, Argument, in_words, take_count, take_seed
from numbann.kernels.components import SUFFIXES, array_functions
from numbann.kernels.embeddings import embedding_functions
from numbann.kernels.parameters import check_numbers, parameters_of
from numbann.kernels.signatures import check

HOST = ("initializer", "metric")
CLASSES = 2**24  # the most that labels may tell apart: metrics count each
SAMPLE = ("x", "z")  # rows of an initializer's sample, as wide as the first and the second number of the shape
KINDS = {  # of roles; others are arrays
    **{"shape": "shape", "random": "random", "layer": "count", "layers": "count"},
    "group": "classes",  # whole numbers, too
}
OF_ROWS = ("weight", "group")  # roles of a metric with one number a row, whatever the targets


@functools.cache
def functions_of(component: Component) -> dict[str, Any]:
    """The kernels of a component, by name; those of initializers and metrics are for Python alone."""
    if component.kind not in HOST:
        return embedding_functions(component) if component.kind == "embedding" else array_functions(component)
    name = component.name + SUFFIXES[component.kind][0]
    return {name: _publish(component, name)}


def _publish(component: Component, name: str) -> Any:
    arguments = tuple(_arguments(component))
    empty = {...: Parameter.empty}
    signature = Signature(
        [
            Parameter(it.name, Parameter.POSITIONAL_OR_KEYWORD, default=empty.get(it.default, it.default))
            for it in arguments
        ]
    )
    work = _draw if component.kind == "initializer" else _measure

    def function(*given: Any, **named: Any) -> Any:
        try:
            found = signature.bind(*given, **named)
        except TypeError as error:
            raise KernelTypeError(f"{name}: {error}; it takes {signature}") from None
        found.apply_defaults()
        check_numbers(component, name, found.arguments)
        try:
            return work(component, name, arguments, found.arguments)
        except (DataError, ArithmeticError) as error:
            raise KernelValueError(f"{name}: {error}") from error

    def refuse(*given: Any, **named: Any) -> Any:
        raise TypingError(f"{name} is NumPy, for Python alone; call it before @njit code, and pass what it gives")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name}: {component.function.__doc__}"
    function.__module__ = component.function.__module__ if component.plugin else "numbann.kernels"
    function.__dict__.update(__signature__=signature, arguments=arguments)
    overload(function, strict=False)(refuse)
    cpu_target.typing_context.refresh()  # compiled code may name the function for the first time right now
    return function


def _arguments(component: Component) -> Iterator[Argument]:
    """The roles in the author's order, what weighs rows, the parameters, and the precision of what is drawn."""
    roles = [it for it in arguments_of(component.function) if it not in component.defaults() and it != "weight"]
    classes = ("t", "label") if {"label", "probability"} & set(roles) else ()
    for it in roles:
        rows = 2 if it in SAMPLE and component.kind == "initializer" else None
        yield Argument(it, "classes" if it in classes else KINDS.get(it, "array"), rows)
    if "weight" in component.roles:
        yield Argument("weight", "array", 1, None)
    yield from parameters_of(component)
    if component.kind == "initializer":
        yield Argument("dtype", "dtype", default="float64")


# ---- initializers


def _draw(component: Component, name: str, arguments: tuple[Argument, ...], given: dict[str, Any]) -> np.ndarray:
    """What an initializer draws: the numbers that a network's weights start with, for the same generator."""
    for it in arguments:
        if it.kind in TAKE:
            given[it.name] = TAKE[it.kind](name, it, given[it.name])
    arrays = [it for it in arguments if it.kind == "array"]
    check(name, arrays, [given[it.name] for it in arrays])
    dtype, shape = given.pop("dtype"), given["shape"]
    for role, width in zip(SAMPLE, shape, strict=True):
        if role in given and given[role].shape[1] != width:
            raise ShapeError(f"{name}: {role} is {given[role].shape}; give an array (rows, {width})")
    drawn = np.asarray(component.function(**given))
    shapes = (shape, shape[1:]) if "z" in component.roles else (shape,)  # biases are one row
    if drawn.shape not in shapes or drawn.dtype.kind not in "biuf":
        raise KernelValueError(
            f"{name}: it returned an array of shape {drawn.shape} and type {drawn.dtype}; numbers of shape {shape} are "
            f"needed ({place_of(component.function)})"
        )
    return np.array(drawn, dtype, order="C")


def _take_shape(name: str, argument: Argument, value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise KernelTypeError(f"{name}: shape is {in_words(value)}; give {NEEDED['shape']}")
    return tuple(take_count(name, Argument(f"shape[{k}]", "count"), size) for k, size in enumerate(value))


def _take_random(name: str, argument: Argument, value: Any) -> np.random.Generator:
    return value if isinstance(value, np.random.Generator) else np.random.default_rng(take_seed(name, argument, value))


def _take_dtype(name: str, argument: Argument, value: Any) -> np.dtype:
    if isinstance(value, str | type | np.dtype):
        with suppress(TypeError):
            if (dtype := np.dtype(value)) in (np.float32, np.float64):
                return dtype
    raise KernelTypeError(f"{name}: dtype is {in_words(value)}; give {NEEDED['dtype']}")


TAKE = {"shape": _take_shape, "random": _take_random, "dtype": _take_dtype, "count": take_count}


# ---- metrics


def _measure(component: Component, name: str, arguments: tuple[Argument, ...], given: dict[str, Any]) -> float:
    """The metric of arrays, all in double precision; where no weights are given, each row counts once."""
    arrays = [
        it
        for it in arguments
        if it.kind in ("classes", "array") and (given[it.name] is not None or it.name != "weight")
    ]
    check(name, arrays, [given[it.name] for it in arrays])
    first = arrays[0]
    shape = given[first.name].shape
    most = 2 if first.kind == "array" or component.traits["multilabel"] else 1
    if len(shape) not in (1, most) or 0 in shape:
        words = in_words(given[first.name])
        raise ShapeError(f"{name}: {first.name} is {words}; give (N,){' or (N, T)' * (most == 2)}, with rows in it")
    for it in arrays:
        own = given[it.name].shape
        needed = shape[:1] if it.name in OF_ROWS else shape
        if it.name == "probability" and len(shape) == 1 and len(own) == 2:
            needed = (shape[0], max(1, own[1]))
        if own != needed:
            raise ShapeError(f"{name}: {first.name} has the shape {shape} and {it.name} {own}; they do not fit")
        _check_range(name, it, given)
        given[it.name] = given[it.name].astype(np.int64 if it.kind == "classes" else np.float64)
        if first.kind == "array" and own == shape[:1] and it.name not in OF_ROWS:
            given[it.name] = given[it.name][:, None]
    if given.get("weight", ...) is None:
        given["weight"] = np.ones(shape[0])
    return float(component.function(**given))


def _check_range(name: str, argument: Argument, given: dict[str, Any]) -> None:
    """KernelValueError for numbers that are no class, no probability or no weight."""
    it, value = argument.name, given[argument.name]
    if argument.kind == "classes":
        chances = given.get("probability")
        end = 2 if value.ndim == 2 else CLASSES if chances is None else chances.shape[-1]
        if value.min() < 0 or value.max() >= end:
            raise KernelValueError(
                f"{name}: {it} has {value.min()} to {value.max()}; give whole numbers from 0 to {end - 1}"
            )
    elif it == "probability" and not ((value >= 0) & (value <= 1)).all():
        raise KernelValueError(f"{name}: {it} has numbers out of [0, 1]; give probabilities")
    elif it == "weight" and not (np.isfinite(value).all() and value.min() >= 0 and value.any()):
        raise KernelValueError(
            f"{name}: {it} has numbers below 0 or not finite, or nothing but 0; give weights of rows"
        )
