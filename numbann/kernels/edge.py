"""The edge of the kernels: what Python sees of each, generated in front of compiled code.

A kernel is functions of one name in a generated module.  The first is compiled for the types it is called with, once
they are checked.  The second is what Python sees: it refuses what is no array, makes numbers plain, fills in defaults
and calls compiled code with all arguments, since numba needs 5 us for each that is left out.  Its `_numba_type_` is the
first one's, so @njit code that names it calls the first directly.  Where there are results, Python makes their arrays
and calls a variant that fills them: numba needs 0.3 us to return an array, and 0.7 more if it has made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numbann.compile.modules import load
from numbann.kernels.arguments import LIMIT, Argument, parts_of
from numbann.records import dataclass

IMPORTS = """from numpy import empty, ndarray
from numbann.kernels.arguments import Argument, take_array, take_count, take_flag, take_number
from numbann.kernels.arguments import take_numbers, take_results, take_seed
from numbann.kernels.signatures import compiled_later
from numbann.simd.jit import inlined"""
FILLING = """
def {name}_into({before}, {places}):
    {given}{name}_body({before}, {out}){first}


{name}_body = inlined({name})
_{name}_into = compiled_later("{name}", {name}_into, {takes}, __name__)

"""


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
    parts = parts_of(out) if out.kind == "results" else [out]
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
