"""Derived derivatives beside handwritten ones: ns an element in the engine's kernels, in the first-level cache.

    python benchmarks/derivatives.py [--json out.json] [--plot out.png]

float32, one thread.  An activation's kernel is d <- d f'(z) over rows, for d = 0, which stays 0; a loss's kernel also
gives each row's value.  `textbook` is a formula as a paper prints it, with the derivative that one would write by hand.
"""

from __future__ import annotations

import ctypes
import dataclasses
import math
from collections.abc import Callable, Iterator
from math import exp, log, tanh
from time import thread_time
from typing import Any

import numpy as np
from report import alternate, options, plot_bars, repeat, show, write

from numbann.compile import cpu
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.declare import activation, freeze
from numbann.simd import op as layout

ROWS, COLUMNS = 32, 64
NAMES = {
    "activation": ("silu", "mish", "gelu", "softplus"),
    "loss": ("huber", "log_cosh", "sigmoid_cross_entropy"),
}
CLOSE = 1e-5  # of derivatives up to 1.1


@activation(name="textbook sigmoid")
def sigmoid(z):
    """Sigmoid: 1 / (1 + exp(-z))."""
    return 1 / (1 + exp(-z))


@sigmoid.derivative
def sigmoid_derivative(a):
    return a * (1 - a)


@activation(name="textbook swish")
def swish(z, beta: float = 1.0):
    """Swish: z / (1 + exp(-beta z))."""
    return z / (1 + exp(-beta * z))


@swish.derivative
def swish_derivative(z, a, beta):
    s = 1 / (1 + exp(-beta * z))
    return beta * a + s * (1 - beta * a)


@activation(name="textbook mish")
def mish(z):
    """Mish: z tanh(log(1 + exp(z)))."""
    return z * tanh(log(1 + exp(z)))


@mish.derivative
def mish_derivative(z):
    e = exp(z)
    t = tanh(log(1 + e))
    return t + z * (1 - t * t) * e / (1 + e)


def contestants() -> Iterator[Component]:
    """The components, each with a hand-written derivative."""
    yield from map(freeze, (sigmoid, swish, mish))
    for kind, names in NAMES.items():
        yield from (built_in().get(kind, name) for name in names)


class Block:
    """A kernel of a component and the arrays it works on."""

    def __init__(self, component: Component) -> None:
        loss = component.kind == "loss"
        random = np.random.default_rng(0)
        self.z = random.normal(0, 2, (ROWS, COLUMNS)).astype(np.float32)
        self.target = random.uniform(0, 1, (ROWS, COLUMNS)).astype(np.float32)
        self.a = np.array([_value(component, z) for z in self.z.ravel()], np.float32).reshape(ROWS, COLUMNS)
        self.d, self.losses, self.scratch = np.ones_like(self.z), np.zeros(ROWS, np.float32), np.zeros(4096, np.float32)
        self.parameters = np.array(list(component.defaults().values()), np.float32)
        self.order, self.op = np.arange(ROWS), np.zeros(layout.WIDTH, np.int64)
        self.step = np.zeros(layout.STEP_WIDTH, np.int64)
        arrays = {"Z": self.z, "A": self.z if loss else self.a, "D": self.d, "TARGET": self.target}
        arrays |= {"PARAMETERS": self.parameters, "ORDER": self.order, "ROW_LOSS": self.losses}
        for name, array in arrays.items():
            self.op[layout.COLUMNS[name]] = array.ctypes.data
        for name in ("OUTPUTS", "COLUMNS", "Z_ROW", "A_ROW", "D_ROW", "TARGET_ROW"):
            self.op[layout.COLUMNS[name]] = COLUMNS
        self.op[layout.UNITS] = ROWS
        self.step[[layout.ROWS, layout.BATCH]] = ROWS
        made = cpu.loss_kernel(component, "float32") if loss else cpu.activation_backward(component, "float32")
        kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 2])(made)
        given = self.op.ctypes.data, 0, ROWS, self.step.ctypes.data, self.scratch.ctypes.data
        self.call: Callable[[], Any] = lambda: kernel(*given)

    def derivative(self) -> np.ndarray:
        """What the kernel makes of ones."""
        self.d[:] = 1
        self.call()
        return self.d.copy()

    def clear(self) -> None:
        """Set d to 0."""
        self.d[:] = 0


def _value(component: Component, z: float) -> float:
    return component.function(float(z)) if component.kind == "activation" else math.nan


def compare(component: Component, rounds: int) -> dict[str, Any]:
    """A row of the table."""
    pair = {"hand-written": component, "derived": dataclasses.replace(component, derivative=None)}
    made = {name: Block(each) for name, each in pair.items()}
    np.testing.assert_allclose(*(block.derivative() for block in made.values()), atol=CLOSE, err_msg=component.name)
    times = alternate({name: repeat(block.call, block.clear, thread_time) for name, block in made.items()}, rounds)
    by_hand, derived = (seconds / (ROWS * COLUMNS) * 1e9 for seconds in times.values())
    return {"component": component.name, "by hand, ns": by_hand, "derived, ns": derived, "speed": by_hand / derived}


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    given = options(__doc__, rounds=9).parse_args()
    found = [compare(component, given.rounds) for component in contestants()]
    show(f"derivatives of {ROWS} x {COLUMNS} numbers in float32", found)
    write(given.json, derivatives=found)
    if given.plot:
        plot_bars(given.plot, "derived derivatives", {row["component"]: row["speed"] for row in found}, "speed")


if __name__ == "__main__":
    main()
