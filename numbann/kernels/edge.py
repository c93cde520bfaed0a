"""The edge of the kernels: what each argument must be, checked from Python and when @njit code is compiled.

A kernel is functions of one name in a generated module.  The first is compiled for the types it is called with, once
they are checked.  The second is what Python sees: it refuses what is no array, makes numbers plain, fills in defaults
and calls compiled code with all arguments, since numba needs 5 us for each that is left out.  Its `_numba_type_` is the
first one's, so @njit code that names it calls the first directly.  Where there are results, Python makes their arrays
and calls a variant that fills them: numba needs 0.3 us to return an array, and 0.7 more if it has made it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.errors import NumbaError, TypingError
from numba.core.registry import CPUDispatcher

from numbann.compile.modules import load
from numbann.errors import KernelTypeError, KernelValueError, ShapeError
from numbann.records import dataclass
from numbann.simd.entries import entry

ROWS = -1  # as many dimensions as there are, but at least one
FLOATS, LIMIT = (types.float32, types.float64), 2**63
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
IMPORTS = """from numpy import empty, ndarray
from numbann.kernels.edge import Argument, compiled_later, take_array, take_count, take_flag, take_number
from numbann.kernels.edge import take_numbers, take_results, take_seed
from numbann.simd.jit import inlined"""
FILLING = """
def {name}_into({before}, {places}):
    {given}{name}_body({before}, {out}){first}


{name}_body = inlined({name})
_{name}_into = compiled_later("{name}", {name}_into, {takes}, __name__)

"""


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


@dataclass(frozen=True)
class Results:
    """What a kernel gives: the text of new arrays for `out`, and whether a number comes before them."""

    arrays: str
    number: bool = False


def publish(
    text: str,
    kernels: Mapping[str, Sequence[Argument]],
    results: Mapping[str, Results],
    docs: Mapping[str, str],
    home: str = "",
) -> Any:
    """Load a module of plain functions as kernels, by name.

    results: what those with `out` give.  home: where Python finds them.
    """
    edges = [_edge_of(name, each, results.get(name)) for name, each in kernels.items()]
    module = load("\n\n\n".join([text, IMPORTS, *edges]))
    for name in kernels:
        function = getattr(module, name)
        function.__doc__, function.__module__ = docs[name], home or module.__name__
        function._numba_type_ = getattr(module, f"_{name}")._numba_type_
        function.arguments = tuple(kernels[name])  # for docs and stubs
    return {name: getattr(module, name) for name in kernels}


def _edge_of(name: str, arguments: Sequence[Argument], results: Results | None) -> str:
    """The text that turns the function of this name into one that Python calls, in front of the compiled one."""
    names, takes = ", ".join(argument.name for argument in arguments), tuple(arguments)
    lines = [f'_{name} = compiled_later("{name}", {name}, {takes}, __name__)']
    if results is not None:
        lines.append(_filling(name, takes, results))
    lines += ["", f"def {name}({', '.join(argument.declared for argument in arguments)}):"]
    lines += [line for k, argument in enumerate(arguments) for line in _taken(name, argument, first=k == 0)]
    if results is None:
        lines.append(f"    return _{name}({names})")
    else:
        lines += ["    if out is None:", f"        out = {results.arrays}"]
        star = "*" * (takes[-1].kind == "results")
        filled = f"_{name}_into({', '.join(argument.name for argument in takes[:-1])}, {star}out)"
        lines += [f"    return {filled}, out"] if results.number else [f"    {filled}", "    return out"]
    return "\n".join(lines)


def _filling(name: str, takes: tuple[Argument, ...], results: Results) -> str:
    """The text of the variant that fills results.  A tuple of them are arguments of their own: numba takes 0.4 us
    to find out the type of a tuple, and none for that of an array that it has seen.
    """
    *before, out = takes
    parts = _parts_of(out) if out.kind == "results" else [out]
    places = [f"out_{index}" for index in range(len(parts))]
    given, first = ("return ", "[0]") if results.number else ("", "")
    return FILLING.format(
        name=name,
        before=", ".join(argument.name for argument in before),
        places=", ".join(places),
        out=f"({', '.join(places)},)" if out.kind == "results" else places[0],
        takes=(*before, *parts),
        given=given,
        first=first,
    )


def _taken(name: str, argument: Argument, first: bool) -> Iterator[str]:
    """The lines that check in Python what numba's types do not tell, and make a number plain.

    The first argument is an array.  An array with the same dtype needs no look at the order of its bytes.
    """
    it, given = argument.name, f'("{name}", {argument!r}, {argument.name})'
    if argument.kind in ("array", "written", "labels"):
        left_out = f"{it} is not None and " * (argument.default is None)
        # numba takes the other byte order for this one, once it has seen an array off its alignment
        swapped = "not (kind := {}.dtype).isnative" if first else "({0}.dtype is not kind and not {0}.dtype.isnative)"
        yield f"    if {left_out}(type({it}) is not ndarray or {swapped.format(it)}):"
        yield f"        take_array{given}"
        if first:
            yield f"        kind = {it}.dtype"
    elif argument.kind == "results":
        assert isinstance(argument.ndim, tuple)
        yield f"    if {it} is not None:"
        yield f"        for one in {it} if type({it}) is tuple and len({it}) == {len(argument.ndim)} else (None,):"
        yield "            if type(one) is not ndarray or not one.dtype.isnative:"
        yield f"                take_results{given}"
    elif argument.kind == "number":
        yield f"    if type({it}) is not float:"
        yield f"        {it} = take_number{given}"
    elif argument.kind == "numbers":
        yield f"    if type({it}) is not float and (type({it}) is not ndarray or not {it}.dtype.isnative):"
        yield f"        {it} = take_numbers{given}"
    elif argument.kind == "flag":
        yield f"    if type({it}) is not bool:"
        yield f"        {it} = take_flag{given}"
    elif argument.kind == "count":
        yield f"    if type({it}) is not int or not 0 < {it} < {LIMIT}:"
        yield f"        {it} = take_count{given}"
    elif argument.kind == "seed":
        yield f"    if type({it}) is not int or not 0 <= {it} < {LIMIT}:"
        yield f"        {it} = take_seed{given}"


def take_array(name: str, argument: Argument, value: Any) -> None:
    """Refuse what is no NumPy array, a masked one, whose mask would be ignored, and one of the other byte order."""
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray) or not value.dtype.isnative:
        raise KernelTypeError(f"{name}: {argument.name} is {in_words(value)}; give {argument.needed}")


def take_results(name: str, argument: Argument, value: Any) -> None:
    """Refuse what is no tuple of as many NumPy arrays as there are results."""
    if not isinstance(value, tuple) or len(value) != len(_parts_of(argument)):
        raise KernelTypeError(f"{name}: {_no_tuple(argument, value)}")
    for part, one in zip(_parts_of(argument), value, strict=True):
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


# ---- types


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
    parts = _parts_of(argument)
    if not isinstance(kind, types.BaseTuple) or len(kind) != len(parts):
        yield KernelTypeError, _no_tuple(argument, value)
        return
    for part, one, given in zip(parts, kind, value, strict=True):
        yield from _faults_of_array(part, one, given, first)


def _parts_of(argument: Argument) -> list[Argument]:
    """The arrays of a tuple of results."""
    assert isinstance(argument.ndim, tuple)
    return [Argument(f"{argument.name}[{index}]", "written", ndim) for index, ndim in enumerate(argument.ndim)]


def _no_tuple(argument: Argument, value: Any) -> str:
    return f"{argument.name} is {in_words(value)}; give a tuple of {len(_parts_of(argument))} arrays"


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


def in_words(value: Any) -> str:
    """A value, or a type of numba's, in words."""
    if isinstance(value, types.Type):
        return str(value)
    if isinstance(value, np.ndarray):
        masked = "a masked array" if isinstance(value, np.ma.MaskedArray) else "an array"
        return f"{masked} of {value.dtype} and shape {value.shape}"
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:36] + ' ...'} ({type(value).__name__})"
