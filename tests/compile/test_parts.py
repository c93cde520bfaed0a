"""Functions of whole rows go part by part over many rows, with the bits of a row alone and of the whole function."""

from __future__ import annotations

import ast
import re
import textwrap
from math import exp

import numpy as np
import pytest

from numbann.compile import cpu, precision
from numbann.compile.parts import ELEMENTS, NUMBERS, RESULT, ROW, Part, cut
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.declare import activation, freeze, loss
from numbann.errors import PluginError
from numbann.mathematics.rows import row_max, row_sum
from numbann.simd.compiler import code_of
from numbann.testing.kernels import Block, backward_block, forward_block, loss_block

SIZES = [(1, 3), (5, 10), (32, 26), (77, 2), (40, 100), (3, 2100)]  # rows, and numbers in each


@loss(form="row")
def crowded(y, label, dy, scale: float = 0.5, most: float = 2.0):
    """Crowded: its names are those of the kernel around it."""
    lanes = row_max(y)
    for r in range(len(y)):
        dy[r] = exp(y[r] - lanes)
    count = row_sum(dy)
    outputs, n = count * scale, len(y)
    start = outputs + most if outputs > 1 else n
    last = 0
    for k in range(len(y)):
        last += dy[k] * start
    for k in range(len(y)):
        dy[k] = dy[k] / count - last
    result = dy[label] + start
    return result * last


@activation(form="row")
def doubled(z, a):
    """Doubled: rows are not numbers."""
    twice = z + z
    total = row_sum(z)
    for k in range(len(z)):
        a[k] = twice[k] + total


@doubled.backward
def doubled_backward(da, dz):
    total = row_sum(da)
    for k in range(len(da)):
        dz[k] = 2 * da[k] + total


def blocks(component: Component, dtype: str, y: np.ndarray, label: np.ndarray) -> list[tuple[Block, str]]:
    """The kernels of a component bound to rows, and the column that each fills."""
    if component.kind == "loss":
        bound = loss_block(component, dtype, y, label if "label" in component.roles else np.abs(y))
        return [(bound, "D"), (bound, "ROW_LOSS")]
    a = np.abs(y) / np.abs(y).sum(1, keepdims=True)
    return [(forward_block(component, dtype, y), "A"), (backward_block(component, dtype, y, a), "D")]


def results(component: Component, dtype: str, y: np.ndarray, label: np.ndarray) -> list[np.ndarray]:
    """What the kernels of a component make of rows."""
    found = []
    for block, column in blocks(component, dtype, y, label):
        block(len(y))
        array = block[column]
        found.append(array[:, : y.shape[1]].copy() if array.ndim > 1 else array[: len(y)].copy())
    return found


def clear() -> None:
    """Forget compiled kernels of this process."""
    for kernel in (cpu.loss_kernel, cpu.activation_forward, cpu.activation_backward):
        kernel.cache_clear()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *(("softmax_cross_entropy", dtype) for dtype in ("float32", "float64")),
        *((name, "float32") for name in ("soft_cross_entropy", "softmax_focal", "softmax", "log_softmax", "crowded")),
    ],
)
def test_parts_have_the_bits_of_the_whole_function_and_of_a_row_alone(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "activation" if name.endswith("softmax") else "loss"
    component = freeze(crowded) if name == "crowded" else built_in().get(kind, name)
    random = np.random.default_rng(3)
    given = [(random.normal(0, 4, size).astype(dtype), random.integers(0, size[1], size[0])) for size in SIZES]
    parts = [results(component, dtype, *one) for one in given]
    for (y, label), found in zip(given, parts, strict=True):
        alone = results(component, dtype, y[-1:], label[-1:])
        assert all(np.array_equal(one[-1], row[0]) for one, row in zip(found, alone, strict=True))
    monkeypatch.setattr(precision, "cut", lambda *given: [])
    clear()
    try:
        for one, found in zip(given, parts, strict=True):
            whole = results(component, dtype, *one)
            assert all(np.array_equal(a, b) for a, b in zip(found, whole, strict=True))
    finally:
        clear()


def test_what_touches_numbers_alone_is_whole_vectors() -> None:
    """The logarithm of the losses of 16 rows at once."""
    address = cpu.loss_kernel(built_in().get("loss", "softmax_cross_entropy"), "float32")
    wide = re.findall(r"sitofp <\d+ x i32>", code_of(address))  # the exponent of the sum, as a number
    assert wide


def test_arrays_between_parts_are_refused() -> None:
    with pytest.raises(PluginError, match="doubled"):
        cpu.activation_forward(freeze(doubled), "float32", False)


LOOP = "for k in range(len(y)):\n    dy[k] = y[k] * top\n"


def parts_of(text: str) -> list[Part]:
    """The parts of a function of this body."""
    function = ast.parse("def f():\n" + textwrap.indent(text, "    ")).body[0]
    assert isinstance(function, ast.FunctionDef)
    return cut(function.body, ("y", "label", "dy", "scale"), {"y", "label", "dy"})


def test_parts() -> None:
    parts = parts_of(f"top = rows.row_max(y)\ncost = top * len(y)\n{LOOP}own = dy[label]\nreturn own\n")
    assert [part.touches for part in parts] == [ROW, NUMBERS, ROW, ELEMENTS, NUMBERS]
    assert [part.gives for part in parts] == [{"top"}, set(), set(), {"own"}, {RESULT}]


@pytest.mark.parametrize(
    "text",
    [
        f"top = 1\n{LOOP}",
        f"top = rows.row_max(y)\n{LOOP}scale = 2",
        f"top = rows.row_max(y)\n{LOOP}last = k",
        f"top = rows.row_max(y)\nhigh = top > 1\n{LOOP}",
        f"top = rows.row_max(y)\nif top > 1:\n    return 0\n{LOOP}return top",
    ],
)
def test_what_stays_whole(text: str) -> None:
    assert parts_of(text) == []
