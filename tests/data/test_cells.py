"""The grammar of numbers, and the agreement of its fast and its thorough parser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numbann.data.cells import GrowingColumn, MixedColumn, is_infinite, is_number
from numbann.data.columns import Numbers

NA = frozenset({"", "NA"})
NUMBERS = ["0", "-0", "+1", "1.", ".5", "-.5e-3", "1E+05", "00012", "1e-400"]
TEXTS = ["1_000", "inf", "Infinity", "nan", "0x10", "١٢", "1,5", "1e", ".", "-", "1 2", "１", "--1", "1d5", "True"]


def column(cells: list[str], as_text: bool = False) -> Any:
    growing = GrowingColumn(NA, as_text=as_text)
    growing.add(cells)
    return growing.finish()


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_numbers(text: str) -> None:
    assert is_number(text)
    assert column([text, "7"]).values.tolist() == [float(text), 7.0]


@pytest.mark.parametrize("text", TEXTS)
def test_what_only_python_or_nobody_takes_is_text(text: str) -> None:
    assert not is_number(text)
    assert column([text]).values == (text,)
    with pytest.raises(MixedColumn):
        column([text, "7"])


def test_a_number_beyond_float64_is_refused() -> None:
    assert is_infinite("-1e400")
    assert not is_infinite("1e300")
    for cells in (["1e400", "2"], ["1e400"] * 9):
        with pytest.raises(MixedColumn):
            column(cells)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float_comes_back_bit_for_bit(values: list[float]) -> None:
    assert column([repr(value) for value in values]).values.tolist() == values


def test_the_quick_and_the_thorough_way_agree() -> None:
    distinct = [repr(x / 7) for x in range(20)]
    quick, thorough = column(distinct), column([f" {cell} " for cell in distinct] * 3)
    assert quick.values.tolist() * 3 == thorough.values.tolist()


def test_missing_cells_are_nan_or_the_code_of_missing() -> None:
    numbers, texts = column(["1", " NA ", "2"]), column(["b", "", "a", "b"])
    assert [math.isnan(value) for value in numbers.values] == [False, True, False]
    assert texts.missing.tolist() == [False, True, False, False]
    assert texts.original.tolist() == ["b", None, "a", "b"]


def test_chunks_of_missing_cells_join_text() -> None:
    growing = GrowingColumn(NA)
    for cells in (["", "NA"], ["x"], [""]):
        growing.add(cells)
    assert growing.finish().original.tolist() == [None, None, "x", None]


def test_numbers_in_one_chunk_and_text_in_another_are_mixed() -> None:
    growing = GrowingColumn(NA)
    growing.add(["1"])
    growing.add(["x"])
    with pytest.raises(MixedColumn):
        growing.finish()


def test_numbers_as_text_keep_how_they_are_written() -> None:
    assert column(["007", "7", "7.0"], as_text=True).original.tolist() == ["007", "7", "7.0"]


@pytest.mark.parametrize(("cells", "whole"), [(["1", "2"], True), (["1", "2.0"], False), (["1e3"], False)])
def test_whole_numbers_are_those_written_so(cells: list[str], whole: bool) -> None:
    values = column(cells)
    assert isinstance(values, Numbers)
    assert values.whole is whole
    assert values.original.dtype == (np.int64 if whole else np.float64)


def test_an_exponent_that_begins_with_zero_is_no_code() -> None:
    column = GrowingColumn(frozenset())
    column.add(["1.5e-05", "2E+07", "3e08", "-4e-01", "0.05", "100", "10.05"])
    assert not column.padded
    column.add(["-05"])
    assert column.padded
