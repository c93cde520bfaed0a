"""Compiles kernels for the types that they are called with, from Python or in @njit code, and refuses other types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numba
from numba import types
from numba.core.errors import NumbaError, TypingError
from numba.core.registry import CPUDispatcher

from numbann.errors import KernelTypeError, ShapeError
from numbann.kernels.arguments import ROWS, Argument, in_words, no_tuple, parts_of, take_array
from numbann.simd.entries import entry

FLOATS = (types.float32, types.float64)


class _Kernel(CPUDispatcher):
    """A function compiled for the types that it is called with, if its arguments are such as it takes."""

    takes: tuple[str, tuple[Argument, ...]]

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, also for @njit code; TypingError, in our words, if it does not fit."""
        for _, fault in _faults(*self.takes, [(kind, kind) for kind in getattr(sig, "args", sig)]):
            raise TypingError(fault)
        return super().compile(sig)

    def _compile_for_args(self, *given: Any, **named: Any) -> Any:
        """Compile for what Python gives, the first time that it does."""
        for error, fault in _faults(*self.takes, [(_type_of(value), value) for value in given]):
            raise error(fault)
        return super()._compile_for_args(*given, **named)


def compiled_later(name: str, function: Any, arguments: tuple[Argument, ...], home: str) -> Any:
    """The function with these arguments, compiled when it is first called with new types; name: in errors.

    home: the generated module, which bears numbann's version.  numba writes it into the caches of those who call it.
    """
    function.__module__ = home
    kernel = entry(function, _Kernel)
    kernel.takes = (name, arguments)
    return kernel


def check(name: str, arguments: Iterable[Argument], given: Sequence[Any]) -> None:
    """Check the arguments of a function that is not compiled, as those of a kernel are checked."""
    for argument, value in zip(arguments, given, strict=True):
        take_array(name, argument, value)
    for error, fault in _faults(name, arguments, [(_type_of(value), value) for value in given]):
        raise error(fault)


Given = tuple[Any, Any]  # an argument's type, None if numba has none for it, and its value, or the type again
Fault = tuple[type[Exception], str]


def _faults(name: str, arguments: Iterable[Argument], given: Sequence[Given]) -> Iterator[Fault]:
    """Yield what is wrong with the types of arguments; the first array decides the precision of all."""
    first: tuple[Argument, Any] | None = None
    for argument, (kind, value) in zip(arguments, given, strict=False):
        kind = _bare(kind)
        if argument.default is None and isinstance(kind, types.NoneType):
            continue
        if argument.kind == "results":
            for error, fault in _faults_of_results(argument, kind, value, first):
                yield error, f"{name}: {fault}"
        elif argument.kind in ("array", "written"):
            first = first or (argument, kind)
            for error, fault in _faults_of_array(argument, kind, value, first):
                yield error, f"{name}: {fault}"
        elif argument.kind == "numbers" and isinstance(kind, types.Array):
            for error, fault in _faults_of_array(replace(argument, ndim=1), kind, value, first or (argument, kind)):
                yield error, f"{name}: {fault}"
        elif not _fits(argument, kind):
            yield KernelTypeError, f"{name}: {argument.name} is {in_words(value)}; give {argument.needed}"


def _faults_of_array(argument: Argument, kind: Any, value: Any, first: tuple[Argument, Any]) -> Iterator[Fault]:
    it, words, (other, like) = argument.name, in_words(value), first
    needed = like.ndim if argument.ndim is None and isinstance(kind, types.Array) else argument.ndim
    if not isinstance(kind, types.Array) or kind.dtype not in FLOATS:
        yield KernelTypeError, f"{it} is {words}; give {argument.needed}"
    elif kind.dtype != like.dtype:
        yield KernelTypeError, f"{it} is {words}; give an array of {like.dtype}, as {other.name} is"
    elif needed == ROWS and kind.ndim == 0:
        yield ShapeError, f"{it} is {words}; give at least 1 dimension"
    elif needed not in (ROWS, kind.ndim):
        yield ShapeError, f"{it} is {words}; give {needed} dimension{'s' * (needed != 1)}"
    elif argument.kind == "written" and kind.layout != "C":
        yield KernelTypeError, f"{it} is {words}, not C-ordered; give a C-ordered array, since it is filled in place"
    elif argument.kind == "written" and not kind.mutable:
        yield KernelTypeError, f"{it} is {words}, read-only; give an array that can be written"


def _faults_of_results(argument: Argument, kind: Any, value: Any, first: Any) -> Iterator[Fault]:
    parts = parts_of(argument)
    if not isinstance(kind, types.BaseTuple) or len(kind) != len(parts):
        yield KernelTypeError, no_tuple(argument, value)
        return
    for part, one, given in zip(parts, kind, value, strict=True):
        yield from _faults_of_array(part, one, given, first)


def _fits(argument: Argument, kind: Any) -> bool:
    """Whether an argument that is no array of floats has a type that its kind takes."""
    if argument.kind == "labels":
        return isinstance(kind, types.Array) and isinstance(kind.dtype, types.Integer) and kind.ndim == 1
    if argument.kind == "classes":
        return isinstance(kind, types.Array) and isinstance(kind.dtype, types.Integer | types.Boolean)
    numbers = (types.Integer, types.Float)
    taken = {"number": numbers, "numbers": numbers, "count": types.Integer, "seed": types.Integer}
    return isinstance(kind, taken.get(argument.kind, types.Boolean))


def _bare(kind: Any) -> Any:
    """The type of a value that is left out, or known when code is compiled."""
    return numba.typeof(kind.value) if isinstance(kind, types.Omitted) else types.unliteral(kind) if kind else kind


def _type_of(value: Any) -> Any:
    """A value's type in Numba; None if it has none."""
    try:
        return numba.typeof(value)
    except (NumbaError, ValueError, TypeError, NotImplementedError):
        return None
