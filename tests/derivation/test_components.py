"""Derived derivatives of components: those of built-in ones against derivatives by hand, and their use."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import os
import subprocess
import sys
from collections.abc import Callable
from math import exp, log, log1p, tanh
from typing import Any

import numba
import numpy as np
import pytest
from differences import check_gradient
from networks import make_plan, make_targets
from variants import variants

from numbann.compile import text
from numbann.compile.modules import load
from numbann.compile.precision import Lowered
from numbann.components.built_in import built_in
from numbann.components.component import Component, Origin, arguments_of
from numbann.components.declare import activation, freeze, loss
from numbann.components.parameter import Learnable
from numbann.derivation import derivative_of, keeps_z, slopes_of
from numbann.errors import PluginError
from numbann.kernels.components import array_functions

GRID = np.concatenate([np.linspace(-30, 30, 241), np.linspace(-100, 100, 41), [1e-9, -1e-9, 1e-3, -1e-3]])
ULP = {"float32": 40, "float64": 80}  # of 1, or of the derivative where it is larger: gelu_tanh rounds a cube at 7
EITHER = pytest.mark.parametrize(
    ("component", "values"), [*variants("activation", "elementwise"), *variants("loss", "elementwise")]
)


@functools.cache
def derived(component: Component) -> Component:
    """The component without the derivatives that its author gave."""
    return dataclasses.replace(component, derivative=None, slopes={})


def call(function: Callable[..., Any], **given: Any) -> Any:
    """Call a function with those of the given arguments that it asks for."""
    return function(**{name: value for name, value in given.items() if name in arguments_of(function)})


def slope(component: Component, x: float, **values: float) -> float:
    """The derivative at x, for a target of 0.3, in plain Python."""
    given = {"z": x, "y": x, "u": 0.5, "t": 0.3, **component.defaults(), **values}
    return call(derivative_of(component), a=call(component.function, **given), **given)


def same(got: float, expected: float, dtype: str) -> bool:
    """Whether two derivatives are the same but for rounding."""
    return abs(got - expected) <= ULP[dtype] * np.finfo(dtype).eps * max(1.0, abs(expected))


@functools.cache
def single(function: Callable[..., Any]) -> Callable[..., float]:
    """A function compiled in single precision, as it is in a kernel."""
    lowered = Lowered("float32")
    name = lowered.add(function)
    header = text.HEADER.format(imports="\n".join(lowered.imports), dtype="float32", functions=lowered.text)
    made = getattr(load(header), name)
    called = numba.njit(lambda *given: made(*given))
    return lambda **given: called(*(np.float32(given[argument]) for argument in arguments_of(function)))


def single_slopes(component: Component, x: np.ndarray, **values: float) -> np.ndarray:
    """The derivatives at x, for a target of 0.3, compiled in single precision."""
    found = []
    for one in x:
        given = {"z": one, "y": one, "u": 0.5, "t": 0.3, **component.defaults(), **values}
        found.append(single(derivative_of(component))(a=single(component.function)(**given), **given))
    return np.array(found)


# ---- against the built-in ones


@EITHER
def test_it_is_what_is_written_by_hand(component: Component, values: dict[str, float]) -> None:
    """At a kink it may be anything between what is to the left and to the right."""
    other = derived(component)
    for x in [*GRID.tolist(), 0.0, 0.3]:
        got = slope(other, x, **values)
        sides = [slope(component, x + step, **values) for step in (-1e-9, 0.0, 1e-9)]
        slack = 1e-7 * max(1.0, *map(abs, sides))
        assert same(got, sides[1], "float64") or min(sides) - slack <= got <= max(sides) + slack, x


@EITHER
def test_compiled_in_single_precision(component: Component, values: dict[str, float]) -> None:
    x = (np.linspace(-30, 30, 121) + 0.0123).astype(np.float32)  # beside all kinks
    expected = np.array([slope(component, float(one), **values) for one in x])
    slack = ULP["float32"] * 2**-23
    np.testing.assert_allclose(single_slopes(derived(component), x, **values), expected, slack, slack)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "silu", "mish", "softplus", "log_sigmoid", "elu", "arctan"])
def test_extremes_of_built_in_ones(name: str) -> None:
    component = built_in().get("activation", name)
    x = np.array([-3e38, -1e4, -100, -0.0, 0.0, 100, 1e4, 3e38], np.float32)
    np.testing.assert_allclose(single_slopes(derived(component), x), single_slopes(component, x), atol=1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "silu", "mish", "softplus"])
def test_nan_passes(name: str) -> None:
    assert np.isnan(single_slopes(derived(built_in().get("activation", name)), np.full(1, np.nan, np.float32))).all()


def test_what_needs_no_z() -> None:
    """sigmoid, tanh and exponential are derived from their values alone, though z is what their formulas hold."""
    found = {name: derived(built_in().get("activation", name)) for name in ("sigmoid", "tanh", "exponential", "sine")}
    assert {name: keeps_z(component) for name, component in found.items()} == {
        "sigmoid": False,
        "tanh": False,
        "exponential": False,
        "sine": True,
    }
    assert keeps_z(built_in().get("activation", "softmax"))
    assert keeps_z(built_in().get("activation", "leaky_relu"))
    assert not keeps_z(built_in().get("activation", "relu"))


# ---- formulas as papers print them


@activation
def textbook_sigmoid(z):
    return 1 / (1 + exp(-z))


@activation
def textbook_swish(z, beta: float = 1.0):
    return z / (1 + exp(-beta * z))


@activation
def swish_by_sigmoid(z):
    return z * textbook_sigmoid(z)


@activation
def textbook_mish(z):
    return z * tanh(log(1 + exp(z)))


@activation
def mish_by_softplus(z):
    return z * tanh(log1p(exp(z)))


@activation
def textbook_softplus(z):
    return log(1 + exp(z))


@activation
def stable_softplus(z):
    return max(z, 0) + log1p(exp(-abs(z)))


@activation
def rising_sigmoid(z):
    return 1 / (1 + exp(-abs(z))) if z > 0 else exp(-abs(z)) / (1 + exp(-abs(z)))


@activation
def exponential_over_it(z):
    return exp(z) / (1 + exp(z))


TEXTBOOK = [
    (textbook_sigmoid, "sigmoid"),
    (rising_sigmoid, "sigmoid"),
    (textbook_swish, "silu"),
    (swish_by_sigmoid, "silu"),
    (textbook_mish, "mish"),
    (mish_by_softplus, "mish"),
    (textbook_softplus, "softplus"),
    (stable_softplus, "softplus"),
]


@pytest.mark.parametrize(("function", "name"), TEXTBOOK)
def test_no_textbook_form_overflows(function: Callable[..., Any], name: str) -> None:
    """exp(z) is infinite in float32 from 89 on; the derivative stays that of the function."""
    x = np.array([-3e38, -1e4, -200, -90, -20, -5, -1, 0.0, 1, 5, 20, 90, 200, 1e4, 3e38], np.float32)
    got = single_slopes(freeze(function), x)
    np.testing.assert_allclose(got, single_slopes(built_in().get("activation", name), x), atol=3e-7, rtol=2e-6)


def test_both_ways_of_a_sigmoid_have_one_derivative() -> None:
    """The sign that |z| is derived by is the one that the author tests: also at 0, whichever way 0 goes."""
    assert slope(freeze(rising_sigmoid), 0.0) == 0.25
    assert slope(derived(built_in().get("activation", "sigmoid")), 0.0) == 0.25
    assert slope(freeze(stable_softplus), 0.0) == 0.5
    assert inspect.getsource(derivative_of(freeze(rising_sigmoid))).count("a * (1 - a)") == 1


@activation
def scaled_sigmoid(z, beta: float = 2.0):
    return 1 / (1 + exp(-abs(beta * z))) if beta * z > 0 else exp(-abs(beta * z)) / (1 + exp(-abs(beta * z)))


@activation
def below_a_wall(z):
    return log(5 - exp(z) / 100) - log(3 + exp(-z) * 2)


def test_the_sign_of_a_product_that_is_tested() -> None:
    assert slope(freeze(scaled_sigmoid), 0.0) == 0.5
    assert slope(freeze(scaled_sigmoid), 0.0, beta=-2.0) == -0.5


@pytest.mark.parametrize("z", [-40.0, -3.0, 0.0, 4.0, 6.2])
def test_sums_with_weighted_exponentials(z: float) -> None:
    expected = -exp(z) / (500 - exp(z)) + 2 * exp(-z) / (3 + 2 * exp(-z))
    assert slope(freeze(below_a_wall), z) == pytest.approx(expected, rel=1e-12)


def test_what_overflows_itself_does_so_derived() -> None:
    """exp(z) / (1 + exp(z)) is inf / inf from 89 on, and no derivative mends that."""
    found = single_slopes(freeze(exponential_over_it), np.array([-200.0, 0.0, 80.0, 200.0], np.float32))
    np.testing.assert_allclose(found[:3], [0, 0.25, 0], atol=1e-7)
    assert np.isnan(found[3])


# ---- trained parameters, noise, losses


@activation
def bent(z, u, alpha: Learnable = 0.25, beta: Learnable = 1.5):
    """Bent: alpha z (1 + u) below 0, else log(1 + beta z)."""
    return alpha * z * (1 + u) if z < 0 else log1p(z * beta)


@activation
def learnable_swish(z, alpha: Learnable = 0.8, beta: Learnable = 1.2):
    return alpha * z / (1 + exp(-beta * z))


@loss
def quartic(y, t):
    return (y - t) ** 4 + abs(y - t)


def test_trained_parameters() -> None:
    component = freeze(bent)
    alpha, beta = slopes_of(component)
    assert [arguments_of(part) for part in (alpha, beta)] == [("z", "u"), ("z", "beta")]
    assert [alpha(z=-2.0, u=0.5), alpha(z=2.0, u=0.5)] == [-3.0, 0]
    assert [beta(z=-2.0, beta=1.5), beta(z=2.0, beta=1.5)] == [0, 0.5]
    given = slopes_of(dataclasses.replace(component, slopes={"beta": len}))
    assert given[1] is len
    assert arguments_of(given[0]) == ("z", "u")


@pytest.mark.parametrize("name", ["learnable_swish", "textbook_mish"])
def test_the_engine_trains_with_them(name: str) -> None:
    registry = built_in().copy()
    registry.register(freeze(globals()[name]), Origin("a test", "", ""))
    check_gradient(make_plan([3, 5, 4, 2], name, "mse", registry=registry))


def test_a_loss() -> None:
    component = freeze(quartic)
    assert derivative_of(component)(y=3.0, t=1.0) == 33.0
    assert derivative_of(component)(y=1.0, t=1.0) == 0.0
    y, t = np.array([[3.0, 0.5]]), make_targets(component, 1, 2, np.random.default_rng(0))
    value, dy = array_functions(component)["quartic"](y, t)
    np.testing.assert_allclose(dy, (4 * (y - t) ** 3 + np.sign(y - t)) / 2)
    assert value == pytest.approx(np.mean((y - t) ** 4 + abs(y - t)))


# ---- the function that is made


def test_its_source_is_found_and_names_the_authors_line() -> None:
    made = derivative_of(freeze(textbook_swish))
    line = textbook_swish.__code__.co_firstlineno
    assert inspect.getsource(made).startswith("def textbook_swish_dz(z, ")
    assert inspect.getsourcefile(made) == f"<textbook_swish_dz, derived from {__file__}:{line}>"


def test_the_authors_comes_first() -> None:
    component = built_in().get("activation", "gelu")
    assert derivative_of(component) is component.derivative
    assert derivative_of(derived(component)) is not component.derivative


def test_every_process_derives_the_same_text() -> None:
    """Or the cache of compiled kernels would miss: nothing may hang on addresses or on the seed of hashes."""
    code = (
        "import dataclasses, inspect\n"
        "from numbann.components.built_in import built_in\nfrom numbann.derivation import derivative_of\n"
        "for name in ('mish', 'silu', 'squareplus', 'gelu_tanh'):\n"
        "    component = dataclasses.replace(built_in().get('activation', name), derivative=None)\n"
        "    print(inspect.getsource(derivative_of(component)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code]
    texts = {
        subprocess.run(command, env={**environment, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_rows_are_not_derived() -> None:
    component = dataclasses.replace(built_in().get("loss", "kl_divergence"), derivative=None)
    with pytest.raises(PluginError, match="loss kl_divergence: a function of rows cannot be derived"):
        derivative_of(component)


def test_numbers_that_are_not_finite() -> None:
    assert math.isnan(slope(freeze(infinite), 0.5))


FAR = math.inf


@activation
def infinite(z):
    return (FAR - FAR) * z
