"""Every component as a compiled array function: NumPy twins, precision in and out, extremes, `out=`, compiled once.

Compiled code is compared with the twin in extended precision, in units in the last place.
"""

from __future__ import annotations

import re
from typing import Any

import numba
import numpy as np
import pytest
import reference
from networks import make_targets, width_of
from variants import size_of, variants

from numbann import kernels
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.errors import ShapeError

SPECIAL = [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 1e-30, 1e4, -1e4, np.inf, -np.inf]
GRID = np.concatenate([np.linspace(-100, 100, 4001), np.linspace(-1, 1, 1001), np.geomspace(1e-9, 9, 500), SPECIAL])
EXTENDED = np.finfo(np.longdouble).eps < 1e-18  # else the twin itself has errors of some units in float64
EXACT, COMPOSITE = (4, 8) if EXTENDED else (24, 24)  # units in the last place, of one function and of several
MOST_32 = np.float32(1e38)
COMPOSITES = {"gelu", "gelu_tanh", "mish", "silu"}
ULP = {"float32": 6, "float64": 24}
CLOSE = {"float32": {"rtol": 1e-3, "atol": 1e-5}, "float64": {"rtol": 1e-10, "atol": 0.0}}
TOY_RATES = {"adagrad": {"learning_rate": 0.1}, "lion": {"learning_rate": 1e-3}}
VALLEY_RATES: dict[str, dict[str, Any]] = {  # for Rosenbrock's function; sgd and its kin explode above theirs
    "sgd": {"learning_rate": 1e-3},
    "momentum": {"learning_rate": 1e-3},
    "nesterov": {"learning_rate": 1e-3},
    "adagrad": {"learning_rate": 1.0},
    "adadelta": {"learning_rate": 0.1},
    "rmsprop": {"learning_rate": 1e-3},
    "adam": {"learning_rate": 0.03},
    "adamw": {"learning_rate": 0.03, "weight_decay": 0.0},  # decay would move the bottom
    "adamax": {"learning_rate": 0.03},
    "nadam": {"learning_rate": 0.01},
    "radam": {"learning_rate": 0.003, "beta2": 0.9},  # the default takes 100 000 steps: see its docstring
    "adabelief": {"learning_rate": 0.03},
    "adan": {"learning_rate": 1e-3},
    "lion": {"learning_rate": 1e-3},
}
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def far(got: np.ndarray, expected: np.ndarray, scale: float | np.ndarray = 0.0, multiplied: float = 1.0) -> float:
    """The largest distance in units in the last place of what is expected, or of `scale` where that is larger.

    What is smaller than the smallest normal number, before it was multiplied by so much, may be zero.
    """
    assert (np.isnan(got) == np.isnan(expected)).all()
    expected = np.where(np.abs(expected) > np.finfo(got.dtype).max, np.copysign(np.inf, expected), expected)
    infinite = np.isinf(expected)
    np.testing.assert_array_equal(got[infinite], expected[infinite])
    smallest = multiplied * np.finfo(got.dtype).tiny
    finite = np.isfinite(expected) & ((np.abs(got) > smallest) | (np.abs(expected) >= smallest))
    size = np.broadcast_to(np.maximum(np.abs(expected), scale), expected.shape)[finite]
    below = np.clip(size, smallest, np.finfo(got.dtype).max / 2).astype(got.dtype)
    return float((np.abs(got[finite] - expected[finite]) / np.spacing(below)).max(initial=0))


def grid(dtype: str) -> np.ndarray:
    """GRID, and the largest and the smallest numbers there are."""
    info = np.finfo(dtype)
    ends = np.array([info.max, info.max / 2, np.sqrt(info.max), info.tiny, info.smallest_subnormal], dtype)
    return np.concatenate([GRID.astype(dtype), -np.geomspace(1e-9, 9, 500).astype(dtype), ends, -ends])


def given(component: Component, values: dict[str, Any]) -> list[Any]:
    """All parameters by position, so that every setting uses the same compiled function."""
    return list({**component.defaults(), **values}.values())


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    """The same numbers in float64."""
    return [array.astype(np.float64) for array in arrays]


# ---- activations


@DTYPES
@pytest.mark.parametrize(("component", "values"), variants("activation", "elementwise"))
def test_activation(component: Component, values: dict[str, float], dtype: str) -> None:
    z = grid(dtype)
    got = getattr(kernels, component.name)(z, *given(component, values))
    assert got.dtype == dtype
    exact = z.astype(np.longdouble)
    expected = getattr(reference, component.name)(exact, **values)
    units = COMPOSITE if component.name in COMPOSITES else EXACT
    assert far(got, expected, size_of(component, exact, values), 200.0) <= units


@DTYPES
@pytest.mark.parametrize(("component", "values"), variants("activation"))
def test_activation_keeps_to_its_range(component: Component, values: dict[str, float], dtype: str) -> None:
    """What the docstring says after "in", to its last digit; an open end is reached by rounding."""
    found = re.search(r"\bin [\[(]([^,]+), ([^\])]+)[\])]", component.function.__doc__ or "")
    if found is None:
        assert component.name in ("hard_shrink", "soft_shrink", "threshold"), "name the range in the docstring"
        return
    known = {"inf": np.inf, "pi": np.pi, **component.defaults(), **values}
    low, high = (eval(bound, {}, known) for bound in found.groups())
    z = grid(dtype)
    z = np.stack([z, np.zeros_like(z)], axis=1) if component.form == "row" else z
    a = getattr(kernels, component.name)(z, *given(component, values))
    a = a[~np.isnan(a)]
    slack = 4 * np.finfo(dtype).eps * np.abs([0.0 if np.isinf(low) else low, 0.0 if np.isinf(high) else high])
    assert low - slack[0] <= a.min()
    assert a.max() <= high + slack[1]


@pytest.mark.parametrize(("component", "values"), variants("activation", "elementwise"))
def test_activation_rises_unless_its_docstring_says_otherwise(component: Component, values: dict[str, float]) -> None:
    """On neighbours in single precision, but for as much as each may be off."""
    z = np.sort(grid("float32")[np.abs(grid("float32")) <= MOST_32])
    a = getattr(kernels, component.name)(z, *given(component, values)).clip(-MOST_32, MOST_32)
    falls = bool((np.diff(a.astype("f8")) < -2 * EXACT * np.spacing(np.abs(a[1:]))).any())
    assert not falls or "not monotonic" in (component.function.__doc__ or "").lower()


@DTYPES
@pytest.mark.parametrize(("component", "values"), variants("activation", "elementwise"))
def test_activation_backward(component: Component, values: dict[str, float], dtype: str) -> None:
    """From the z and a of the compiled forward; digits lost where a is near a bound are counted against 1."""
    z = GRID.astype(dtype)
    da, a = np.linspace(0.5, 2, z.size).astype(dtype), getattr(kernels, component.name)(z, *given(component, values))
    got = getattr(kernels, f"{component.name}_backward")(da, z, a, *given(component, values))
    got = got[0] if component.learnable else got  # the others: test_trained.py
    assert got.dtype == dtype
    expected = getattr(reference, f"{component.name}_backward")(*wide(da, z, a), **values)
    assert far(got, expected, 2.0) <= ULP[dtype]


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (3, 10), (4, 16), (2, 33)])
@pytest.mark.parametrize(("component", "values"), variants("activation", "row"))
def test_row_activation(component: Component, values: dict[str, float], shape: tuple[int, int], dtype: str) -> None:
    random = np.random.default_rng(shape[1])
    z, da = random.normal(0, 3, shape).astype(dtype), random.standard_normal(shape).astype(dtype)
    a = getattr(kernels, component.name)(z, *given(component, values))
    dz = getattr(kernels, f"{component.name}_backward")(da, z, a, *given(component, values))
    assert (a.dtype, dz.dtype) == (dtype, dtype)
    size = 0.0 if component.name in ("softmax", "softmin") else 1.0
    assert far(a, getattr(reference, component.name)(*wide(z), **values), size) <= 2 * ULP[dtype] + shape[1]
    expected = getattr(reference, f"{component.name}_backward")(*wide(da, z, a), **values)
    assert far(dz, expected, 1.0) <= ULP[dtype] + shape[1]


@DTYPES
@pytest.mark.parametrize(("component", "values"), variants("activation"))
def test_activation_passes_nan(component: Component, values: dict[str, float], dtype: str) -> None:
    """Also through the vectors of a long array, and in one row only."""
    z = np.zeros((5, 33), dtype)
    z[3, 7] = np.nan
    a = getattr(kernels, component.name)(z, *given(component, values))
    assert np.isnan(a[3, 7])
    assert np.isfinite(np.delete(a, 3, axis=0)).all()


@pytest.mark.parametrize(("component", "values"), variants("activation", "row"))
def test_row_activation_of_large_numbers(component: Component, values: dict[str, float]) -> None:
    z = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e-40, 0.0, -1e-40]], np.float32)
    got = getattr(kernels, component.name)(z, *given(component, values))
    assert far(got, getattr(reference, component.name)(*wide(z), **values)) <= 8


# ---- losses


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (3, 10), (4, 16), (7, 33)])
@pytest.mark.parametrize(("component", "values"), variants("loss"))
def test_loss(component: Component, values: dict[str, float], shape: tuple[int, int], dtype: str) -> None:
    random = np.random.default_rng(shape[1])
    shape = shape[0], width_of(component.name, shape[1] * component.traits["outputs"])
    y, t = random.normal(0, 5, shape).astype(dtype), make_targets(component, *shape, random)
    t = t if "label" in component.roles else t.astype(dtype)
    value, dy = getattr(kernels, component.name)(y, t, *given(component, values))
    expected, expected_dy = getattr(reference, component.name)(y.astype("f8"), t, **values)
    assert dy.dtype == dtype
    assert value == pytest.approx(expected.mean(), rel=1e-5 if dtype == "float32" else 1e-12, abs=1e-6)
    largest = max(np.abs(expected_dy).max(), 1 / shape[1])
    steep = 8 if component.name == "beta_nll" else 0  # its derivatives are sums of large terms that cancel
    assert far(dy, expected_dy / len(y), largest / len(y)) <= ULP[dtype] + shape[1] + steep


@DTYPES
@pytest.mark.parametrize(("component", "values"), variants("loss"))
def test_loss_of_large_numbers(component: Component, values: dict[str, float], dtype: str) -> None:
    y = np.array([[1e4, -1e4, 0.0, -3.0], [-1e4, -1e4, 1e4, 3.0]], dtype)
    y = y[:, : width_of(component.name, 4)].copy()
    t = make_targets(component, *y.shape, np.random.default_rng(0))
    t = t if "label" in component.roles else t.astype(dtype)
    value, dy = getattr(kernels, component.name)(y, t, *given(component, values))
    expected, expected_dy = getattr(reference, component.name)(y.astype("f8"), t, **values)
    assert value == pytest.approx(expected.mean(), rel=1e-6)
    np.testing.assert_allclose(dy, expected_dy / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("component", "values"), variants("loss"))
def test_loss_passes_nan(component: Component, values: dict[str, float]) -> None:
    y = np.zeros((3, width_of(component.name, 6)), np.float32)
    t = make_targets(component, *y.shape, np.random.default_rng(0))
    y[1, -1] = np.nan
    t = t if "label" in component.roles else t.astype("f4")
    value, dy = getattr(kernels, component.name)(y, t, *given(component, values))
    assert np.isnan(value)
    assert np.isnan(dy[1, -1])


# ---- optimizers


@DTYPES
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("component", "values"), variants("optimizer", "elementwise"))
def test_optimizer(component: Component, values: dict[str, Any], weight_decay: float, dtype: str) -> None:
    """Thirty steps on gradients that stay away from zero, where single precision would only show its noise."""
    random = np.random.default_rng(0)
    w = random.standard_normal((5, 7)).astype(dtype)
    states = {name: np.zeros_like(w) for name in component.states}
    expected = wide(w, *states.values())
    step_of, twin = (getattr(module, f"{component.name}_step") for module in (kernels, reference))
    for step in range(1, 31):
        g = (np.sign(w) * random.uniform(0.5, 1.5, w.shape)).astype(dtype)
        counted = {"step": step} if "step" in component.roles else {}
        step_of(w, g, **states, **counted, **{**component.defaults(), **values, "weight_decay": weight_decay})
        others = dict(zip(component.states, expected[1:], strict=True))
        expected = twin(expected[0], *wide(g), **others, **counted, weight_decay=weight_decay, **values)
    for got, other in zip((w, *states.values()), expected, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, other, **CLOSE[dtype])


@pytest.mark.parametrize(("component", "values"), variants("optimizer", "elementwise"))
def test_optimizer_finds_the_bottom_of_a_parabola(component: Component, values: dict[str, Any]) -> None:
    """f(w) = sum_k c_k w_k^2 falls a thousandfold with the default rate, but for those made for long trainings."""
    curvature, w = np.array([0.5, 1.0, 2.0]), np.array([1.0, -1.0, 0.5])
    states = {name: np.zeros_like(w) for name in component.configured(**values).stored_states}
    start = (curvature * w * w).sum()
    step_of = getattr(kernels, f"{component.name}_step")
    parameters = {**component.defaults(), **TOY_RATES.get(component.name, {}), **values}
    for step in range(1, 5001):
        counted = {"step": step} if "step" in component.roles else {}
        step_of(w, 2 * curvature * w, **states, **counted, **parameters)
    assert (curvature * w * w).sum() < start / 1000


@pytest.mark.parametrize(
    "component",
    [e.component for e in built_in().entries("optimizer") if e.component.form == "elementwise"],
    ids=lambda component: component.name,
)
def test_optimizer_goes_down_a_curved_valley(component: Component) -> None:
    """Rosenbrock's function (1 - x)^2 + 100 (y - x^2)^2 falls a thousandfold from (-1.2, 1), at a rate for it."""
    w, values = np.array([-1.2, 1.0]), {**component.defaults(), **VALLEY_RATES.get(component.name, {})}
    states = {name: np.zeros_like(w) for name in component.configured().stored_states}
    step_of = getattr(kernels, f"{component.name}_step")
    for step in range(1, 5001):
        (x, y), counted = w, {"step": step} if "step" in component.roles else {}
        slope = np.array([2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)])
        step_of(w, slope, **states, **counted, **values)
        if (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2 < 24.2 / 1000:
            return
    raise AssertionError(f"still at {w}")


def test_a_state_that_is_not_kept_changes_nothing() -> None:
    """Adam without the state of amsgrad is adam with it; amsgrad without it is refused."""
    w, g = np.random.default_rng(0).standard_normal((2, 3, 4))
    alone, kept = (
        {"w": w.copy(), **{name: np.zeros_like(w) for name in names}} for names in (("m", "v"), ("m", "v", "largest"))
    )
    for step in (1, 2):
        kernels.adam_step(g=g, step=step, **alone)
        kernels.adam_step(g=g, step=step, **kept)
    for name, array in alone.items():
        np.testing.assert_array_equal(array, kept[name])
    np.testing.assert_array_equal(kept["largest"], kept["v"])
    with pytest.raises(ValueError, match="adam_step: its parameters ask for the state largest; give an array"):
        kernels.adam_step(g=g, step=3, amsgrad=True, **alone)
    with pytest.raises(ShapeError, match=r"adam_step: largest is .* shape \(4,\); give 2 dimensions"):
        kernels.adam_step(w, g, w, w, 1, largest=w[0])


# ---- what all have in common


@pytest.mark.parametrize("name", ["relu", "softmax"])
def test_results_go_where_they_are_asked_to(name: str) -> None:
    z = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
    function, back = getattr(kernels, name), getattr(kernels, f"{name}_backward")
    a, out = function(z), np.full_like(z, np.nan)
    function(z, out=out)
    np.testing.assert_array_equal(out, a)
    back(z, z, a, out=out)
    np.testing.assert_array_equal(out, back(z, z, a))
    with pytest.raises(ShapeError, match=r"\(3, 4\) and \(4, 3\)"):
        function(z, out=np.empty((4, 3), np.float32))
    with pytest.raises(ShapeError, match=r"\(3, 4\) and \(2, 4\)"):
        back(z[:2], z, a)


@pytest.mark.parametrize("name", ["relu", "softmax"])
def test_arrays_of_other_layouts(name: str) -> None:
    z, function = np.linspace(-2, 2, 40, dtype=np.float32).reshape(4, 10), getattr(kernels, name)
    expected = function(z)
    np.testing.assert_array_equal(function(z[::2]), expected[::2])
    np.testing.assert_array_equal(function(np.asfortranarray(z)), expected)
    np.testing.assert_array_equal(function(z.reshape(2, 2, 10)), expected.reshape(2, 2, 10))


def test_labels_and_rows_that_do_not_fit() -> None:
    y = np.zeros((3, 4), np.float32)
    with pytest.raises(ShapeError):
        kernels.softmax_cross_entropy(y, np.zeros(2, np.int64))
    with pytest.raises(ShapeError):
        kernels.soft_cross_entropy(y, np.zeros((3, 3), np.float32))
    with pytest.raises(ShapeError):
        kernels.mse(y, np.zeros((4, 3), np.float32))
    for targets in (1, 3, 4):
        with pytest.raises(ShapeError, match=r"must be \(B, 2 T\) and \(B, T\)"):
            kernels.gaussian_nll(y, np.zeros((3, targets), np.float32))


relu, mse, adam_step = kernels.relu, kernels.mse, kernels.adam_step


@numba.njit
def compiled_use(z: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    """A user's own compiled function, with an activation, a loss and an optimizer."""
    value, dy = mse(relu(z), t)
    adam_step(w, dy, m, v, 1)
    return value


def test_they_can_be_called_from_compiled_code() -> None:
    z, t, w = (np.random.default_rng(k).standard_normal((3, 4)) for k in range(3))
    m, v = np.zeros_like(w), np.zeros_like(w)
    loss, dy = reference.mse(reference.relu(z), t)
    expected, *_ = reference.adam_step(w, dy / len(z), m, v, 1)
    assert compiled_use(z, t, w, m, v) == pytest.approx(loss.mean())
    np.testing.assert_allclose(w, expected)


def test_a_second_call_compiles_nothing() -> None:
    z = np.zeros((2, 3), np.float32)
    kernels.tanh(z)
    compiled = kernels.tanh._numba_type_.dispatcher
    before = len(compiled.signatures)
    kernels.tanh(z + 1)
    assert len(compiled.signatures) == before
    assert kernels.tanh is kernels.tanh


def test_names() -> None:
    """An alias is the same function, a name that is none says what there is."""
    assert kernels.logistic is kernels.sigmoid
    assert {"relu", "relu_backward", "mse", "adam_step", "matmul"} <= set(dir(kernels))
    assert all(callable(getattr(kernels, name)) for name in dir(kernels))
    assert kernels.__all__ == dir(kernels)
    with pytest.raises(AttributeError, match=r"no kernel 'reluu'; did you mean 'relu'\?"):
        _ = kernels.reluu


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match=rf"softmax_cross_entropy: t\[\d\], the label {label}, is outside 0\.\.2"):
        kernels.softmax_cross_entropy(np.zeros((2, 3)), np.array([0, label]))
