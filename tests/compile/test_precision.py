"""How a component's source is rewritten for one precision: each rule a small case, each refusal with its reason.

The functions below are only read, never run as they stand here.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable
from math import exp, pi, sqrt
from typing import Any

import numpy as np
import pytest

from numbann import rows
from numbann.compile import blocks
from numbann.compile.precision import Lowered
from numbann.component import activation, freeze, optimizer
from numbann.errors import PluginError
from numbann.rows import row_sum

HALF, FLAG, WORD = 0.5, True, "word"


def lowered(function: Callable[..., Any], dtype: str = "float32") -> str:
    """The text of a function and of what it calls."""
    result = Lowered(dtype)
    result.add(function)
    return result.text


def body(function: Callable[..., Any], dtype: str = "float32") -> str:
    """The text of a function alone, from its second line on."""
    lines = lowered(function, dtype).split("def ")[-1].splitlines()[1:]
    return "\n".join(line[4:] for line in lines)


# ---- the rules


def literals(z):
    """Documentation is left out."""
    return 0.5 * z + 2 - True


def numbers_of_the_module(z):
    return HALF * z if FLAG else pi + math.e


def exponents(z, beta, step):
    return z**2 + z**-1 + z**0.5 + beta**step


def indices(z, a):
    a[0] = z[len(z) - 1]
    for k in range(1, len(z)):
        a[k] = z[k - 1] + k
    a[2 * 1] += 3
    return a[0]


def counts(y, label, dy):
    for k in range(label, len(y), 2):
        dy[k] = y[label] / len(y) - label
    return 1


def a_count_that_becomes_a_number(z):
    total = 0
    for k in range(3):
        k = k * z
        total += k
    return total


def functions(z):
    return exp(z) + math.tanh(z) + sqrt(abs(z)) + max(z, 0) + float(z)


def of_rows(z, a):
    total = row_sum(z) + rows.row_max(a)
    return total


def branches(z):
    if z > 1 and not z < -1:
        y = 1
    elif z == 0:
        pass
    else:
        y, z = z, 2
    return y + z


def helper(z):
    return 2 * z


def calls_a_helper(z):
    return helper(z) + helper(1)


def twin(z):
    return 3 * z


first_twin = twin


def twin(z):
    return first_twin(z) + 1


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (literals, "return F(0.5) * z + F(2) - True"),
        (numbers_of_the_module, f"return F(0.5) * z if True else F({pi}) + F({math.e})"),
        (exponents, "return z ** 2 + z ** (-1) + z ** F(0.5) + beta ** step"),
        (
            indices,
            "a[0] = z[len(z) - 1]\n"
            "for k in range(1, len(z)):\n    a[k] = z[k - 1] + F(k)\na[2 * 1] += F(3)\nreturn a[0]",
        ),
        (
            counts,
            "for k in range(label, len(y), 2):\n    dy[k] = y[label] / F(len(y)) - F(label)\nreturn F(1)",
        ),
        (
            a_count_that_becomes_a_number,
            "total = F(0)\nfor k in range(3):\n    k = F(k) * z\n    total += k\nreturn total",
        ),
        (functions, "return vector_math.exp(z) + vector_math.tanh(z) + math.sqrt(abs(z)) + max(z, F(0)) + F(z)"),
        (of_rows, "total = rows.row_sum(z) + rows.row_max(a)\nreturn total"),
        (
            branches,
            "if z > F(1) and (not z < -F(1)):\n    y = F(1)\nelif z == F(0):\n    pass\n"
            "else:\n    y, z = (z, F(2))\nreturn y + z",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rules(function: Callable[..., Any], expected: str) -> None:
    assert body(function) == expected
    ast.parse(lowered(function))


def test_double_precision_has_the_librarys_functions() -> None:
    assert body(functions, "float64") == "return math.exp(z) + math.tanh(z) + math.sqrt(abs(z)) + max(z, F(0)) + F(z)"


def test_helpers_come_first_and_once() -> None:
    text = lowered(calls_a_helper)
    assert text.count("return F(2) * z") == 1
    assert text.index("return F(2) * z") < text.index("_calls_a_helper(z):")


def test_two_functions_of_one_name() -> None:
    """Each has a name of its own in the text, so that the one calls the other and not itself."""
    names = [line.split("(")[0] for line in lowered(twin).splitlines() if line.startswith("def ")]
    assert len(set(names)) == 2


def test_the_function_itself_is_left_alone() -> None:
    before = inspect.getsource(indices)
    lowered(indices)
    assert inspect.getsource(indices) == before
    assert literals(2.0) == 2.0


# ---- refusals


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
    (_loops_with_else, 1, r"a loop must be: for k in range\(...\)"),
    (_unknown, 1, "unknown name 'nowhere'"),
    (_unknown_function, 1, "unknown name 'nowhere'"),
    (_text, 1, "text cannot be compiled"),
    (_text_of_the_module, 1, "'WORD' is str, not a number"),
    (_numpy, 1, "'np.exp' cannot be called in a component"),
    (_method, 1, "'z.sum' is not a number or function of a module"),
    (_attribute, 1, "'z.real' is not a number or function of a module"),
    (_list, 1, "list cannot be compiled"),
    (_comprehension, 1, "'sum' cannot be called in a component"),
    (_lambda, 1, "cannot be called in a component"),
    (_keyword, 1, "arguments of calls go by position"),
    (_starred, 1, "arguments of calls go by position"),
    (_imports, 1, "import cannot be compiled"),
    (_nested, 1, "functiondef cannot be compiled"),
    (_tries, 1, "try cannot be compiled"),
    (_with, 1, "with cannot be compiled"),
    (_deletes, 1, "delete cannot be compiled"),
    (_returns_nothing, 2, "return without a value"),
    (_walrus, 1, "namedexpr cannot be compiled"),
    (_half_index, 1, "text cannot be an index or a count"),
    (_slice, 1, "slice cannot be an index or a count"),
    (_format, 1, "joinedstr cannot be compiled"),
    (_awaits, 1, "'opened' cannot be called in a component"),
]


@pytest.mark.parametrize(("function", "line", "reason"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
def test_refusals(function: Callable[..., Any], line: int, reason: str) -> None:
    """The message begins with file and line; `line` counts from the function's own."""
    place = rf"test_precision\.py:{function.__code__.co_firstlineno + line}: {function.__name__}: "
    with pytest.raises(PluginError, match=place + ".*" + reason):
        lowered(function)


def test_recursion_by_way_of_another_function() -> None:
    with pytest.raises(PluginError, match=r"_other: _recurses_by_another calls itself"):
        lowered(_recurses_by_another)


def test_closures() -> None:
    slope = 0.1

    def leaks(z):
        return slope * z

    with pytest.raises(PluginError, match=r"leaks: 'slope' comes from an enclosing function; make it a parameter"):
        lowered(leaks)


def test_lambdas_and_functions_without_source() -> None:
    with pytest.raises(PluginError, match=r"test_precision\.py:\d+: a component is a function made with def"):
        lowered(lambda z: z)
    scope: dict[str, Any] = {}
    exec("def typed(z):\n    return z", scope)
    with pytest.raises(PluginError, match="its source cannot be read; define it in a file"):
        lowered(scope["typed"])


# ---- what is only seen when it is compiled


@activation
def floored(z):
    """Floored: a = z - floor(z), where floor gives an integer, and an integer and a float32 give a float64."""
    below = math.floor(z)
    return z - below


@floored.derivative
def floored_derivative(z):
    return 1


@optimizer
def unbalanced(w, g, m):
    """Unbalanced: returns one thing where core awaits two."""
    return w - g


@activation(form="row")
def array_arithmetic(z, a):
    """Array arithmetic: rows are not numbers."""
    doubled = z + z
    for k in range(len(z)):
        a[k] = doubled[k]


@array_arithmetic.backward
def array_arithmetic_backward(da, dz):
    for k in range(len(da)):
        dz[k] = 2 * da[k]


def test_double_precision_is_found_by_name() -> None:
    """Each time, also when the kernel that was refused is in the cache."""
    component = freeze(floored)
    for _ in range(2):
        with pytest.raises(PluginError, match=r"activation floored: '.+' is computed in float64, not in float32"):
            blocks.activation_forward(component, "float32", False)
    assert blocks.activation_forward(component, "float64", False)


def test_what_does_not_compile_names_the_component() -> None:
    with pytest.raises(PluginError, match="optimizer unbalanced: does not compile: "):
        blocks.optimizer_kernel(freeze(unbalanced).configured(), "float32")


def test_array_arithmetic_is_refused() -> None:
    with pytest.raises(PluginError, match="array_arithmetic"):
        blocks.activation_forward(freeze(array_arithmetic), "float32", False)


def test_a_component_without_a_derivative() -> None:
    @activation
    def underived(z):
        return z

    with pytest.raises(
        PluginError, match=r"activation underived: has no derivative; give one with @underived\.derivative"
    ):
        blocks.activation_backward(freeze(underived), "float32")
