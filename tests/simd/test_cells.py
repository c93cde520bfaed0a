"""The kernel that reads the cells of a table: its numbers are those of Python's float, bit by bit."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from numbann.simd.cells import read_cells

CASES = int(os.environ.get("CASES", "20000"))


def any_float(draw: random.Random) -> str:
    return repr(struct.unpack("d", struct.pack("Q", draw.getrandbits(64)))[0])


def any_digits(draw: random.Random) -> str:
    digits = str(draw.randint(0, 10 ** draw.randint(1, 21)))
    point = draw.randint(0, len(digits))
    return f"{digits[:point]}.{digits[point:]}" + draw.choice(("", "", f"e{draw.randint(-30, 30)}"))


def near_a_tie(draw: random.Random) -> str:
    """A number half between two of float64, or next to it in its last digit."""
    tie = Fraction(2 * draw.randint(2**52, 2**53 - 1) + 1) * Fraction(2) ** draw.randint(-50, 5)
    places = draw.randint(0, 19)
    digits = str(round(tie * 10**places) + draw.choice((-1, 0, 0, 1))).rjust(places + 1, "0")
    return f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}"


@pytest.mark.parametrize("number", [any_float, any_digits, near_a_tie])
def test_numbers_are_rounded_once(number: Callable[[random.Random], str]) -> None:
    draw = random.Random(int(os.environ.get("SEED", "0")))
    cells = [number(draw) for _ in range(CASES)]
    found = read_cells("\n".join(cells).encode(), ",", 1)
    assert found is not None
    read = ~np.isnan(found[0][0])
    expected = np.array([float(cell) for cell in cells])
    assert read.mean() > 0.02
    assert found[0][0][read].tobytes() == expected[read].tobytes()


ODD = ["", "-", ".", "+.", "1e", "1e+", "e1", "1_0", " 1", "1 ", "--1", "1.2.3", "inf", "nan", "1-2", "0x1", "1\x00"]


@pytest.mark.parametrize("cell", ODD)
def test_what_is_no_plain_number_is_left(cell: str) -> None:
    found = read_cells(f"2,{cell}\r\n\r\n3,4".encode(), ",", 2)
    assert found is not None
    assert np.array_equal(found[0], [[2, 3], [np.nan, 4]], equal_nan=True)
    end = 2 + len(cell)
    assert found[1].tolist() == [[-1, 1, end], [end + 3, end + 5, end + 7]]


@pytest.mark.parametrize("text", [b"1,2\n3\n", b"1,2\n3,4,5\n", b"1,2\n ", b"1", b"1,2,"])
def test_rows_of_another_length_are_refused(text: bytes) -> None:
    assert read_cells(text, ",", 2) is None
