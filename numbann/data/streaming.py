"""Inputs that are prepared when they are asked for, of rows that stay in their file.  It keeps none of them."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from numbann.data.encoding import Encoding
from numbann.data.memory import available, fits
from numbann.data.table import Raw, Rows, count_of

PAGE = 4096  # bytes of a file that are fetched together at least
PIECE_BYTES = 1 << 20  # inputs that are prepared together, while they stay in the cache


@dataclass(frozen=True)
class Streamed:
    """x (N, I) of some rows of a source, in portions."""

    encoding: Encoding
    raw: Raw
    rows: Rows
    dtype: str

    def __len__(self) -> int:
        return count_of(self.rows, len(self.raw.table))

    @property
    def width(self) -> int:
        """The number of inputs."""
        return self.encoding.inputs

    def __getitem__(self, places: slice) -> np.ndarray:
        """Some of the rows in memory."""
        x = np.empty((count_of(places, len(self)), self.encoding.inputs), self.dtype)
        self.take(np.arange(*places.indices(len(self))), x)
        return x

    @cached_property
    def _from_disk(self) -> bool:
        """Whether the system cannot keep the whole file in memory either."""
        return self.raw.table.numbers.nbytes > available()

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """Write the rows at these places, in this order, into out (n, I); the file is read from front to back."""
        rows = places if isinstance(self.rows, slice) else self.rows[places]
        forwards = np.argsort(rows)
        if self._from_disk:
            _announce(self.raw.table.numbers, rows[forwards])
        length = max(1, PIECE_BYTES // (out.itemsize * max(1, out.shape[1])))
        for first in range(0, len(rows), length):
            piece = forwards[first : first + length]
            out[piece] = self.encoding.apply(self.raw, rows[piece], self.dtype)


Inputs = np.ndarray | Streamed


def inputs_of(encoding: Encoding, raw: Raw, rows: Rows, dtype: str, total: int) -> Inputs:
    """x (N, I), in memory unless the numbers lie in a file and `total` rows are too large to be kept."""
    if raw.table.mapped and not fits(total * encoding.inputs * np.dtype(dtype).itemsize):
        return Streamed(encoding, raw, rows, dtype)
    return encoding.apply(raw, rows, dtype)


def _announce(numbers: np.ndarray, rows: np.ndarray) -> None:
    """Let the system fetch these rows (sorted) of a mapped array at the same time; one by one a disk takes long."""
    if not isinstance(numbers, np.memmap) or not hasattr(os, "posix_fadvise"):
        return
    size = numbers.strides[0]
    pages = np.unique((numbers.offset + rows * size) // PAGE)
    with contextlib.suppress(OSError), open(cast(str, numbers.filename), "rb") as file:
        for page in pages.tolist():
            os.posix_fadvise(file.fileno(), page * PAGE, PAGE + size, os.POSIX_FADV_WILLNEED)
