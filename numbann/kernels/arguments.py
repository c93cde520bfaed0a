"""The arguments of kernels: what each must be, and what Python makes of it before compiled code is called."""

from __future__ import annotations

import operator
from numbers import Real
from typing import Any

import numpy as np
from numba import types

from numbann.errors import KernelTypeError, KernelValueError
from numbann.records import dataclass

ROWS = -1  # as many dimensions as there are, but at least one
LIMIT = 2**63
NEEDED = {
    "array": "an array of float32 or float64",
    "written": "an array of float32 or float64",
    "results": "a tuple of such arrays",
    "labels": "the class of each row: an array of integers with one dimension",
    "number": "a number",
    "numbers": "a number, or an array of float32 or float64 with one dimension",
    "flag": "True or False",
    "count": "a whole number, from 1",
    "seed": "a whole number, from 0",
    "whole": "a whole number",
    "classes": "classes, or 0 and 1 for labels: an array of integers",
    "shape": "(I, O), two whole numbers from 1",
    "random": "a numpy.random.Generator, or a whole number from 0, the seed of one",
    "dtype": "float32 or float64",
}


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel.

    kind: a key of NEEDED; "array" is read, "written" changed in place.  ndim: the number of dimensions, for "results"
    that of each; None for as many as the first array has, ROWS for any number from 1.  One with a default may be left
    out; None is no array.
    """

    name: str
    kind: str
    ndim: int | tuple[int | None, ...] | None = None
    default: Any = ...

    @property
    def declared(self) -> str:
        """The argument in a signature."""
        return self.name if self.default is ... else f"{self.name}={self.default!r}"

    @property
    def needed(self) -> str:
        """What the argument must be."""
        return NEEDED[self.kind] + (" or None" if self.default is None else "")


def take_array(name: str, argument: Argument, value: Any) -> None:
    """Refuse what is no NumPy array, a masked one, whose mask would be ignored, and one of the other byte order."""
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray) or not value.dtype.isnative:
        raise KernelTypeError(f"{name}: {argument.name} is {in_words(value)}; give {argument.needed}")


def take_results(name: str, argument: Argument, value: Any) -> None:
    """Refuse what is no tuple of as many NumPy arrays as there are results."""
    if not isinstance(value, tuple) or len(value) != len(parts_of(argument)):
        raise KernelTypeError(f"{name}: {no_tuple(argument, value)}")
    for part, one in zip(parts_of(argument), value, strict=True):
        take_array(name, part, one)


def take_number(name: str, argument: Argument, value: Any) -> float:
    """A number as a plain one."""
    try:
        if isinstance(value, Real) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise KernelTypeError(f"{name}: {argument.name} is {in_words(value)}; give {argument.needed}")


def take_numbers(name: str, argument: Argument, value: Any) -> Any:
    """A number as a plain one; an array as it is."""
    if isinstance(value, np.ndarray):
        take_array(name, argument, value)
        return value
    return take_number(name, argument, value)


def take_flag(name: str, argument: Argument, value: Any) -> bool:
    """A truth value as a plain one."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise KernelTypeError(f"{name}: {argument.name} is {in_words(value)}; give {argument.needed}")


def take_count(name: str, argument: Argument, value: Any, least: int = 1) -> int:
    """A whole number from 1, or another least one, as a plain one."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise KernelTypeError(f"{name}: {argument.name} is {in_words(value)}; give {argument.needed}")
    if not least <= number < LIMIT:
        raise KernelValueError(f"{name}: {argument.name} is {number}; give {argument.needed}")
    return number


def take_whole(name: str, argument: Argument, value: Any) -> int:
    """A whole number, also below 0, as a plain one."""
    return take_count(name, argument, value, -LIMIT)


def take_seed(name: str, argument: Argument, value: Any) -> int:
    """A whole number from 0 as a plain one."""
    return take_count(name, argument, value, 0)


def parts_of(argument: Argument) -> list[Argument]:
    """The arrays of a tuple of results."""
    assert isinstance(argument.ndim, tuple)
    return [Argument(f"{argument.name}[{index}]", "written", ndim) for index, ndim in enumerate(argument.ndim)]


def no_tuple(argument: Argument, value: Any) -> str:
    """The fault of what is no tuple of as many arrays as there are results."""
    return f"{argument.name} is {in_words(value)}; give a tuple of {len(parts_of(argument))} arrays"


def in_words(value: Any) -> str:
    """A value, or a type of numba's, in words."""
    if isinstance(value, types.Type):
        return str(value)
    if isinstance(value, np.ndarray):
        masked = "a masked array" if isinstance(value, np.ma.MaskedArray) else "an array"
        return f"{masked} of {value.dtype} and shape {value.shape}"
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:36] + ' ...'} ({type(value).__name__})"
