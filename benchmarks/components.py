"""Every activation, loss and optimizer in ns an element on one thread; some against loops by hand, some against NumPy.

    python benchmarks/components.py [--json out.json] [--plot out.png]

A component's kernel, as the engine calls it, goes over a block in the first-level cache again and again.  By hand means
the formula written into one loop over the same block, with the same flags and vector functions, and compiled alone.
Forward and back are one figure.  NumPy's expressions are those that people write; each call makes a new array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from report import alternate, options, plot_bars, repeated, show, write

from numbann import kernels
from numbann.compile import blocks
from numbann.compile.text import free_parameters
from numbann.component import Component, Configured
from numbann.discovery import built_in
from numbann.engine.cpu.memory import aligned
from numbann.simd import jit, vector_math
from numbann.simd import op as layout
from numbann.simd.machine import flush_denormals, prefer_wide, restore_denormals
from numbann.simd.pointer import call_kernel, call_update, element, ints, pointer_of, view

F = np.float32
ROWS, WIDTH = 64, 64  # of an activation's block
LOSS_ROWS, CLASSES, LOSS_ROW = 64, 10, 16  # of a loss's, in rows as long as a vector
FIRST = layout.FIRST_PARAMETER
PLURALS = {"activation": "activations", "loss": "losses", "optimizer": "optimizers"}
WEIGHTS = 3072  # a unit of an optimizer: 48 rows of 64
TIMES = 200  # calls of a kernel in a call of Python
SIZES = (4096, 1_000_000)  # elements, against NumPy
HALF, ROOT, SLOPE = F(0.5), F(math.sqrt(0.5)), math.sqrt(2 / math.pi)
exp, erfc, log, log1p, expm1 = (getattr(vector_math, name) for name in ("exp", "erfc", "log", "log1p", "expm1"))


@numba.njit(error_model="numpy")
def _repeat(address, op, step, scratch, rows):
    mode = flush_denormals()
    for _ in range(TIMES):
        call_kernel(address, pointer_of(op), 0, rows, pointer_of(step), pointer_of(scratch))
    restore_denormals(mode)


@numba.njit(error_model="numpy")
def _repeat_update(address, w, g, hyper):
    mode = flush_denormals()
    for _ in range(TIMES):
        call_update(address, pointer_of(w), pointer_of(g), g.size, g.size, pointer_of(hyper))
    restore_denormals(mode)


class Block:
    """Arrays that a kernel of an activation or a loss works on, and the op that points to them."""

    def __init__(self, component: Component, rows: int, width: int, row: int) -> None:
        random = np.random.default_rng(0)
        z, a, d = (aligned((rows, row), "float32") for _ in range(3))
        for array in (z, a, d):
            array[:] = random.standard_normal((rows, row))
        if component.kind == "loss":
            labels, share = "label" in component.roles, component.traits["outputs"]
            t = random.integers(0, width, rows) if labels else aligned((rows, row), "float32")
            if not labels:
                t[:] = random.uniform(0.1, 1, (rows, row))
            self.target_row = row if component.form == "row" else width // share
        else:
            t, self.target_row = z, 0
        values = np.array([*map(float, component.defaults().values()), 0], F)
        losses, order = np.empty(rows, F), np.arange(rows)
        self.kept = z, a, d, t, values, losses, order
        self.op = np.zeros(layout.WIDTH, np.int64)
        places = (layout.Z, layout.A, layout.D, layout.TARGET, layout.PARAMETERS, layout.ROW_LOSS, layout.ORDER)
        self.op[list(places)] = [array.ctypes.data for array in self.kept]
        self.op[[layout.Z_ROW, layout.A_ROW, layout.D_ROW]] = row
        self.op[[layout.OUTPUTS, layout.COLUMNS, layout.UNITS]] = width, row, -2
        self.op[layout.TARGET_ROW] = self.target_row
        self.step, self.scratch, self.rows = np.zeros(layout.STEP_WIDTH, np.int64), aligned(4096, "float32"), rows
        self.step[[layout.ROWS, layout.BATCH]] = rows

    def calls(self, addresses: list[int]) -> Callable[[], None]:
        """A call that runs kernels, each TIMES times."""
        return lambda: [_repeat(address, self.op, self.step, self.scratch, self.rows) for address in addresses]


def update_call(configured: Configured, address: int) -> Callable[[], None]:
    """A call that moves a unit of weights TIMES times."""
    random = np.random.default_rng(0)
    w, g = aligned((6, WEIGHTS), "float32"), aligned(WEIGHTS, "float32")
    g[:] = random.standard_normal(WEIGHTS)
    hyper = np.zeros(FIRST + 8, F)
    hyper[[layout.LEARNING_RATE, layout.STEP]] = 1e-3, 5
    for k, name in enumerate(free_parameters(configured.component)):
        hyper[FIRST + k] = configured.values[name]
    return lambda: _repeat_update(address, w, g, hyper)


# ---- by hand: activations, forward and back over all elements of a block; p is the parameter of those that have one


def relu(z, p):
    return F(0) if z < F(0) else z


def relu_back(z, a, p):
    return F(1) if a > F(0) else F(0)


def sigmoid(z, p):
    e = exp(-abs(z))
    return (e if z < F(0) else F(1)) / (F(1) + e)


def sigmoid_back(z, a, p):
    return a * (F(1) - a)


def tanh(z, p):
    return vector_math.tanh(z)


def tanh_back(z, a, p):
    return F(1) - a * a


def gelu(z, p):
    return HALF * z * erfc(-z * ROOT)


def gelu_back(z, a, p):
    return HALF * erfc(-z * ROOT) + F(0.3989422804) * z * exp(-HALF * z * z)


def silu(z, p):
    e = exp(-abs(p * z))
    return z * (e if z < F(0) else F(1)) / (F(1) + e)


def silu_back(z, a, p):
    e = exp(-abs(p * z))
    s = (e if z < F(0) else F(1)) / (F(1) + e)
    return s + p * a * (F(1) - s)


def elu(z, p):
    return p * expm1(z) if z < F(0) else z


def elu_back(z, a, p):
    return F(1) if z > F(0) else a + p


def softplus(z, p):
    return (F(0) if z < F(0) else z) + log1p(exp(-abs(p * z))) / p


def softplus_back(z, a, p):
    e = exp(-abs(p * z))
    return (e if z < F(0) else F(1)) / (F(1) + e)


def mish(z, p):
    e = exp(-abs(z))
    n = e * (e + F(2)) if z < F(0) else F(1) + F(2) * e
    return z * n / (n + (F(2) if z < F(0) else F(2) * e * e))


def mish_back(z, a, p):
    e = exp(-abs(z))
    n, r = (e * (e + F(2)) if z < F(0) else F(1) + F(2) * e), (F(2) if z < F(0) else F(2) * e * e)
    g = n / (n + r)
    return g + z * (r / (n + r) * (F(1) + g) * (e if z < F(0) else F(1)) / (F(1) + e))


ACTIVATIONS = {
    "relu": (relu, relu_back),
    "sigmoid": (sigmoid, sigmoid_back),
    "tanh": (tanh, tanh_back),
    "gelu": (gelu, gelu_back),
    "silu": (silu, silu_back),
    "elu": (elu, elu_back),
    "softplus": (softplus, softplus_back),
    "mish": (mish, mish_back),
}


def activation_by_hand(forward: Callable[..., Any], back: Callable[..., Any]) -> list[int]:
    """The addresses of the loops a = f(z) and d = d f'(z)."""
    f, slope = jit.inner_safe(forward), jit.inner_safe(back)

    def ahead(op, first, last, step, scratch):
        prefer_wide()
        count, p = last * op[layout.Z_ROW], element(op[layout.PARAMETERS], scratch, 0)
        z, a = view(op[layout.Z], scratch, 0, count), view(op[layout.A], scratch, 0, count)
        for i in range(count):
            a[i] = f(z[i], p)

    def backwards(op, first, last, step, scratch):
        prefer_wide()
        count, p = last * op[layout.Z_ROW], element(op[layout.PARAMETERS], scratch, 0)
        z, a = view(op[layout.Z], scratch, 0, count), view(op[layout.A], scratch, 0, count)
        d = view(op[layout.D], scratch, 0, count)
        for i in range(count):
            d[i] = d[i] * slope(z[i], a[i], p)

    return [_address(ahead), _address(backwards)]


def _address(function: Callable[..., Any]) -> int:
    """A loop's address, compiled as kernels are but kept nowhere."""
    kernel = numba.cfunc(jit.kernel_signature(numba.float32), fastmath=jit.SAFE, error_model="numpy")(function)
    KEPT.append(kernel)
    return int(kernel.address)


KEPT: list[Any] = []


# ---- by hand: losses, row by row


def mse_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs = op[layout.OUTPUTS]
    losses, share = view(op[layout.ROW_LOSS], scratch, 0, last), F(1) / F(outputs)
    scale = share / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op[layout.A], scratch, r * op[layout.A_ROW], outputs)
        d = view(op[layout.D], scratch, r * op[layout.D_ROW], outputs)
        t = view(op[layout.TARGET], scratch, r * op[layout.TARGET_ROW], outputs)
        total = F(0)
        for k in range(outputs):
            e = y[k] - t[k]
            total += e * e
            d[k] = F(2) * e * scale
        losses[r] = total * share


def huber_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs, delta = op[layout.OUTPUTS], element(op[layout.PARAMETERS], scratch, 0)
    losses, share = view(op[layout.ROW_LOSS], scratch, 0, last), F(1) / F(outputs)
    scale = share / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op[layout.A], scratch, r * op[layout.A_ROW], outputs)
        d = view(op[layout.D], scratch, r * op[layout.D_ROW], outputs)
        t = view(op[layout.TARGET], scratch, r * op[layout.TARGET_ROW], outputs)
        total = F(0)
        for k in range(outputs):
            e = y[k] - t[k]
            size = abs(e)
            total += HALF * e * e if size <= delta else delta * (size - HALF * delta)
            d[k] = (delta if e > delta else (-delta if e < -delta else e)) * scale
        losses[r] = total * share


def sigmoid_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs = op[layout.OUTPUTS]
    losses, share = view(op[layout.ROW_LOSS], scratch, 0, last), F(1) / F(outputs)
    scale = share / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op[layout.A], scratch, r * op[layout.A_ROW], outputs)
        d = view(op[layout.D], scratch, r * op[layout.D_ROW], outputs)
        t = view(op[layout.TARGET], scratch, r * op[layout.TARGET_ROW], outputs)
        total = F(0)
        for k in range(outputs):
            e = exp(-abs(y[k]))
            total += (F(0) if y[k] < F(0) else y[k]) - y[k] * t[k] + log1p(e)
            d[k] = ((e if y[k] < F(0) else F(1)) / (F(1) + e) - t[k]) * scale
        losses[r] = total * share


def softmax_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs = op[layout.OUTPUTS]
    losses, labels = view(op[layout.ROW_LOSS], scratch, 0, last), ints(op[layout.TARGET])
    scale = F(1) / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op[layout.A], scratch, r * op[layout.A_ROW], outputs)
        d = view(op[layout.D], scratch, r * op[layout.D_ROW], outputs)
        largest, total = y[0], F(0)
        for k in range(1, outputs):
            largest = max(largest, y[k])
        for k in range(outputs):
            d[k] = exp(y[k] - largest)
        for k in range(outputs):
            total += d[k]
        losses[r] = log(total) + largest - y[labels[r]]
        for k in range(outputs):
            d[k] = d[k] / total * scale
        d[labels[r]] -= scale


LOSSES = {
    "mse": mse_loss,
    "huber": huber_loss,
    "sigmoid_cross_entropy": sigmoid_loss,
    "softmax_cross_entropy": softmax_loss,
}


# ---- by hand: optimizers, over a unit of weights and their states


def sgd(w, g, count, stride, hyper):
    weights, gradients = numba.carray(w, count), numba.carray(g, count)
    rate, decay = hyper[0], hyper[1]
    for i in range(count):
        weights[i] -= rate * (gradients[i] + decay * weights[i])


def momentum(w, g, count, stride, hyper):
    both, gradients = numba.carray(w, 2 * count), numba.carray(g, count)
    rate, decay, past = hyper[0], hyper[1], hyper[FIRST]
    for i in range(count):
        both[count + i] = past * both[count + i] + gradients[i] + decay * both[i]
        both[i] -= rate * both[count + i]


def adam(w, g, count, stride, hyper):
    all_of, gradients = numba.carray(w, 3 * count), numba.carray(g, count)
    rate, decay, step, beta1, beta2, epsilon = (
        hyper[0],
        hyper[1],
        hyper[2],
        hyper[FIRST],
        hyper[FIRST + 1],
        hyper[FIRST + 2],
    )
    first, second = F(1) / (F(1) - beta1**step), F(1) / (F(1) - beta2**step)
    for i in range(count):
        gradient = gradients[i] + decay * all_of[i]
        m = beta1 * all_of[count + i] + (F(1) - beta1) * gradient
        v = beta2 * all_of[2 * count + i] + (F(1) - beta2) * gradient * gradient
        all_of[count + i], all_of[2 * count + i] = m, v
        all_of[i] -= rate * (m * first) / (F(math.sqrt(v * second)) + epsilon)


def rmsprop(w, g, count, stride, hyper):
    both, gradients = numba.carray(w, 2 * count), numba.carray(g, count)
    rate, decay, rho, epsilon = hyper[0], hyper[1], hyper[FIRST], hyper[FIRST + 1]
    for i in range(count):
        gradient = gradients[i] + decay * both[i]
        v = rho * both[count + i] + (F(1) - rho) * gradient * gradient
        both[count + i] = v
        both[i] -= rate * gradient / (F(math.sqrt(v)) + epsilon)


def lion(w, g, count, stride, hyper):
    both, gradients = numba.carray(w, 2 * count), numba.carray(g, count)
    rate, decay, beta1, beta2 = hyper[0], hyper[1], hyper[FIRST], hyper[FIRST + 1]
    for i in range(count):
        mixed = beta1 * both[count + i] + (F(1) - beta1) * gradients[i]
        sign = F(1) if mixed > F(0) else (F(-1) if mixed < F(0) else mixed)
        both[count + i] = beta2 * both[count + i] + (F(1) - beta2) * gradients[i]
        both[i] -= rate * (sign + decay * both[i])


OPTIMIZERS = {"sgd": sgd, "momentum": momentum, "adam": adam, "rmsprop": rmsprop, "lion": lion}


def update_address(function: Callable[..., Any]) -> int:
    signature = blocks.update_signature(numba.float32)
    kernel = numba.cfunc(signature, fastmath=jit.SAFE, error_model="numpy")(function)
    KEPT.append(kernel)
    return int(kernel.address)


# ---- measuring


def contestants(component: Component) -> tuple[dict[str, Callable[[], Any]], int]:
    """Calls of our kernels and of the loops by hand, where there are some; and how many elements each goes over."""
    name = component.name
    if component.kind == "activation":
        block = Block(component, ROWS, WIDTH, WIDTH)
        made = [
            blocks.activation_forward(component, "float32", False),
            blocks.activation_backward(component, "float32"),
        ]
        calls = {"numbann": block.calls(made)}
        if name in ACTIVATIONS:
            calls["by hand"] = block.calls(activation_by_hand(*ACTIVATIONS[name]))
        return calls, ROWS * WIDTH
    if component.kind == "loss":
        width = CLASSES
        block = Block(component, LOSS_ROWS, width, LOSS_ROW)
        calls = {"numbann": block.calls([blocks.loss_kernel(component, "float32")])}
        if name in LOSSES:
            calls["by hand"] = block.calls([_address(LOSSES[name])])
        return calls, LOSS_ROWS * width
    configured = component.configured()
    calls = {"numbann": update_call(configured, blocks.optimizer_kernel(configured, "float32"))}
    if name in OPTIMIZERS:
        calls["by hand"] = update_call(configured, update_address(OPTIMIZERS[name]))
    return calls, WEIGHTS


def measured(kind: str, rounds: int) -> Iterator[dict[str, Any]]:
    """A row of the table for each component of a kind that the engine can run."""
    for entry in built_in().entries(kind):
        component = entry.component
        learnable = any(parameter.learnable for parameter in component.parameters)
        if "u" in component.roles or learnable or component.form in ("matrix", "solver"):
            continue
        calls, elements = contestants(component)
        times = alternate({name: repeated(call) for name, call in calls.items()}, rounds)
        found = {name: seconds / TIMES / elements * 1e9 for name, seconds in times.items()}
        ours, theirs = found["numbann"], found.get("by hand")
        yield {
            kind: component.name,
            "ns an element": ours,
            "by hand": theirs or "",
            "ratio": ours / theirs if theirs else "",
        }


NUMPY: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # as they are written
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "gelu": lambda z: 0.5 * z * (1 + np.tanh(SLOPE * (z + 0.044715 * z * z * z))),  # there is no erf
    "gelu_tanh": lambda z: 0.5 * z * (1 + np.tanh(SLOPE * (z + 0.044715 * z * z * z))),
}


def against_numpy(rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each function and size: the engine's kernel, the array function called from Python, and NumPy."""
    for size in SIZES:
        z = 2 * np.random.default_rng(0).standard_normal(size, F)
        for name, expression in NUMPY.items():
            component, function = built_in().get("activation", name), getattr(kernels, name)
            np.testing.assert_allclose(function(z), expression(z), atol=1e-3)
            block = Block(component, size // WIDTH, WIDTH, WIDTH)
            calls: dict[str, Callable[[], Any]] = {
                "kernel": block.calls([blocks.activation_forward(component, "float32", False)]),
                "function": lambda function=function, z=z: function(z),
                "NumPy": lambda expression=expression, z=z: expression(z),
            }
            times = alternate({contestant: repeated(call) for contestant, call in calls.items()}, rounds)
            kernel, ours, theirs = (seconds / size * 1e9 for seconds in times.values())
            yield {
                "activation": name,
                "elements": size,
                "kernel, ns an element": kernel / TIMES,
                "from Python": ours,
                "NumPy": theirs,
                "NumPy / kernel": theirs / kernel * TIMES,
                "NumPy / from Python": theirs / ours,
            }


def main() -> None:
    """Measure, print tables, and write them where asked."""
    given = options(__doc__, rounds=3).parse_args()
    tables = {}
    for kind in ("activation", "loss", "optimizer"):
        tables[kind] = list(measured(kind, given.rounds))
        show(f"{PLURALS[kind]} in float32, one thread", tables[kind])
    tables["numpy"] = list(against_numpy(given.rounds))
    show("forward, against NumPy, one thread", tables["numpy"])
    write(given.json, **tables)
    if given.plot:
        ratios = {
            str(row[kind]): row["ratio"] for kind in tables if kind != "numpy" for row in tables[kind] if row["ratio"]
        }
        plot_bars(given.plot, "time of a component / time by hand", ratios, "ratio")


if __name__ == "__main__":
    main()
