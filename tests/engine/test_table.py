"""Ops of a table: what their kernels read must be there, in the type of its column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import make_plan

from numbann.engine.cpu.builder import FETCHES
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.table import Slot, Table, assemble
from numbann.simd import op
from numbann.simd.named import gradient
from numbann.simd.objects import address, loaded

KERNEL = address(gradient.sum_squares)
GIVEN: dict[str, Any] = {"GRADIENT": np.ones(8, np.float32), "LENGTH": 8, "SQUARES": np.zeros(1, np.float32)}


def table_of(**columns: Any) -> Table:
    """A table of one op."""
    return assemble([[(KERNEL, 1, {**GIVEN, **columns})]])


def test_numbers_and_addresses() -> None:
    table = table_of()
    assert table.ops[0, [op.KERNEL, op.UNITS, op.COLUMNS["LENGTH"]]].tolist() == [KERNEL, 1, 8]
    assert table.ops[0, op.COLUMNS["GRADIENT"]] == GIVEN["GRADIENT"].ctypes.data
    assert any(array is GIVEN["GRADIENT"] for array in table.kept["arrays"])


def test_what_a_kernel_does_not_read_is_left_out() -> None:
    assert table_of(INPUTS=5).ops[0, op.COLUMNS["INPUTS"]] == 0


@pytest.mark.parametrize("name", GIVEN)
def test_a_forgotten_column(name: str) -> None:
    columns = {other: value for other, value in GIVEN.items() if other != name}
    with pytest.raises(ValueError, match=rf"numbann\.simd\.gradient\.sum_squares: it reads {name}, which its op lacks"):
        assemble([[(KERNEL, 1, columns)]])


def test_an_unknown_column() -> None:
    with pytest.raises(ValueError, match=r"numbann\.simd\.gradient\.sum_squares: there is no column GRADEINT"):
        table_of(GRADEINT=GIVEN["GRADIENT"])


WRONG = {
    "float64": (np.ones(8), r"not float64 \(8,\)"),
    "int64": (np.ones(8, np.int64), r"not int64 \(8,\)"),
    "with gaps": (np.ones(16, np.float32)[::2], r"not float32 \(8,\)"),
    "column by column": (np.ones((4, 2), np.float32).T, r"not float32 \(2, 4\)"),
    "an address": (1 << 20, "not 1048576"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_array_of_another_kind(case: str) -> None:
    array, given = WRONG[case]
    message = f"GRADIENT takes a C-ordered array of float32, {given}"
    with pytest.raises(ValueError, match=message):
        table_of(GRADIENT=array)
    if isinstance(array, np.ndarray):
        with pytest.raises(ValueError, match=message):
            table_of(GRADIENT=Slot("gradient")).bind(gradient=array)


def test_an_array_where_a_number_belongs() -> None:
    with pytest.raises(ValueError, match="sum_squares: LENGTH is a number"):
        table_of(LENGTH=np.ones(8))


def test_slots_are_bound_later() -> None:
    table, array = table_of(GRADIENT=Slot("gradient")), np.ones(3, np.float32)
    assert table.ops[0, op.COLUMNS["GRADIENT"]] == 0
    table.bind(gradient=array, another=np.ones(3))
    assert table.ops[0, op.COLUMNS["GRADIENT"]] == array.ctypes.data


def kernels_of(batch: int, threads: int = 1) -> list[str]:
    """The kernels of a training step over 600 rows of 64 numbers."""
    plan = make_plan([64, 8, 3], "relu", "softmax_cross_entropy", "adam", batch=batch, dtype="float32")
    with Engine(plan, threads, exactly=True) as engine:
        engine.load_data(np.ones((600, 64), np.float32), np.zeros(600, np.int64))
        training = engine._training
        assert training is not None
        assert training.offsets.base is not None
        assert len(training.offsets.base) == 600 + batch
        ops = training.calls[threads].table.ops
        return [loaded(int(kernel)).place[1] for kernel in ops[:, op.KERNEL]]


def test_the_next_rows_are_fetched_where_they_are_few() -> None:
    """The kernel reads the table of offsets a batch beyond the epoch's end."""
    assert kernels_of(64).count("fetch_rows") == kernels_of(64, threads=2).count("fetch_rows") == FETCHES
    assert "fetch_rows" not in kernels_of(65)
