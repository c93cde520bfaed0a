"""A table of phases: the ops that the driver calls, and the arrays that their addresses point into.

Every op is checked against the columns that its kernel reads.  builder.py and stages.py decide which ops a table has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from numbann.engine.cpu.wanted import Kernel
from numbann.engine.shared.alignment import aligned
from numbann.records import dataclass
from numbann.simd import op
from numbann.simd.objects import Object, loaded
from numbann.simd.op import Column


class Slot(str):
    """The name of an array that a table is given later, perhaps again and again: see Table.bind."""


Value = Kernel | list[Kernel] | np.ndarray | Slot
Columns = Mapping[str, Value]
Op = tuple[Kernel, int, Columns]  # a kernel, its units, and columns of op.py, perhaps more than it reads
Step = tuple[bool, list[Op]]  # whether the ops go by panels, and the ops


@dataclass(frozen=True)
class Table:
    """Ops and phases, where a phase is a range of ops.  `kept` holds every array that an address points into."""

    ops: np.ndarray
    phases: np.ndarray
    slots: list[tuple[Slot, int, Column, np.dtype]]
    kept: dict[str, Any]

    def bind(self, **arrays: np.ndarray) -> None:
        """Put the addresses of arrays into their slots, and keep the arrays alive; ValueError as of `assemble`."""
        for slot, row, column, dtype in self.slots:
            if slot in arrays:
                self.ops[row, column] = _address(arrays[slot], column, dtype)
        self.kept.update(arrays)


def assemble(phases: Sequence[Sequence[Op]], apart: Sequence[Op] = (), **kept: Any) -> Table:
    """The table of phases of ops, followed by the ops `apart`, which other ops run; arrays become addresses.

    ValueError if an op lacks a column that its kernel reads, has an unknown column, or has an array of another type
    than its column's.
    """
    ends = np.cumsum([len(phase) for phase in phases])
    ranges = [(end - len(phase), end) for end, phase in zip(ends, phases, strict=True)]
    rows = [*(row for phase in phases for row in phase), *apart]
    ops = aligned((len(rows), op.WIDTH), "int64")  # so that a kernel's columns lie in as few cache lines as they can
    table = Table(ops, np.array(ranges, np.int64), [], {**kept, "arrays": []})
    for index, (kernel, units, columns) in enumerate(rows):
        place = int(kernel)
        table.ops[index, op.KERNEL], table.ops[index, op.UNITS] = place, units
        known = loaded(place)
        try:
            for column in (*_needed(known, columns), *([op.BORDERS] if "BORDERS" in columns else [])):
                _fill(table, index, column, known.precision, columns[column.name])
        except ValueError as error:
            raise ValueError(f"{'.'.join(known.place)}: {error}") from None
    return table


def _needed(kernel: Object, columns: Columns) -> list[Column]:
    """The columns that a kernel reads; ValueError if one is missing or unknown."""
    if unknown := columns.keys() - op.COLUMNS.keys():
        raise ValueError(f"there is no column {', '.join(sorted(unknown))}")
    if missing := set(kernel.columns) - columns.keys():
        raise ValueError(f"it reads {', '.join(sorted(missing))}, which its op lacks")
    return [op.COLUMNS[name] for name in kernel.columns]


def _fill(table: Table, index: int, column: Column, precision: str, value: Value) -> None:
    """Set one column of an op."""
    dtype = column.dtype(precision)
    if dtype is None:
        if isinstance(value, np.ndarray | str):
            raise ValueError(f"{column.name} is a number")
        if isinstance(value, list):
            table.ops[index, column : column + column.size] = list(map(int, value))
        else:
            table.ops[index, column] = int(value)
    elif isinstance(value, Slot):
        table.slots.append((value, index, column, np.dtype(dtype)))
    else:
        table.ops[index, column] = _address(value, column, np.dtype(dtype))
        table.kept["arrays"].append(value)


def _address(array: Value, column: Column, dtype: np.dtype) -> int:
    """The address of an array's first element; ValueError if the array does not fit the column."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or not array.flags.c_contiguous:
        given = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else repr(array)
        raise ValueError(f"{column.name} takes a C-ordered array of {dtype}, not {given}")
    return array.ctypes.data
