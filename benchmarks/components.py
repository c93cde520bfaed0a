"""Every activation, loss and optimizer in ns an element on one thread, some beside handwritten loops or NumPy.

    python benchmarks/components.py [--names adam,mse] [--json out.json] [--plot out.png]

A component's kernel, as the engine calls it, goes over a block in the first-level cache again and again.  Handwritten
means the formula in one loop over the same block (handwritten.py), with the same flags and vector functions.  Forward
and back are one figure.  NumPy's expressions are the usual ones; each call makes a new array.
Times are the thread's processor time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from time import thread_time
from typing import Any

import handwritten
import numba
import numpy as np
from report import alternate, options, plot_bars, repeat, show, write

from numbann import kernels
from numbann.compile import cpu
from numbann.components.built_in import built_in
from numbann.components.component import Component, Configured, free_parameters
from numbann.derivation.outputs import rows_of
from numbann.engine.shared.alignment import aligned
from numbann.simd import op as layout
from numbann.simd.machine import flush_denormals, restore_denormals
from numbann.simd.pointer import call_kernel, call_update, pointer_of

F = np.float32
ROWS, WIDTH = 64, 64  # of an activation's block
LOSS_ROWS, CLASSES, LOSS_ROW = 64, 10, 16  # of a loss's, in rows as long as a vector
FIRST = layout.FIRST_PARAMETER
PLURALS = {"activation": "activations", "loss": "losses", "optimizer": "optimizers"}
WEIGHTS = 3072  # a unit of an optimizer: 48 rows of 64
TIMES = 200  # calls of a kernel in a call of Python
SIZES = (4096, 1_000_000)  # elements, against NumPy
SLOPE = math.sqrt(2 / math.pi)


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
        target = "LABELS" if "label" in component.roles else "TARGET"
        places = ("Z", "A", "D", target, "PARAMETERS", "ROW_LOSS", "ORDER")
        columns = {name: array.ctypes.data for name, array in zip(places, self.kept, strict=True)}
        columns |= {"Z_ROW": row, "A_ROW": row, "D_ROW": row, "TARGET_ROW": self.target_row}
        for name, value in {**columns, "OUTPUTS": width, "COLUMNS": row, "UNITS": -2}.items():
            self.op[layout.COLUMNS[name]] = value
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


# ---- measuring


def contestants(component: Component) -> tuple[dict[str, Callable[[], Any]], int]:
    """Calls of our kernels and of the loops by hand, where there are some; and how many elements each goes over."""
    name = component.name
    if component.kind == "activation":
        block = Block(component, ROWS, WIDTH, WIDTH)
        made = [
            cpu.activation_forward(component, "float32", False),
            cpu.activation_backward(component, "float32"),
        ]
        calls = {"numbann": block.calls(made)}
        if name in handwritten.ACTIVATIONS:
            calls["by hand"] = block.calls(handwritten.activation_addresses(*handwritten.ACTIVATIONS[name]))
        return calls, ROWS * WIDTH
    if component.kind == "loss":
        component, width = rows_of(component), CLASSES - CLASSES % component.traits["outputs"]
        block = Block(component, LOSS_ROWS, width, LOSS_ROW)
        calls = {"numbann": block.calls([cpu.loss_kernel(component, "float32")])}
        if name in handwritten.LOSSES:
            calls["by hand"] = block.calls([handwritten.address(handwritten.LOSSES[name])])
        return calls, LOSS_ROWS * width
    configured = component.configured()
    calls = {"numbann": update_call(configured, cpu.optimizer_kernel(configured, "float32"))}
    if name in handwritten.OPTIMIZERS:
        calls["by hand"] = update_call(configured, handwritten.update_address(handwritten.OPTIMIZERS[name]))
    return calls, WEIGHTS


def measure(kind: str, rounds: int, names: str) -> Iterator[dict[str, Any]]:
    """A row of the table for each component of a kind that the engine can run; names: of those that count, or ""."""
    for entry in built_in().entries(kind):
        component = entry.component
        learnable = any(parameter.learnable for parameter in component.parameters)
        if "u" in component.roles or learnable or component.form in ("matrix", "solver", "batch"):
            continue
        if names and component.name not in names.split(","):
            continue
        calls, elements = contestants(component)
        times = alternate({name: repeat(call, clock=thread_time) for name, call in calls.items()}, rounds)
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
                "kernel": block.calls([cpu.activation_forward(component, "float32", False)]),
                "function": lambda function=function, z=z: function(z),
                "NumPy": lambda expression=expression, z=z: expression(z),
            }
            times = alternate(
                {contestant: repeat(call, clock=thread_time) for contestant, call in calls.items()}, rounds
            )
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
    """Measure, print tables, and write a JSON file and a picture if asked."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("--names", default="", help="of the components, with commas between; all if left out")
    given = parser.parse_args()
    tables = {}
    for kind in ("activation", "loss", "optimizer"):
        tables[kind] = list(measure(kind, given.rounds, given.names))
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
