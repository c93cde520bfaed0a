"""How a component's source is rewritten for one precision: each rule a small case.

The functions below are only read, never run as they stand here.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable
from math import exp, pi, sqrt
from typing import Any

import pytest

from numbann.compile.precision import Lowered
from numbann.mathematics import rows
from numbann.mathematics.rows import row_sum

HALF, FLAG = 0.5, True


def lowered(function: Callable[..., Any], dtype: str = "float32") -> str:
    """The text of a function and of what it calls."""
    result = Lowered(dtype)
    result.add(function)
    return result.text


def body(function: Callable[..., Any], dtype: str = "float32") -> str:
    """The text of a function alone, from its second line on; that of a loop asks for wide vectors first."""
    lines = lowered(function, dtype).split("def ")[-1].splitlines()[1:]
    loops = any(line.strip().startswith("for ") for line in lines)
    assert loops == (lines[0].strip() == "prefer_wide()")
    lines = lines[loops:]
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
    y = 0
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


def power(x, times=2, *, scale=HALF):
    y: float = scale
    for _k in range(times):
        y *= x
    return y


def calls_with_defaults(z):
    return power(z) + power(z, 3)


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
        (functions, "return single_math.exp(z) + single_math.tanh(z) + math.sqrt(abs(z)) + max(z, F(0)) + F(z)"),
        (of_rows, "total = rows.row_sum(z) + rows.row_max(a)\nreturn total"),
        (
            branches,
            "y = F(0)\nif z > F(1) and (not z < -F(1)):\n    y = F(1)\nelif z == F(0):\n    pass\n"
            "else:\n    y, z = (z, F(2))\nreturn y + z",
        ),
        (calls_with_defaults, "return f_1_power(z, F(2), F(0.5)) + f_1_power(z, F(3), F(0.5))"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rules(function: Callable[..., Any], expected: str) -> None:
    assert body(function) == expected
    ast.parse(lowered(function))


def test_double_precision_has_functions_of_its_own() -> None:
    expected = "return double_math.exp(z) + double_math.tanh(z) + math.sqrt(abs(z)) + max(z, F(0)) + F(z)"
    assert body(functions, "float64") == expected


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
