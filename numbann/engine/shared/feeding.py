"""The source of an engine's rows: an array, or a ring of two blocks that are filled while an epoch runs.

While the engine works on one block of a ring, a thread fills the other.  The order of the rows and the batches are the
same either way, and so are the bits.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from numbann.engine.shared.alignment import aligned
from numbann.network.plan import ITEMSIZE, Plan

BLOCK_BYTES = 1 << 25  # the size of a block, unless one batch is larger


class Rows(Protocol):
    """Rows that are made on demand; `width` is the number of inputs of each."""

    @property
    def width(self) -> int:
        """The number of inputs."""

    @property
    def dtype(self) -> str:
        """The type of the inputs."""

    def __len__(self) -> int: ...

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """Write the rows at these places, in this order, into out (n, I)."""


Inputs = np.ndarray | Rows


def take_rows(x: Inputs, places: np.ndarray) -> np.ndarray:
    """Some rows in memory, by their numbers."""
    if isinstance(x, np.ndarray):
        return x[places]
    out = np.empty((len(places), x.width), x.dtype)
    x.take(places, out)
    return out


class ArrayFeed:
    """All rows in one array x (N, I)."""

    def __init__(self, x: np.ndarray, plan: Plan) -> None:
        self.x = np.ascontiguousarray(x, plan.dtype)

    def blocks(self, order: np.ndarray, offsets: np.ndarray, begin: int = 0) -> Generator[tuple[int, int], None, None]:
        """Set where in x each row of an epoch in this order begins; yield the bounds of the rows that are ready.

        begin: the first row that is needed.
        """
        np.multiply(order, self.x.shape[1], out=offsets)
        yield begin, len(order)


class RingFeed:
    """Rows that are made block by block; a block is whole batches."""

    def __init__(self, rows: Rows, batch: int, plan: Plan) -> None:
        self._rows = rows
        self._length = min(len(rows), block_rows(batch, plan))
        self.x = aligned((min(len(rows), 2 * self._length), plan.inputs), plan.dtype)

    def blocks(self, order: np.ndarray, offsets: np.ndarray, begin: int = 0) -> Generator[tuple[int, int], None, None]:
        """As of ArrayFeed, block by block: the bounds of each when it is ready.  The one before is then overwritten."""
        start = begin // self._length * self._length
        np.multiply(np.arange(len(order)) % len(self.x), self.x.shape[1], out=offsets)
        with ThreadPoolExecutor(1, "numbann-feed") as pool:
            coming = pool.submit(self._fill, order, start)
            for first in range(start, len(order), self._length):
                coming.result()
                last = min(first + self._length, len(order))
                if last < len(order):
                    coming = pool.submit(self._fill, order, last)
                yield max(first, begin), last

    def _fill(self, order: np.ndarray, first: int) -> None:
        """Make the rows of the block that begins at `first`."""
        places, start = order[first : first + self._length], first % len(self.x)
        self._rows.take(places, self.x[start : start + len(places)])


def portions(rows: Inputs, batch: int, plan: Plan) -> Iterator[tuple[int, np.ndarray]]:
    """The rows in order, all at once or by blocks: the number of the first, and an array of them."""
    if isinstance(rows, np.ndarray):
        yield 0, rows
        return
    ring, order = RingFeed(rows, batch, plan), np.arange(len(rows))
    for first, last in ring.blocks(order, np.empty_like(order)):
        start = first % len(ring.x)
        yield first, ring.x[start : start + last - first]


def block_rows(batch: int, plan: Plan) -> int:
    """The rows of a block: whole batches of together about BLOCK_BYTES."""
    return batch * max(1, BLOCK_BYTES // (batch * plan.inputs * ITEMSIZE[plan.dtype]))
