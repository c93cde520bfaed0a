"""Streamed inputs: rows stay in their file, and a batch is prepared when it is requested."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from numbann.data.encoding import Encoding
from numbann.data.memory import available, check_room, fits
from numbann.data.table import Raw, RowSelection, count_of
from numbann.records import dataclass

PIECE_BYTES = 1 << 20  # bytes of inputs prepared at a time, few enough to stay in the cache


@dataclass(frozen=True)
class Streamed:
    """The inputs x (N, I) of some rows of a source, prepared in pieces."""

    encoding: Encoding
    raw: Raw
    rows: RowSelection
    dtype: str

    def __len__(self) -> int:
        return count_of(self.rows, len(self.raw.table))

    @property
    def width(self) -> int:
        """The number of inputs."""
        return self.encoding.inputs

    def __getitem__(self, places: slice) -> np.ndarray:
        """Return some of the rows as an array."""
        x = np.empty((count_of(places, len(self)), self.encoding.inputs), self.dtype)
        self.take(np.arange(*places.indices(len(self))), x)
        return x

    @cached_property
    def _from_disk(self) -> bool:
        """Whether the file is too large for the system's page cache."""
        return self.raw.table.numbers.nbytes > available()

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """Write the rows at these places, in this order, into out (n, I).  The file is read from front to back."""
        rows = places if isinstance(self.rows, slice) else self.rows[places]
        forwards = np.argsort(rows)
        stored = self.raw.table.stored
        if stored is not None and self._from_disk:
            stored.read_ahead(rows[forwards])
        length = max(1, PIECE_BYTES // (out.itemsize * max(1, out.shape[1])))
        for first in range(0, len(rows), length):
            piece = forwards[first : first + length]
            out[piece] = self.encoding.apply(self.raw, rows[piece], self.dtype)


Inputs = np.ndarray | Streamed


def inputs_of(encoding: Encoding, raw: Raw, rows: RowSelection, dtype: str, total: int) -> Inputs:
    """Return the inputs x (N, I): streamed if the numbers stay in a file and `total` rows exceed memory."""
    if raw.table.stored and not fits(total * encoding.inputs * np.dtype(dtype).itemsize):
        return Streamed(encoding, raw, rows, dtype)
    count = count_of(rows, len(raw.table))
    size = count * encoding.inputs * np.dtype(dtype).itemsize
    check_room(size, f"{count} rows of {encoding.inputs} inputs", "data.path", "leave columns or categories out")
    return encoding.apply(raw, rows, dtype)
