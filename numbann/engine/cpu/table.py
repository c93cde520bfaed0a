"""A table of phases: ops that the driver calls, and the arrays that their addresses point into.

What stands in them, tables.py and stages.py decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.simd import op

# An op: its kernel's address, its units, and columns of op.py with numbers, arrays or slots
Op = tuple[int, int, dict[str, Any]]
Step = tuple[bool, list[Op]]  # by panels or not


class Slot(str):
    """The name of an array that a table is given later, and perhaps again and again: see Table.bind."""


@dataclass(frozen=True)
class Table:
    """Ops and phases; each phase is the range of its ops.  `kept` holds every array that an address points into."""

    ops: np.ndarray
    phases: np.ndarray
    slots: list[tuple[Slot, int, int]]
    kept: dict[str, Any]

    def bind(self, **arrays: np.ndarray) -> None:
        """Put the addresses of arrays into their slots, and keep the arrays alive."""
        for slot, row, column in self.slots:
            if slot in arrays:
                self.ops[row, column] = arrays[slot].ctypes.data
        self.kept.update(arrays)


def assembled(phases: list[list[Op]], apart: Sequence[Op] = (), **kept: Any) -> Table:
    """The table of phases of ops, and after them ops apart, which other ops call; arrays become addresses."""
    ends = np.cumsum([len(phase) for phase in phases])
    ranges = [(end - len(phase), end) for end, phase in zip(ends, phases, strict=True)]
    rows = [*(row for phase in phases for row in phase), *apart]
    table = Table(np.zeros((len(rows), op.WIDTH), np.int64), np.array(ranges, np.int64), [], {**kept, "arrays": []})
    for index, (kernel, units, columns) in enumerate(rows):
        table.ops[index, [op.KERNEL, op.UNITS]] = kernel, units
        for name, value in columns.items():
            _fill(table, index, name, value)
    return table


def _fill(table: Table, index: int, name: str, value: Any) -> None:
    """Set one column of an op; "SWEEPS+2" is the second after SWEEPS."""
    base, _, shift = name.partition("+")
    column = getattr(op, base) + int(shift or 0)
    if isinstance(value, Slot):
        table.slots.append((value, index, column))
    elif isinstance(value, np.ndarray):
        table.kept["arrays"].append(value)
        table.ops[index, column] = value.ctypes.data
    else:
        table.ops[index, column] = value
