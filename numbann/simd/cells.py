"""Reads the cells of a table of text by a compiled kernel: their numbers, and where they end."""

from __future__ import annotations

from ctypes import c_ssize_t, c_uint8, c_void_p

import numpy as np

from numbann.simd.objects import Module, function

READER = Module("numbann.simd.cell_reader")


def read_cells(text: bytes, delimiter: str, columns: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return values (columns, N) and ends (N, columns + 1) of a text without quotes; None if a row has too few or many.

    delimiter: of ASCII, and in no number.
    """
    given = (c_void_p, c_ssize_t, c_uint8, c_ssize_t, c_ssize_t, c_void_p, c_void_p)
    kernel = function(READER.read, c_ssize_t, *given)
    text += b"\n"
    rows = len(text) // columns + 1  # at most, with one that is too short
    values, ends = np.empty((columns, rows)), np.empty((rows, columns + 1), np.int32)
    found = kernel(text, len(text), ord(delimiter), columns, rows, values.ctypes.data, ends.ctypes.data)
    return None if found < 0 else (values[:, :found], ends[:found])
