"""Reading and differentiating functions: one small case per rule, with the expected text or slope."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from math import exp, sqrt
from typing import Any

import numpy as np
import pytest

from numbann.components.component import Component, arguments_of
from numbann.components.declare import activation as declare
from numbann.components.declare import freeze
from numbann.derivation import derivative_of
from numbann.errors import PluginError
from numbann.kernels.components import array_functions

HALF, FLAG = 0.5, True


def body(function: Callable[..., Any]) -> str:
    """The text of a derivative, from its second line on."""
    lines = inspect.getsource(derivative_of(freeze(declare(function)))).splitlines()[1:]
    return "\n".join(line[4:] for line in lines)


def slope(component: Component, z: float) -> float:
    """The derivative at z, in plain Python."""
    derivative = derivative_of(component)
    given = {"z": z, "a": component.function(z)}
    return derivative(**{name: given[name] for name in arguments_of(derivative)})


# ---- texts


def constants(z):
    """Documentation."""
    return 3 + HALF * z - 2 * math.pi


def a_parameter(z, beta: float = 2.0):
    return beta * z + beta * beta


def like_terms(z):
    return z * z + 3 * z * z - z * z


def reassigned(z):
    y = 2 * z
    z = y * y
    y = 1
    return z + y


def augmented(z):
    total = 1
    total += z
    total *= z
    return total


def tuples(z):
    p, (q, r) = z, (2 * z, 3)
    p, q = q, p
    return p * r + q


def early(z):
    if z < -1:
        return -1
    y = 2 * z
    if z > 1:
        return y
    return y * z


def branches(z):
    y = 1
    if z > 1 and not z > 2:
        y = z
    elif z == 0:
        pass
    else:
        y, _w = 3 * z, 1
    return y


def flags(z, wide: bool = False):
    y = 2 * z if FLAG else z
    return y if wide else 3 * y


def powers(z, beta: float = 2.0):
    return z**2 + z**3 + z**-1 + z**0.5 + z**beta + 2**z + z**1 + z**0


def unrolled(z):
    total = 0
    for k in range(1, 4):
        for _j in range(k - 1):
            total += z**k
    return total


def over_a_parameter(z, n: int = 3):
    total, unused = 1, 0
    for k in range(n):
        total = total * z + k
        unused += k
    return total


def helper(x, scale):
    return scale * x if x > 0 else x


def helpers(z):
    return helper(z, 2) + helper(-z, 3)


def raised(x, times=2, *, scale=0.5):
    y: float = scale
    for _k in range(times):
        y *= x
    return y


def defaults_of_a_helper(z):
    return raised(z) + raised(z, 3)


def several(x):
    return x, 2 * x


def tuple_of_a_helper(z):
    p, q = several(z)
    return p * q


def unused(z):
    flat = math.floor(z)
    y = exp(z)
    y = flat
    return z - y


def size(z):
    return abs(z - 1)


def size_by_a_test(z):
    return -z if z <= 0 else abs(z)


def largest(z):
    return max(z, 0)


def shared(z):
    e = exp(z)
    return e * e + e / (2 + z)


def chained(z):
    return 1 if -1 < z < 1 else 2 * z


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (constants, "return 0.5"),
        (a_parameter, "return beta"),
        (like_terms, "return 6 * z"),
        (reassigned, "return 8 * z"),
        (augmented, "return z + (1 + z)"),
        (tuples, "return 7"),
        (early, "return 0 if z < -1 else 2 if z > 1 else 4 * z"),
        (branches, "return 1 if z > 1 and not z > 2 else 0 if z == 0 else 3"),
        (flags, "return 2 if wide else 6"),
        (
            powers,
            "return 1 + 2 * z + 3 * z ** 2 + 0.6931471805599453 * 2 ** z + 0.5 / z ** 0.5"
            " + beta * z ** (-1 + beta) - z ** (-2)",
        ),
        (unrolled, "return 2 * z + 6 * z ** 2"),
        (
            over_a_parameter,
            "v1 = 1\nv2 = 0\nv3 = 0\nfor v4 in range(n):\n"
            "    v1, v2, v3 = v1 * z + v4, v2 + v4, v1 + z * v3\nreturn v3",
        ),
        (helpers, "v1 = -z > 0\nreturn (-1 if v1 else 1) if z > 0 else -2 if v1 else 0"),
        (defaults_of_a_helper, "return z + 0.5 * z * z + z * z"),
        (tuple_of_a_helper, "return 4 * z"),
        (unused, "return 1"),
        (size, "v1 = z - 1\nreturn 1 if v1 > 0 else (-1 if v1 < 0 else v1)"),
        (size_by_a_test, "return -1 if z <= 0 else 1"),
        (largest, "return 1 if z > 0 else 0 if z < 0 else 0.5"),
        (shared, "v1 = math.exp(z)\nv2 = 2 + z\nreturn 2 * (v1 * v1) + (v1 - v1 / v2) / v2"),
        (chained, "return 0 if -1 < z and z < 1 else 2"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_texts(function: Callable[..., Any], expected: str) -> None:
    assert body(function) == expected


# ---- every function of math against differences

POINTS = (0.31, 0.83)
FORMULAS = ["exp(z)", "exp2(z)", "expm1(z)", "log(z)", "log1p(z)", "log2(z)", "log10(z)", "sqrt(z)", "cbrt(z)"]
FORMULAS += ["sin(z)", "cos(z)", "tan(z)", "asin(z)", "acos(z)", "atan(z)", "sinh(z)", "cosh(z)", "tanh(z)"]
FORMULAS += ["asinh(z)", "atanh(z)", "erf(z)", "erfc(z)", "degrees(z)", "radians(z)", "fabs(z)"]
FORMULAS += ["floor(z)", "ceil(z)", "trunc(z)", "z % 0.3", "7 % z", "z // 0.3 * z"]
FORMULAS += ["acosh(z + 2)", "log(z + 2, z)", "log(z, 3)", "pow(z, 1.5)", "pow(z + 1, z)", "hypot(z, 2 * z, 1)"]
FORMULAS += ["atan2(z, 2)", "atan2(2 + z, z)", "copysign(z, -1)", "copysign(z, z - 1)", "fmod(5 * z, 2)", "fmod(7, z)"]
FORMULAS += ["sqrt(max(z, 0.5))", "cos(min(z, 0.5, 2 * z - 0.3))", "exp(float(z))"]
COMPILED = "exp(z) + expm1(z) + log(z) * log1p(z) - sqrt(z) + sin(z) * cos(z) / tan(z) + asin(z) - acos(z) + atan(z) \
+ sinh(z) * cosh(z) - tanh(z) + asinh(z) * atanh(z) + erf(z) * erfc(z) + fabs(z) + pow(z, 1.5) + z**z + max(z, 1 - z) \
+ atan2(z, 2) * copysign(z, -1) + min(z, 0.5, 2 * z) * float(floor(5 * z)) + z % 0.3"


@pytest.fixture
def plugin(tmp_path: Any) -> Callable[[str], Any]:
    """A component from its formula, in a file of its own."""

    def make(formula: str) -> Any:
        path = tmp_path / "formula.py"
        text = f"from math import *\n\n\ndef formula(z):\n    return {formula}\n"
        path.write_text(text)
        scope: dict[str, Any] = {}
        exec(compile(text, str(path), "exec"), scope)
        return freeze(declare(scope["formula"]))

    return make


@pytest.mark.parametrize("formula", FORMULAS)
def test_functions(formula: str, plugin: Callable[[str], Any]) -> None:
    component = plugin(formula)
    for z in POINTS:
        step = 1e-6
        expected = (component.function(z + step) - component.function(z - step)) / (2 * step)
        assert slope(component, z) == pytest.approx(expected, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("dtype", "slack"), [("float32", 1e-5), ("float64", 1e-13)])
def test_functions_compiled(dtype: str, slack: float, plugin: Callable[[str], Any]) -> None:
    component, z = plugin(COMPILED), np.array(POINTS, dtype)
    made = array_functions(component)
    got = made["formula_backward"](np.ones_like(z), z, made["formula"](z))
    np.testing.assert_allclose(got, [slope(component, z) for z in POINTS], slack)


def test_a_power_of_zero() -> None:
    def power(z, beta: float = 2.0):
        return z ** (beta * z) if z < 0 else z**beta

    derivative = derivative_of(freeze(declare(power)))
    assert derivative(z=0.0, a=0.0, beta=2.0) == 0.0
    assert derivative(z=0.0, a=0.0, beta=1.0) == 1.0


def test_parameters_may_have_any_name() -> None:
    def swish(z, v1: float = 2.0, v2: float = 1.0, math: float = 1.0, abs: float = 1.0):
        return z * math / (abs + exp(-v1 * z)) + v2

    derivative = derivative_of(freeze(declare(swish)))
    assert derivative(z=0.0, v1=2.0, math=3.0, abs=1.0) == 1.5


# ---- what cannot be derived


def _gamma(z):
    return z + math.gamma(z)


def _half_set(z):
    if z > 0:
        y = z
    return y


def _half_returned(z):
    if z > 0:
        return z


def _many_rounds(z):
    for _k in range(300):
        z = z + sqrt(z)
    return z


def _returns_in_a_loop(z, n: int = 3):
    for _k in range(n):
        return z
    return z


def _two_results(z):
    return z, z


def _bits(z):
    return z & 1


def _prints(z):
    print(z)
    return z


def _text(z):
    return z if z else "zero"


def _many_arguments(z):
    return helper(z)


def _tuple_in_arithmetic(z):
    return 1 + (z, z)


REFUSALS = [
    (_gamma, 1, r"the derivative of 'math.gamma\(z\)' is not known; give the derivative"),
    (_half_set, 3, "'y' is not set on every path that leads here"),
    (_half_returned, 0, "does not return a value on every path"),
    (_many_rounds, 1, "more than 256 rounds of loops are not derived; give the derivative"),
    (_returns_in_a_loop, 1, "a return in a loop over a range that is not constant cannot be derived"),
    (_two_results, 0, "returns several numbers; only one can be derived"),
    (_bits, 1, "'z & 1' is not arithmetic on two numbers"),
    (_prints, 1, "a statement without effect"),
    (_text, 1, "text cannot be compiled"),
    (_many_arguments, 1, "helper takes 2 arguments, not 1"),
    (_tuple_in_arithmetic, 1, r"'1 \+ \(z, z\)' is not arithmetic on two numbers"),
]


@pytest.mark.parametrize(("function", "line", "reason"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
def test_refusals(function: Callable[..., Any], line: int, reason: str) -> None:
    """The message begins with file and line; `line` counts from the function's own."""
    place = rf"test_rules\.py:{function.__code__.co_firstlineno + line}: {function.__name__}: "
    with pytest.raises(PluginError, match=place + reason):
        derivative_of(freeze(declare(function)))
