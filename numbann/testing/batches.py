"""Small batches for the checks of a loss of whole batches: its arguments, its parts called row by row, its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from numbann.compile.cpu import each_kernel, loss_kernel
from numbann.components.component import Component, call
from numbann.engine.shared.alignment import aligned
from numbann.simd import op
from numbann.testing.kernels import KERNEL, LANES
from numbann.testing.settings import rows_of_targets

SIZES = (1, 2, 5)  # of batches
Given = dict[str, Any]  # the arguments of a loss of batches but for `row` and `dy`


def outputs_in(component: Component, about: int, values: Mapping[str, Any] | None = None) -> int:
    """The outputs of a row: as many as are wanted, unless the loss has a number of its own, by its parameters."""
    return component.outputs_by(values) if component.columns else about


def draw_batch(component: Component, rows: int, about: int, random: np.random.Generator, **values: Any) -> Given:
    """The arguments for a batch of some rows with numbers at random, and parameters."""
    outputs = outputs_in(component, about, {**component.defaults(), **values})
    target = targets_of(component, rows, outputs, random)
    given = {**component.defaults(), **values, "t": target, "label": target}
    given |= {name: target[:, k].copy() for k, name in enumerate(component.columns)}
    weight = random.uniform(0.5, 1.5, rows)
    extents = dict(zip(("group", "group_end"), groups_of(rows), strict=True))
    return {**given, "y": random.normal(0, 2, (rows, outputs)), "weight": weight / weight.mean(), **extents}


def groups_of(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The groups of a batch, of four rows each but the last: where that of each row begins, and where it ends."""
    group = np.arange(rows) // 4 * 4
    return group, np.minimum(group + 4, rows)


def targets_of(component: Component, rows: int, outputs: int, random: np.random.Generator) -> np.ndarray:
    """Targets at random; in each column the first row's is that of another row, too: equal labels, times, queries."""
    target = rows_of_targets(component, rows, outputs, random)
    for k, column in enumerate(np.atleast_2d(target.T)):
        column[rows - 1 - k % max(1, rows - 1)] = column[0]
    return target


def alike_by_column(target: np.ndarray) -> list[np.ndarray]:
    """Targets, and these with each column in its turn the same for all rows, so that any two rows are compared."""
    if target.ndim == 1:
        return [np.arange(len(target)) % 2]
    found = [target.copy() for _ in range(1 + target.shape[1])]
    for k, each in enumerate(found[1:]):
        each[:, k] = target[0, k]
    return found


def with_each(component: Component, given: Given) -> Given:
    """The arguments with the numbers of each row that the loss asks for."""
    for name, part in component.each.items():
        numbers = np.array([float(call(part, row=row, **given)) for row in range(len(given["y"]))])
        given = {**given, name: numbers}
    return given


def calls_of(component: Component, given: Given) -> Iterator[tuple[Callable[..., Any], Given]]:
    """Every call of the loss and of its parts for a batch."""
    known = dict(given)
    for name, part in component.each.items():
        yield from ((part, {**known, "row": row}) for row in range(len(given["y"])))
        known[name] = with_each(component, given)[name]
    for row in range(len(given["y"])):
        yield component.function, {**known, "row": row, "dy": np.empty(given["y"].shape[1])}


def total(component: Component, given: Given) -> float:
    """The sum of the parts of all rows."""
    given = with_each(component, given)
    dy = np.empty(given["y"].shape[1])
    return float(sum(call(component.function, row=row, dy=dy, **given) for row in range(len(given["y"]))))


class BatchKernels:
    """The kernels of a loss bound to a batch with its targets, labels (B,) or rows (B, T); weights are 1."""

    def __init__(self, component: Component, dtype: str, y: np.ndarray, target: np.ndarray) -> None:
        (rows, outputs), columns = y.shape, component.columns
        self._rows, width = rows, -(-outputs // LANES) * LANES
        many = target.shape[1] if target.ndim > 1 else 1
        self._kept = {
            "ALL_Y": aligned(rows * outputs + LANES, dtype),
            "ALL_T": aligned(rows * many + LANES, dtype),
            "ALL_LABELS": aligned(rows + LANES, "int64"),
            "ALL_WEIGHTS": aligned(rows + LANES, dtype),
            "ALL_GROUPS": aligned(rows + LANES, "int64"),
            "ALL_GROUP_ENDS": aligned(rows + LANES, "int64"),
            "EACH": aligned(len(component.each) * rows + LANES, dtype),
            "D": aligned((rows, width), dtype),
            "ROW_LOSS": aligned(rows, dtype),
            "PARAMETERS": np.array([*component.defaults().values(), 0], dtype),
        }
        self._kept["ALL_WEIGHTS"][:] = 1
        self._kept["ALL_Y"][: y.size] = y.ravel()
        self._kept["ALL_T"][: target.size] = (target.T if columns else target).ravel()
        self._kept["ALL_LABELS"][:rows] = target if target.ndim == 1 else 0
        self._kept["ALL_GROUPS"][:rows], self._kept["ALL_GROUP_ENDS"][:rows] = groups_of(rows)
        numbers = {"OUTPUTS": outputs, "D_ROW": width, "TARGET_ROW": many, "EACH_STRIDE": rows}
        numbers |= {"ALL_T_ROW": 1 if columns else many, "ALL_T_COLUMN": rows if columns else 1}
        self._op, self._step = np.zeros(op.WIDTH, np.int64), np.zeros(op.STEP_WIDTH, np.int64)
        for name, number in {**numbers, **{name: a.ctypes.data for name, a in self._kept.items()}}.items():
            self._op[op.COLUMNS[name]] = number
        self._step[[op.ROWS, op.BATCH]] = rows
        each = [each_kernel(component, k, dtype) for k in range(len(component.each))]
        self._given = self._op.ctypes.data, 0, rows, self._step.ctypes.data, None
        self._kernels = [KERNEL(address) for address in (*each, loss_kernel(component, dtype))]

    def __call__(self, y: np.ndarray) -> np.ndarray:
        """The sum of all rows' parts, and its derivative to each of the batch's outputs (B O,)."""
        self._kept["ALL_Y"][: len(y)] = y
        for kernel in self._kernels:
            kernel(*self._given)
        dy = self._kept["D"][:, : len(y) // self._rows]
        return np.append(self._kept["ROW_LOSS"].sum(dtype=np.float64), dy.ravel() * self._rows)
