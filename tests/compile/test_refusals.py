"""What a component may not hold: each refusal names file, line, function and reason, before anything is compiled.

The functions below are only read, never run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numbann.compile.precision import Lowered
from numbann.errors import PluginError

WORD, TABLE = "word", (1.0, 2.0)


def lower(function: Callable[..., Any]) -> None:
    """Read a function and what it calls."""
    Lowered("float32").add(function)


def _prints(z):
    print(z)
    return z


def _recurses(z):
    return z if z < 0 else _recurses(z - 1)


def _recurses_by_another(z):
    return _other(z)


def _other(z):
    return _recurses_by_another(z)


def _raises(z):
    if z < 0:
        raise ValueError("negative")
    return z


def _asserts(z):
    assert z > 0
    return z


def _loops_while(z):
    while z > 1:
        z = z / 2
    return z


def _loops_over_a_row(z):
    for element in z:
        z = element
    return z


def _loops_with_else(z):
    for _k in range(3):
        z = z + 1
    else:
        z = 0
    return z


def _unknown(z):
    return z + nowhere  # noqa: F821


def _unknown_function(z):
    return nowhere(z)  # noqa: F821


def _text(z):
    return z if z else "zero"


def _text_of_the_module(z):
    return z if z else WORD


def _numpy(z):
    return np.exp(z)


def _method(z):
    return z.sum()


def _attribute(z):
    return z.real


def _list(z):
    return [z, z]


def _comprehension(z):
    return sum(part for part in z)


def _lambda(z):
    return (lambda x: x)(z)


def _keyword(z):
    return max(z, default=0)


def _starred(z):
    return max(*z)


def _imports(z):
    import math

    return math.exp(z)


def _nested(z):
    def inner(x):
        return x

    return inner(z)


def _tries(z):
    try:
        return 1 / z
    except ZeroDivisionError:
        return z


def _with(z):
    with z:
        return z


def _deletes(z):
    del z
    return 1


def _returns_nothing(z):
    if z > 0:
        return
    return


def _walrus(z):
    return (y := z) + y


def _half_index(z, a):
    return z[0.5]


def _slice(z, a):
    return z[1:]


def _format(z):
    return f"{z}"


def _element_of_a_tuple(z):
    return TABLE[0] * z


def _bits(z):
    return 1 if (z > 0) & (z < 1) else z


def _bits_in_place(z):
    z |= 1
    return z


def _inverts(z):
    return ~z


def _is_in(z):
    return z if z in (0, 1) else 0


def _declares(z):
    y: float
    y = z
    return y


def _half_set(z):
    if z > 0:
        y = z
    return y


def _set_by_an_if_of_a_loop(z):
    for k in range(3):
        if z > k:
            y = k
    return z + y


def _added_to_nothing(z):
    y += z  # noqa: F821
    return y


def _awaits(z):
    return opened(z)


opened = open


REFUSALS = [
    (_prints, 1, "a statement without effect"),
    (_recurses, 1, "_recurses calls itself; recursion cannot be compiled"),
    (_raises, 2, "raise cannot be compiled"),
    (_asserts, 1, "assert cannot be compiled"),
    (_loops_while, 1, "while cannot be compiled"),
    (_loops_over_a_row, 1, r"a loop must be: for k in range\(...\)"),
    (_loops_with_else, 1, r"a loop must be: for k in range\(...\), without else"),
    (_unknown, 1, "unknown name 'nowhere'"),
    (_unknown_function, 1, "unknown name 'nowhere'"),
    (_text, 1, "text cannot be compiled"),
    (_text_of_the_module, 1, "'WORD' is str, not a number"),
    (_numpy, 1, "'np.exp' cannot be called in a component"),
    (_method, 1, "'z.sum' is not a number or function of a module"),
    (_attribute, 1, "'z.real' is not a number or function of a module"),
    (_list, 1, "list cannot be compiled"),
    (_comprehension, 1, "'sum' cannot be called in a component; .*; row_sum of numbann adds up a row"),
    (_lambda, 1, "cannot be called in a component"),
    (_keyword, 1, "arguments of calls go by position"),
    (_starred, 1, "arguments of calls go by position"),
    (_imports, 1, "import cannot be compiled"),
    (_nested, 1, "a function within a function cannot be compiled"),
    (_tries, 1, "try cannot be compiled"),
    (_with, 1, "with cannot be compiled"),
    (_deletes, 1, "del cannot be compiled"),
    (_returns_nothing, 2, "return without a value; return one on every path"),
    (_walrus, 1, r"an assignment within an expression .* cannot be compiled"),
    (_half_index, 1, "text cannot be an index or a count"),
    (_slice, 1, r"slice cannot be an index or a count; write a loop: for k in range\(...\)"),
    (_format, 1, "text cannot be compiled"),
    (_element_of_a_tuple, 1, "'TABLE' is tuple, not a row; a component reads single numbers of its module"),
    (_bits, 1, r"'\(z > 0\) & \(z < 1\)' is not arithmetic on two numbers; join comparisons by and, or"),
    (_bits_in_place, 1, "'z |= 1' is not arithmetic on two numbers"),
    (_inverts, 1, "the operator ~ cannot be compiled"),
    (_is_in, 1, "a comparison by in or is cannot be compiled"),
    (_declares, 1, "an annotation without a value cannot be compiled"),
    (_half_set, 3, "'y' is not set on every path that leads here; set it before"),
    (_set_by_an_if_of_a_loop, 4, "'y' is not set on every path that leads here"),
    (_added_to_nothing, 1, "'y' is not set on every path that leads here"),
    (_awaits, 1, "'opened' cannot be called in a component"),
]


@pytest.mark.parametrize(("function", "line", "reason"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
def test_refusals(function: Callable[..., Any], line: int, reason: str) -> None:
    """The message begins with file and line; `line` counts from the function's own."""
    place = rf"test_refusals\.py:{function.__code__.co_firstlineno + line}: {function.__name__}: "
    with pytest.raises(PluginError, match=place + ".*" + reason):
        lower(function)


def _set_by_loops_and_branches(z, a):
    for k in range(len(z)):
        last = z[k]
        if k > 0:
            a[k] = before  # noqa: F821
        before = last  # noqa: F841
        if k == 0:
            first = last
        a[k] += first
    if last > 0:
        side = 1
    elif last < 0:
        side = -1
    else:
        return 0
    for _k in range(3):
        if last > 1:
            above, side = 1, 2
        else:
            above = 0
            a[0] = above
    return side + last + k + above


def test_what_is_set_is_no_fault() -> None:
    lower(_set_by_loops_and_branches)


def test_recursion_by_way_of_another_function() -> None:
    with pytest.raises(PluginError, match=r"_other: _recurses_by_another calls itself"):
        lower(_recurses_by_another)


def test_closures() -> None:
    slope = 0.1

    def leaks(z):
        return slope * z

    with pytest.raises(PluginError, match=r"leaks: 'slope' comes from an enclosing function; make it a parameter"):
        lower(leaks)


def test_lambdas_and_functions_without_source() -> None:
    with pytest.raises(PluginError, match=r"test_refusals\.py:\d+: a component is a function made with def"):
        lower(lambda z: z)
    scope: dict[str, Any] = {}
    exec("def typed(z):\n    return z", scope)
    with pytest.raises(PluginError, match="its source cannot be read; define it in a file"):
        lower(scope["typed"])
