"""Every component against its textbook formula in 80 digits, also at large numbers, and NaN and infinities.

Derivatives are the author's, or derived.  float64 is plain Python, float32 the compiled one.  Errors are counted in
units in the last place of the result, or of what a rounding of the argument changes where that is more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from numbann_curves import bounded, errors, gated, labels, periodic, rectified, simplex

from numbann.components.component import Component, arguments_of
from numbann.components.declare import freeze
from numbann.derivation import derivative_of, slopes_of
from numbann.kernels.components import array_functions

mp.dps = 80
Exact = Callable[..., Any]

FOUND: dict[str, Component] = {}
for module in (gated, rectified, bounded, periodic, simplex, errors, labels):
    module.numbann_register(lambda function: FOUND.update({freeze(function).name: freeze(function)}))

GRID = [*np.linspace(-20, 20, 80), *np.linspace(-2, 2, 20), 1e-30, -1e-30, 1e-5, -1e-5]
LARGE = [50.0, -50.0, 90.0, -90.0, 1e4, -1e4]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def relu(x: Any) -> Any:
    return x if x > 0 else mpf(0)


def acon_c(z: Any, p1: Any, p2: Any, beta: Any) -> Any:
    return (p1 - p2) * z * sigmoid(beta * (p1 - p2) * z) + p2 * z


def coin(z: Any, u: Any, temperature: Any) -> Any:
    return sigmoid((z + mp.log(u / (1 - u))) / temperature)


ACTIVATIONS: list[tuple[str, dict[str, float], Exact]] = [
    ("tanhexp", {}, lambda z: z * mp.tanh(mp.exp(min(z, mpf(20))))),
    ("logish", {}, lambda z: z * mp.log1p(sigmoid(z))),
    ("smish", {}, lambda z: z * mp.tanh(mp.log1p(sigmoid(z)))),
    ("serf", {}, lambda z: z * mp.erf(mp.log1p(mp.exp(z)))),
    ("elish", {}, lambda z: sigmoid(z) * (mp.expm1(z) if z < 0 else z)),
    ("acon", {}, acon_c),
    ("acon", {"p1": 1.2, "p2": -0.3, "beta": 0.7}, acon_c),
    ("squared_relu", {}, lambda z: relu(z) ** 2),
    ("star_relu", {}, lambda z, scale, shift: scale * relu(z) ** 2 + shift),
    ("serlu", {}, lambda z: rectified.SERLU_SCALE * (rectified.SERLU_ALPHA * z * mp.exp(z) if z < 0 else z)),
    ("isru", {}, lambda z, alpha: z / mp.sqrt(1 + alpha * z * z)),
    ("isru", {"alpha": 3.0}, lambda z, alpha: z / mp.sqrt(1 + alpha * z * z)),
    ("binary_concrete", {"u": 0.5}, lambda z, u, temperature: sigmoid((z + mp.log(u / (1 - u))) / temperature)),
    (
        "binary_concrete",
        {"u": 0.9, "temperature": 0.4},
        lambda z, u, temperature: ACTIVATIONS[12][2](z, u, temperature),
    ),
    ("snake", {}, lambda z, alpha: z + mp.sin(alpha * z) ** 2 / alpha),
    ("snake", {"alpha": 5.0}, lambda z, alpha: z + mp.sin(alpha * z) ** 2 / alpha),
    ("growing_cosine", {}, lambda z: z * mp.cos(z)),
]


def robust(y: Any, t: Any, alpha: Any, scale: Any) -> Any:
    x = (y - t) / scale
    if alpha == 2:
        return x * x / 2
    b = abs(alpha - 2)
    return mp.log1p(x * x / 2) if alpha == 0 else b / alpha * ((x * x / b + 1) ** (alpha / 2) - 1)


def biweight(y: Any, t: Any, scale: Any) -> Any:
    q = ((y - t) / scale) ** 2
    return scale**2 / 6 * (1 - (1 - min(q, mpf(1))) ** 3)


def asl(y: Any, t: Any, gamma_yes: Any, gamma_no: Any, margin: Any) -> Any:
    s, rest = sigmoid(y), sigmoid(-y)
    no = (s - margin) ** gamma_no * mp.log(rest + margin) if s > margin else mpf(0)
    return -t * rest**gamma_yes * mp.log(s) - (1 - t) * no


def compound(y: Any, t: Any, power: Any) -> Any:
    return mp.exp((2 - power) * y) / (2 - power) - t * mp.exp((1 - power) * y) / (1 - power)


LOSSES: list[tuple[str, dict[str, float], Exact]] = [
    *[("general_robust", {"alpha": alpha}, robust) for alpha in (2.0, 1.0, 0.0, -2.0, 1.9)],
    ("general_robust", {"alpha": 0.5, "scale": 0.3}, robust),
    ("welsch", {}, lambda y, t, scale: scale**2 / 2 * (1 - mp.exp(-(((y - t) / scale) ** 2)))),
    ("tukey_biweight", {}, biweight),
    ("expectile", {"expectile": 0.9}, lambda y, t, expectile: abs(expectile - (y > t)) * (y - t) ** 2),
    ("tweedie", {}, compound),
    ("asymmetric", {}, asl),
    ("asymmetric", {"gamma_yes": 0.0, "gamma_no": 1.5, "margin": 0.0}, asl),
]


def name_of(case: Any) -> str:
    """For pytest: a component with its settings."""
    return f"{case[0]}{case[1] or ''}"


def settings(name: str, given: dict[str, float], dtype: str = "float64") -> dict[str, Any]:
    """All parameters of a component as exact numbers, rounded as they will be."""
    return {key: mpf(float(np.dtype(dtype).type(value))) for key, value in {**FOUND[name].defaults(), **given}.items()}


def call(function: Any, **given: Any) -> Any:
    """Call a function with those of the given arguments that it asks for."""
    return function(**{name: value for name, value in given.items() if name in arguments_of(function)})


def ulps(got: Any, expected: Any, size: Any, dtype: str) -> float:
    """The distance in units in the last place of what is expected, or of `size` if that is more.

    What is smaller than a hundred times the smallest normal number may be zero.
    """
    distance = abs(mpf(float(got)) - expected)
    if distance < 100 * mpf(float(np.finfo(dtype).tiny)):
        return 0.0
    return float(distance / max(abs(expected), abs(size)) / mpf(float(np.finfo(dtype).eps)))


# ---- activations


@pytest.mark.parametrize("case", ACTIVATIONS, ids=name_of)
def test_activation_in_python(case: tuple[str, dict[str, float], Exact]) -> None:
    name, given, exact = case
    component, values = FOUND[name], {**FOUND[name].defaults(), **given}
    for z in [*GRID, *LARGE]:
        f = lambda x: exact(x, **settings(name, given))  # noqa: E731
        a, slope = f(mpf(z)), mp.diff(f, mpf(z))
        got = component.function(z, **values)
        assert ulps(got, a, z * slope, "float64") <= 4, z
        bend = z * mp.diff(f, mpf(z), 2)
        got = call(derivative_of(component), z=z, a=got, **values)
        assert ulps(got, slope, max(abs(bend), 1), "float64") <= 8, z


@pytest.mark.parametrize("case", ACTIVATIONS, ids=name_of)
def test_activation_at_zero(case: tuple[str, dict[str, float], Exact]) -> None:
    """Where it may bend: the derivative is one of the slopes on both sides, or between them."""
    name, given, exact = case
    component, values = FOUND[name], {**FOUND[name].defaults(), **given}
    sides = [mp.diff(lambda x: exact(x, **settings(name, given)), mpf(0), direction=side) for side in (-1, 1)]
    got = call(derivative_of(component), z=0.0, a=component.function(0.0, **values), **values)
    assert min(sides) - 1e-15 <= got <= max(sides) + 1e-15


def first(found: np.ndarray | tuple[np.ndarray, ...]) -> np.ndarray:
    """What a backward function gives for z; those of trained activations give more."""
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("case", ACTIVATIONS, ids=name_of)
def test_activation_compiled(case: tuple[str, dict[str, float], Exact]) -> None:
    name, given, exact = case
    z = np.array([*GRID, *LARGE, 0.0], np.float32)
    functions, values = array_functions(FOUND[name]), {**FOUND[name].defaults(), **given}
    a = functions[name](z, **values)
    da = first(functions[f"{name}_backward"](np.ones_like(z), z, a, **values))
    assert (a.dtype, da.dtype) == (np.float32, np.float32)
    for index, number in enumerate(z[:-1].tolist()):
        f = lambda x: exact(x, **settings(name, given, "float32"))  # noqa: E731
        slope, bend = mp.diff(f, mpf(number)), mp.diff(f, mpf(number), 2)
        assert ulps(a[index], f(mpf(number)), number * slope, "float32") <= 8, number
        assert ulps(da[index], slope, max(abs(number * bend), 1), "float32") <= 16, number
    assert np.isnan(functions[name](np.array([np.nan], np.float32), **values)).all()


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        *[
            (name, 0.0, math.inf)
            for name in ("tanhexp", "logish", "smish", "serf", "elish", "acon", "squared_relu", "serlu")
        ],
        ("star_relu", rectified.star_relu(-1.0), math.inf),
        ("isru", -1.0, 1.0),
        ("binary_concrete", 0.0, 1.0),
    ],
)
def test_activation_at_infinity(name: str, below: float, above: float) -> None:
    extra = {"u": np.float32(0.5)} if name == "binary_concrete" else {}
    z, functions = np.array([-np.inf, np.inf], np.float32), array_functions(FOUND[name])
    a = functions[name](z, **extra)
    np.testing.assert_allclose(a, [below, above], rtol=1e-6)
    slopes = first(functions[f"{name}_backward"](np.ones_like(z), z, a, **extra))
    assert not np.isnan(slopes).any()
    assert slopes[0] == 0


@pytest.mark.parametrize("case", [case for case in ACTIVATIONS if FOUND[case[0]].learnable], ids=name_of)
def test_slopes_of_what_is_trained(case: tuple[str, dict[str, float], Exact]) -> None:
    name, given, exact = case
    component, values = FOUND[name], {**FOUND[name].defaults(), **given}
    for parameter, function in zip(component.learnable, slopes_of(component), strict=True):
        for z in [*GRID, *LARGE]:
            others = settings(name, given)
            expected = mp.diff(lambda x: exact(mpf(z), **{**others, parameter: x}), others[parameter])  # noqa: B023
            got = call(function, z=z, a=component.function(z, **values), **values)
            assert ulps(got, expected, min(abs(z), 1), "float64") <= 32, (parameter, z)


def test_noise_is_a_coin_with_odds_exp_z() -> None:
    u = np.linspace(0, 1, 100_001)[1:-1]
    ones = np.mean([bounded.binary_concrete(0.7, draw, 0.1) > 0.5 for draw in u])
    assert ones == pytest.approx(1 / (1 + math.exp(-0.7)), abs=1e-4)


def entmax(z: np.ndarray) -> np.ndarray:
    """1.5-entmax by its threshold, which sorted sums give exactly, as the paper's algorithm 2."""
    x = np.sort(z)[::-1] / 2
    for k in range(len(x), 0, -1):
        mean = x[:k].mean()
        left = 1 - ((x[:k] - mean) ** 2).sum()
        tau = mean - np.sqrt(max(left, 0) / k)
        if left >= 0 and tau <= x[k - 1]:
            break
    return np.maximum(z / 2 - tau, 0) ** 2


def taylor(z: np.ndarray) -> np.ndarray:
    p = 1 + z + z * z / 2
    return p / p.sum()


@pytest.mark.parametrize(("name", "twin"), [("entmax15", entmax), ("taylor_softmax", taylor)])
@pytest.mark.parametrize("width", [1, 2, 7, 33])
def test_rows(name: str, twin: Callable[[np.ndarray], np.ndarray], width: int) -> None:
    """float64 in plain Python, as above; the backward function against differences of the twin."""
    random, component, step = np.random.default_rng(width), FOUND[name], 1e-6
    z, da = (random.normal(0, 2, (5, width)).astype("f4") for _ in range(2))
    functions = array_functions(component)
    got = functions[name](z)
    back = functions[f"{name}_backward"](da, z, got)
    for row, d, single, single_back in zip(z.astype("f8"), da.astype("f8"), got, back, strict=True):
        a, dz = np.zeros(width), np.zeros(width)
        component.function(z=row, a=a)
        call(component.backward, z=row, a=a, da=d, dz=dz)
        np.testing.assert_allclose(a, twin(row), atol=1e-14)
        np.testing.assert_allclose(single, twin(row), atol=1e-6)
        slopes = [(twin(row + shift) - twin(row - shift)) @ d / (2 * step) for shift in step * np.eye(width)]
        np.testing.assert_allclose(dz, slopes, atol=1e-8)
        np.testing.assert_allclose(single_back, slopes, atol=1e-5)


@pytest.mark.parametrize("name", ["entmax15", "taylor_softmax"])
def test_rows_of_large_numbers(name: str) -> None:
    z = np.array([[1e4, -1e3, 0.0], [-1e4, -1e4, -1e4], [1e-40, 0.0, -1e-40], [np.nan, 0.0, 1.0]], np.float32)
    functions, twin = array_functions(FOUND[name]), {"entmax15": entmax, "taylor_softmax": taylor}[name]
    a = functions[name](z)
    np.testing.assert_allclose(a[:3], [twin(row) for row in z[:3].astype("f8")], rtol=1e-5)
    assert np.isnan(a[3, 0])
    assert np.isfinite(functions[f"{name}_backward"](np.ones_like(z), z, a)[:3]).all()


# ---- losses


@pytest.mark.parametrize("case", LOSSES, ids=name_of)
@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_loss_in_python(case: tuple[str, dict[str, float], Exact], t: float) -> None:
    name, given, exact = case
    component, values = FOUND[name], {**FOUND[name].defaults(), **given}
    for y in [*GRID, *([] if name == "tweedie" else LARGE)]:
        f = lambda x: exact(x, mpf(t), **settings(name, given))  # noqa: E731
        slope, bend = mp.diff(f, mpf(y)), mp.diff(f, mpf(y), 2)
        assert ulps(component.function(y, t, **values), f(mpf(y)), max(abs(y), t) * slope, "float64") <= 24, y
        got = call(derivative_of(component), y=y, t=t, **values)
        assert ulps(got, slope, max(max(abs(y), t) * abs(bend), t), "float64") <= 24, y


@pytest.mark.parametrize("case", LOSSES[:-3], ids=name_of)
def test_loss_at_the_target(case: tuple[str, dict[str, float], Exact]) -> None:
    name, given, _ = case
    values = {**FOUND[name].defaults(), **given}
    assert FOUND[name].function(0.25, 0.25, **values) == 0
    assert call(derivative_of(FOUND[name]), y=0.25, t=0.25, **values) == 0


@pytest.mark.parametrize("case", LOSSES, ids=name_of)
def test_loss_compiled(case: tuple[str, dict[str, float], Exact]) -> None:
    name, given, exact = case
    function, values = array_functions(FOUND[name])[name], {**FOUND[name].defaults(), **given}
    for y in np.array([*GRID, *([] if name == "tweedie" else LARGE)], np.float32):
        f = lambda x: exact(x, mpf(0.25), **settings(name, given, "float32"))  # noqa: E731
        slope, bend = mp.diff(f, mpf(float(y))), mp.diff(f, mpf(float(y)), 2)
        value, dy = function(np.full((1, 1), y), np.full((1, 1), 0.25, np.float32), **values)
        size = max(abs(float(y)), 0.25)
        assert dy.dtype == np.float32
        assert ulps(value, f(mpf(float(y))), size * slope, "float32") <= 24, y
        assert ulps(dy[0, 0], slope, max(size * abs(bend), 0.25), "float32") <= 24, y
    assert np.isnan(function(np.full((1, 1), np.nan, "f4"), np.ones((1, 1), "f4"), **values)[0])


def poly1(y: list[Any], label: int, epsilon: Any) -> Any:
    p = mp.exp(y[label]) / mp.fsum(map(mp.exp, y))
    return -mp.log(p) + epsilon * (1 - p)


def gce(y: list[Any], label: int, q: Any) -> Any:
    p = mp.exp(y[label]) / mp.fsum(map(mp.exp, y))
    return (1 - p**q) / q


@pytest.mark.parametrize(
    ("name", "given", "exact"),
    [
        ("poly1_cross_entropy", {}, poly1),
        ("poly1_cross_entropy", {"epsilon": -0.5}, poly1),
        ("generalized_cross_entropy", {}, gce),
        ("generalized_cross_entropy", {"q": 1.0}, gce),
    ],
)
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_row_loss(name: str, given: dict[str, float], exact: Exact, spread: float) -> None:
    random, component = np.random.default_rng(0), FOUND[name]
    compiled, values = array_functions(component)[name], {**component.defaults(), **given}
    for label in range(4):
        y = random.normal(0, spread, (1, 4)).astype("f4")
        value, dy = compiled(y, np.array([label]), **values)
        row, own = [mpf(float(x)) for x in y[0]], np.zeros(4)
        assert value == pytest.approx(float(exact(row, label, **settings(name, given, "float32"))), rel=2e-5)
        value = component.function(y=y[0].astype("f8"), label=label, dy=own, **values)
        assert value == pytest.approx(float(exact(row, label, **settings(name, given))), rel=1e-13)
        for k in range(4):
            f = lambda x: exact([*row[:k], x, *row[k + 1 :]], label, **settings(name, given))  # noqa: B023, E731
            part = float(mp.diff(f, row[k]))
            assert own[k] == pytest.approx(part, rel=1e-13)
            assert dy[0, k] == pytest.approx(part, rel=2e-5, abs=1e-30)


# ---- what all have in common


def test_every_one_is_tested_documented_and_an_entry_point() -> None:
    from importlib.metadata import entry_points

    tested = {case[0] for case in [*ACTIVATIONS, *LOSSES]}
    tested |= {"entmax15", "taylor_softmax", "poly1_cross_entropy", "generalized_cross_entropy"}
    assert tested == set(FOUND)
    named = {point.name: point.value for point in entry_points(group="numbann") if "curves" in point.value}
    assert named == {name: component.function.__module__ for name, component in FOUND.items()}
    for component in FOUND.values():
        doc = component.function.__doc__ or ""
        assert component.summary.endswith("."), component.name
        assert "https://" in doc, component.name
