"""Optimizers in matrix form: the shapes of their states, and one step of all matrices of a network.

A function that yields a number, or several, gets the sums of what it yields for all matrices: so one of a single
matrix can divide by the norm of the whole gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Mapping
from typing import Any

from numbann.components.component import Component, call

SIZES = "IO1"  # letters of a state's shape: the inputs and the outputs of the matrix, and 1
LIKE_W = "IO"

Sums = float | tuple[float, ...]


def shape_of(component: Component, state: str, shape: tuple[int, int]) -> tuple[int, ...]:
    """The shape of a state of a matrix of this shape (I, O)."""
    sizes = dict(zip(SIZES, (*shape, 1), strict=True))
    return tuple(sizes[letter] for letter in component.shapes.get(state, LIKE_W))


def step_of_matrices(component: Component, given: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Call the function once for each matrix, with its arguments; return what the calls return."""
    calls = [call(component.function, **arguments) for arguments in given]
    return _with_sums(calls) if inspect.isgeneratorfunction(component.function) else calls


def _with_sums(calls: list[Generator[Sums, Sums | None, Any]]) -> list[Any]:
    """Run functions that yield from sum to sum; ValueError if they do not yield equally many."""
    sums: Sums | None = None
    while True:
        yielded, returned = [], []
        for one in calls:
            try:
                yielded.append(one.send(sums))
            except StopIteration as end:
                returned.append(end.value)
        if not yielded:
            return returned
        if returned:
            raise ValueError("yields for some matrices and not for others; yield for each, 0 if need be")
        sums = _sums_of(yielded)


def _sums_of(yielded: list[Sums]) -> Sums:
    """The sum of numbers, or of each place of tuples, in the order of the matrices and in double precision."""
    rows = [one if isinstance(one, tuple) else (one,) for one in yielded]
    try:
        sums = tuple(sum(map(float, parts)) for parts in zip(*rows, strict=True))
    except TypeError:
        raise ValueError("yields what is no number; sum it first, as in yield (g * g).sum()") from None
    return sums if isinstance(yielded[0], tuple) else sums[0]
