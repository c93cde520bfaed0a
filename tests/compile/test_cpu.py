"""Kernels made from components, and the faults that only compiling them shows."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference
from variants import variants

import numbann
from numbann.compile import cpu
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.declare import activation, freeze, loss, optimizer
from numbann.derivation import keeps_z
from numbann.derivation.outputs import rows_of
from numbann.errors import PluginError
from numbann.kernels.components import array_functions
from numbann.mathematics.losses.classification import sigmoid_cross_entropy
from numbann.mathematics.losses.regression import mse
from numbann.mathematics.rows import row_dot
from numbann.simd import objects
from numbann.simd import op as layout
from numbann.simd.compiler import code_of
from numbann.testing.kernels import forward_block, loss_block


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
    """Unbalanced: takes two numbers from one, which only compiling shows."""
    return w - (g, g), m


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
            cpu.activation_forward(component, "float32", False)
    assert cpu.activation_forward(component, "float64", False)


@pytest.mark.parametrize(
    ("component", "values"), [*variants("activation"), *variants("loss"), *variants("optimizer", "elementwise")]
)
def test_a_second_compilation_is_found_in_the_cache(component: Component, values: dict[str, Any]) -> None:
    """In double precision, which other tests compile too; the wrapped functions remember nothing."""

    def compiled() -> None:
        if component.kind == "activation":
            cpu.activation_forward.__wrapped__(component, "float64", not keeps_z(component))
            cpu.activation_backward.__wrapped__(component, "float64")
        elif component.kind == "loss":
            cpu.loss_kernel.__wrapped__(rows_of(component), "float64")
        else:
            stored = component.configured(**values).stored_states
            cpu.update_kernel.__wrapped__(component, "float64", stored, ())

    compiled()
    before = objects.MISSES
    compiled()
    assert before == objects.MISSES


@pytest.mark.parametrize("targets", [1, 3, 70])
@pytest.mark.parametrize(("name", "dtype"), [("gaussian_nll", "float32"), ("weibull", "float64")])
def test_losses_of_named_outputs_go_by_whole_vectors(name: str, targets: int, dtype: str) -> None:
    """Targets of several rows together, or parts of a row; the bits depend on no other row, as threads share rows."""
    component, rows = rows_of(built_in().get("loss", name)), 41
    random = np.random.default_rng(targets)
    y = random.standard_normal((rows, targets * component.traits["outputs"])).astype(dtype)
    t = random.uniform(0.1, 1, (rows, component.targets(y.shape[1]))).astype(dtype)
    block = loss_block(component, dtype, y, t)
    block(rows)
    expected, dy = getattr(reference, name)(y.astype("f8"), t.astype("f8"))
    close = {"rtol": 1e-5 if dtype == "float32" else 1e-12, "atol": 1e-6 if dtype == "float32" else 1e-14}
    np.testing.assert_allclose(block["ROW_LOSS"], expected, **close)
    np.testing.assert_allclose(block["D"][:, : y.shape[1]], dy, **close)
    assert not block["D"][:, y.shape[1] :].any()
    alone = loss_block(component, dtype, y[7:8], t[7:8])
    alone(1)
    assert alone["ROW_LOSS"][0] == block["ROW_LOSS"][7]
    np.testing.assert_array_equal(alone["D"][0], block["D"][7])
    assert len(re.findall(r"fmul [^\n]*<\d+ x (?:float|double)>", code_of(block.address))) > 5


def test_what_does_not_compile_names_the_component() -> None:
    with pytest.raises(PluginError, match="optimizer unbalanced: does not compile: "):
        cpu.optimizer_kernel(freeze(unbalanced).configured(), "float32")


def test_array_arithmetic_is_refused() -> None:
    with pytest.raises(PluginError, match="array_arithmetic"):
        cpu.activation_forward(freeze(array_arithmetic), "float32", False)


@loss(form="row")
def chosen(y, label, dy):
    """Chosen: (sum_k y_k^2) / 2 - y_label, whose slope is chosen within an assignment to an element."""
    value = 0.0
    for k in range(len(y)):
        dy[k] = y[k]
        dy[k] -= 1 if k == label else 0
        value += y[k] * y[k] / 2
    return value - y[label]


@loss(form="row")
def chosen_array(y, label, dy):
    """Chosen array: rows are not numbers, chosen or not."""
    row = y if label > 0 else y + y
    for k in range(len(y)):
        dy[k] = row[k]
    return 0


@activation(form="row")
def shortened(z, a):
    """Shortened: z / |z|, or z where |z| is below 1, returns early."""
    for k in range(len(z)):
        a[k] = z[k]
    length = math.sqrt(row_dot(z, z))
    if length < 1:
        return
    for k in range(len(z)):
        a[k] = z[k] / length


@shortened.backward
def shortened_backward(z, a, da, dz):
    length = math.sqrt(row_dot(z, z))
    for k in range(len(z)):
        dz[k] = da[k]
    if length < 1:
        return
    along = row_dot(a, da)
    for k in range(len(z)):
        dz[k] = (da[k] - a[k] * along) / length
    return


def test_an_activation_of_rows_may_return_early() -> None:
    z = np.random.default_rng(0).standard_normal((9, 3))
    da, a, dz = z[::-1].copy(), np.empty_like(z), np.empty_like(z)
    for k in range(9):
        shortened(z[k], a[k])
        shortened_backward(z[k], a[k], da[k], dz[k])
    forward = forward_block(freeze(shortened), "float64", z)
    forward(9)
    np.testing.assert_allclose(forward["A"][:, :3], a)
    made = numbann.get_activation(shortened)
    np.testing.assert_allclose(made(z), a)
    np.testing.assert_allclose(made.backward(da, z, a), dz, atol=1e-12)


def test_a_choice_within_an_assignment_to_an_element() -> None:
    y, label = np.random.default_rng(0).standard_normal((6, 3)), np.arange(6) % 3
    block = loss_block(freeze(chosen), "float64", y, label)
    block(6)
    slopes = np.empty_like(y)
    values = [chosen(row, each, slope) for row, each, slope in zip(y, label, slopes, strict=True)]
    np.testing.assert_allclose(block["ROW_LOSS"][:6], values)
    np.testing.assert_allclose(block["D"][:, :3], slopes)
    with pytest.raises(PluginError, match="chosen_array"):
        cpu.loss_kernel(freeze(chosen_array), "float64")


@activation
def named(z, width: float = 1.0, start: float = 1.0, i: float = 1.0, d: float = 1.0, total: float = 1.0):
    """Named: its parameters bear names that the code around it uses too."""
    return z * width * start * i * d * total


@named.derivative
def named_derivative(z, width, start, i, d, total):
    return width * start * i * d * total


@loss
def called(y, t, scale: float = 1.0, share: float = 1.0, row: float = 1.0, x: float = 1.0):
    """Called: so do its."""
    return (y - t) * scale * share * row * x


@called.derivative
def called_derivative(y, t, scale, share, row, x):
    return scale * share * row * x


@optimizer
def titled(w, g, learning_rate: float = 1.0, count: float = 1.0, weights: float = 1.0, hyper: float = 1.0):
    """Titled: and its."""
    return w - learning_rate * count * weights * hyper * g


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_may_have_any_name(dtype: str) -> None:
    cpu.activation_forward(freeze(named), dtype, False)
    cpu.activation_backward(freeze(named), dtype)
    cpu.loss_kernel(freeze(called), dtype)
    cpu.optimizer_kernel(freeze(titled).configured(), dtype)
    z = np.ones(3, dtype)
    np.testing.assert_array_equal(array_functions(freeze(named))["named"](z, 2.0, 3.0, 0.5, 4.0, 0.5), 6 * z)
    value, dy = array_functions(freeze(called))["called"](2 * z, z, 2.0, 3.0, 0.5, 4.0)
    assert value == 12.0
    np.testing.assert_array_equal(dy, 4 * z)
    array_functions(freeze(titled))["titled_step"](z, np.ones(3, dtype), 0.5, 2.0, 3.0, 0.5)
    np.testing.assert_array_equal(z, np.full(3, -0.5))


@pytest.mark.parametrize("loss", [mse, sigmoid_cross_entropy])
@pytest.mark.parametrize("outputs", [1, cpu.FEW - 1, cpu.FEW, 16, 33])
def test_losses_of_one_output_at_a_time(loss: Callable[..., Any], outputs: int) -> None:
    """One by one or as vectors: each row's mean, the gradient, and zeros in its padding; rows in the epoch's order."""
    rows, lanes = 7, 16
    columns = -(-outputs // lanes) * lanes
    random = np.random.default_rng(outputs)
    y, d = (np.full((rows, columns), value, np.float32) for value in (np.nan, 0))
    y[:, :outputs] = random.standard_normal((rows, outputs))
    t, order = random.uniform(0, 1, (rows, outputs)).astype(np.float32), random.permutation(rows)
    losses, scratch = np.zeros(rows, np.float32), np.zeros(1024, np.float32)
    op, step = np.zeros(layout.WIDTH, np.int64), np.zeros(layout.STEP_WIDTH, np.int64)
    arrays = {"A": y, "D": d, "TARGET": t, "ORDER": order, "PARAMETERS": np.ones(1, np.float32), "ROW_LOSS": losses}
    numbers = {"OUTPUTS": outputs, "TARGET_ROW": outputs, "A_ROW": columns, "D_ROW": columns}
    for name, value in {**numbers, **{name: array.ctypes.data for name, array in arrays.items()}}.items():
        op[layout.COLUMNS[name]] = value
    step[layout.BATCH] = rows
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 2])
    kernel(cpu.loss_kernel(freeze(loss), "float32"))(op.ctypes.data, 0, rows, step.ctypes.data, scratch.ctypes.data)
    value, slope = getattr(reference, loss.__name__)(y[:, :outputs].astype(float), t[order].astype(float))
    np.testing.assert_allclose(losses, value, rtol=1e-5)
    np.testing.assert_allclose(d[:, :outputs], slope / rows, rtol=1e-5, atol=1e-7)
    assert (d[:, outputs:] == 0).all()
