"""The engine's kernels of a component, bound to arrays, for checks and timings."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from numbann.compile.cpu import activation_backward, activation_forward, loss_kernel, optimizer_kernel
from numbann.compile.embeddings import embed_backward, embed_forward, lengths
from numbann.compile.rows import NEAR
from numbann.components.component import Component, Configured, free_parameters
from numbann.components.parameter import Parameter
from numbann.engine.shared.alignment import aligned
from numbann.records import dataclass
from numbann.simd import op
from numbann.simd.sizes import embedding_scratch, lanes_of

LANES = 16  # numbers of a vector; rows are padded to a multiple
KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)
UPDATE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p)


@dataclass
class Block:
    """A kernel bound to rows (B, columns) of numbers.  arrays: by the name of their column of an op; vectors: the
    trained numbers, of which all units share the last `shared`.  made: the numbers that an activation makes of a row.

    Calling it with a number runs the kernel over that many rows.
    """

    address: int
    dtype: str
    arrays: dict[str, np.ndarray]
    outputs: int
    parameters: list[float]
    vectors: list[float] = field(default_factory=list)
    shared: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        rows, columns = self.arrays["D"].shape
        self._kept = {name: _align(array) for name, array in self.arrays.items()}
        # the numbers of each unit, and after them those that all units share, a vector of memory each
        vectors, each = np.repeat(np.array(self.vectors, self.dtype), columns), len(self.vectors) - self.shared
        lanes = lanes_of(self.dtype)
        for k in range(self.shared):
            vectors[each * columns + k * lanes] = self.vectors[each + k]
        self._kept |= {"PARAMETERS": np.array([*self.parameters, 0], self.dtype), "VECTORS": vectors}
        self._kept |= {"SLOPES": np.zeros((max(1, len(self.vectors)), rows, columns), self.dtype)}
        self._kept |= {"ORDER": np.arange(rows), "ROW_LOSS": np.zeros(rows, self.dtype)}
        numbers = {
            "UNITS": -rows,
            "OUTPUTS": self.outputs,
            "MADE": self.made,
            "COLUMNS": columns,
            "SLOPES_STRIDE": rows * columns,
        }
        numbers |= {f"{name}_ROW": columns for name in ("Z", "A", "D")}
        numbers |= {"TARGET_ROW": self.arrays["TARGET"].shape[-1] if "TARGET" in self.arrays else 0}
        self._op, self._step = np.zeros(op.WIDTH, np.int64), np.zeros(op.STEP_WIDTH, np.int64)
        for name, number in {**numbers, **{name: a.ctypes.data for name, a in self._kept.items()}}.items():
            self._op[op.COLUMNS[name]] = number
        self._step[[op.ROWS, op.BATCH]] = rows, 1
        self._scratch = np.zeros(max(4 * columns + 64, NEAR), self.dtype)
        self._run = KERNEL(self.address)
        self._given = self._op.ctypes.data, self._step.ctypes.data, self._scratch.ctypes.data

    def __call__(self, rows: int) -> None:
        """Run the kernel over the first rows."""
        op, step, scratch = self._given
        self._run(op, 0, rows, step, scratch)

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of a column of the op."""
        return self._kept[name]


@functools.cache
def with_noise_given(component: Component) -> Component:
    """An activation that takes its noise as a parameter, u, instead of drawing it."""
    roles = tuple(role for role in component.roles if role != "u")
    return replace(component, roles=roles, parameters=(*component.parameters, Parameter("u", 0.5, float)))


def forward_block(component: Component, dtype: str, z: np.ndarray, **values: Any) -> Block:
    """The kernel of a = f(z) bound to rows z (B, O); it writes "A"."""
    columns, made = z.shape[1], component.configured(**values).width(z.shape[1])
    z = _pad(z, dtype, made)
    address = activation_forward(component, dtype, False)
    arrays = {"Z": z, "A": np.zeros_like(z), "D": np.zeros_like(z)}
    return Block(address, dtype, arrays, columns, *_list_parameters(component, values), made)


def backward_block(component: Component, dtype: str, z: np.ndarray, a: np.ndarray, **values: Any) -> Block:
    """The kernel of dz bound to rows z, a (B, O), with da = 1; it writes "D"."""
    address = activation_backward(component, dtype, False)
    made = component.configured(**values).width(z.shape[1])
    ones = np.ones((len(z), made))
    arrays = {"Z": _pad(z, dtype, made), "A": _pad(a, dtype, z.shape[1]), "D": _pad(ones, dtype, z.shape[1])}
    return Block(address, dtype, arrays, z.shape[1], *_list_parameters(component, values), made)


def loss_block(component: Component, dtype: str, y: np.ndarray, t: np.ndarray, **values: Any) -> Block:
    """A loss bound to rows y (B, O) and t: rows (B, O) or classes (B,); it writes "ROW_LOSS" and the gradient "D"."""
    y, outputs = _pad(y, dtype), y.shape[1]
    target = t.astype(np.int64) if t.ndim == 1 else _pad(t, dtype)
    arrays = {"A": y, "D": np.zeros_like(y), "LABELS" if t.ndim == 1 else "TARGET": target}
    return Block(loss_kernel(component, dtype), dtype, arrays, outputs, *_list_parameters(component, values))


class EmbeddingBlock:
    """The kernels of an embedding bound to one input x (B,), with one output beside a copy of x, and one term by each
    function of terms, of weight 1.  names: of what is trained.
    """

    def __init__(self, component: Component, dtype: str, x: np.ndarray, values: Mapping[str, Any]) -> None:
        kernels = (embed_forward(component, dtype), embed_backward(component, dtype))
        self._forward, self._back = map(KERNEL, kernels)
        found, lanes, rows = {**component.defaults(), **values, "mix": 1.0}, lanes_of(dtype), len(x)
        order = list(lengths(component))
        counts = [len(component.terms) if name == "mix" else 1 for name in order]
        self.names = tuple(name for name, count in zip(order, counts, strict=True) for _ in range(count))
        self._places = [k * lanes + n for k, count in enumerate(counts) for n in range(count)]
        width = 1 + bool(component.traits["passes"])
        self._kept = {
            "X": x.astype(dtype),
            "TABLE": np.arange(rows),
            "SOURCES": np.zeros(1, np.int64),
            "EMBEDDED": np.zeros((rows, width), dtype),
            "DX": np.ones((rows, width), dtype),
            "PARAMETERS": np.array([*map(float, component.configured(**values).values.values()), 0], dtype),
            "VECTORS": np.zeros(lanes * (1 + len(order)), dtype),
            "SLOPES": np.zeros(lanes * (1 + len(order)), dtype),
        }
        self._kept["VECTORS"][self._places] = [found[name] for name in self.names]
        numbers = {"FEATURES": 1, "TERMS": 1, "MIXED": 1, "EMBEDDED_ROW": width, "DX_ROW": width, "MOVES": 1}
        self._op, self._step = np.zeros(op.WIDTH, np.int64), np.zeros(op.STEP_WIDTH, np.int64)
        for name, number in {**numbers, **{name: a.ctypes.data for name, a in self._kept.items()}}.items():
            self._op[op.COLUMNS[name]] = number
        self._scratch = np.zeros(embedding_scratch(len(component.terms), 1), dtype)
        self._given = self._step.ctypes.data, self._scratch.ctypes.data

    def outputs(self) -> np.ndarray:
        """The outputs (B, 1), or (B, 2) with x."""
        self.forward(len(self._kept["X"]))
        return self._kept["EMBEDDED"]

    def slopes(self) -> np.ndarray:
        """Each row's gradients (B, n) to what is trained, for the sum of its outputs."""
        found = []
        for row in range(len(self._kept["X"])):
            self._step[op.START] = row
            self.back(1)
            found.append(self._kept["SLOPES"][self._places])
        self._step[op.START] = 0
        return np.array(found)

    def forward(self, rows: int) -> None:
        """Compute the outputs of the first rows."""
        self._forward(self._op.ctypes.data, 0, rows, *self._given)

    def back(self, rows: int) -> None:
        """Sum the gradients of the first rows."""
        self._step[op.ROWS] = rows
        self._back(self._op.ctypes.data, 0, 1, *self._given)


class Update:
    """An optimizer's kernel bound to gradients g, and to weights and states of zeros; calling it makes one step."""

    def __init__(self, optimizer: Configured, dtype: str, g: np.ndarray, step: int = 1) -> None:
        names = free_parameters(optimizer.component)
        self.hyper, self.g = np.zeros(op.FIRST_PARAMETER + len(names), dtype), g.astype(dtype)
        self.hyper[op.STEP] = step
        self.hyper[op.LEARNING_RATE] = optimizer.values.get("learning_rate", 0.01)
        self.hyper[op.WEIGHT_DECAY] = optimizer.values.get("weight_decay", 0.0)
        self.hyper[op.FIRST_PARAMETER :] = [optimizer.values.get(name, 1) for name in names]  # a batch of one row
        arena = np.zeros((1 + len(optimizer.stored_states), len(g)), dtype)
        self.arena = arena[1:] if optimizer.component.predicts else arena  # from w on
        self._run, self._stride = UPDATE(optimizer_kernel(optimizer, dtype)), len(g)
        self._given = self.arena.ctypes.data, self.g.ctypes.data, self.hyper.ctypes.data

    def __call__(self, count: int) -> None:
        """Move the first `count` weights."""
        w, g, hyper = self._given
        self._run(w, g, count, self._stride, hyper)

    def run(self, g: np.ndarray, steps: int) -> None:
        """Make steps of these gradients, one after the other."""
        self.g[:] = g
        for _ in range(steps):
            self(self._stride)
            self.hyper[op.STEP] += 1


def _align(array: np.ndarray) -> np.ndarray:
    copy = aligned(array.shape, array.dtype.name)
    copy[:] = array
    return copy


def _list_parameters(component: Component, values: Mapping[str, Any]) -> tuple[list[float], list[float], int]:
    """The values of all parameters, those of the trained ones, and how many of these all units share."""
    found, shared = {**component.defaults(), **values}, sum(mark.shared for mark in component.marks.values())
    return [float(value) for value in found.values()], [float(found[name]) for name in component.learnable], shared


def _pad(rows: np.ndarray, dtype: str, least: int = 0) -> np.ndarray:
    """Rows in a dtype, padded with zeros to whole vectors, of `least` numbers or more."""
    result = np.zeros((rows.shape[0], -(-max(rows.shape[1], least) // LANES) * LANES), dtype)
    result[:, : rows.shape[1]] = rows
    return result
