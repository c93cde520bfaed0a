"""Where the engine finds its rows: in an array, or in a ring of two blocks that are filled as an epoch goes on.

While the engine goes through one block of a ring, a thread of its own fills the other.  The order of the rows and the
batches are the same either way, and so are the bits.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from numbann.engine.shared.alignment import aligned
from numbann.network.plan import ITEMSIZE, Plan

BLOCK_BYTES = 1 << 25  # of a block, if it holds more than one batch


class Rows(Protocol):
    """Rows that are made when they are asked for; `width`: how many inputs each has."""

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

    def blocks(self, order: np.ndarray, offsets: np.ndarray) -> Generator[tuple[int, int], None, None]:
        """For an epoch in this order, set where in x each row begins; bounds of rows that have come: all of them."""
        np.multiply(order, self.x.shape[1], out=offsets)
        yield 0, len(order)


class RingFeed:
    """Rows that are made block by block; a block is whole batches."""

    def __init__(self, rows: Rows, batch: int, plan: Plan) -> None:
        self._rows = rows
        self._length = min(len(rows), block_rows(batch, plan))
        self.x = aligned((min(len(rows), 2 * self._length), plan.inputs), plan.dtype)

    def blocks(self, order: np.ndarray, offsets: np.ndarray) -> Generator[tuple[int, int], None, None]:
        """As of ArrayFeed; the bounds of each block when its rows have come.  The one before it is then overwritten."""
        np.multiply(np.arange(len(order)) % len(self.x), self.x.shape[1], out=offsets)
        with ThreadPoolExecutor(1, "numbann-feed") as pool:
            coming = pool.submit(self._fill, order, 0)
            for first in range(0, len(order), self._length):
                coming.result()
                last = min(first + self._length, len(order))
                if last < len(order):
                    coming = pool.submit(self._fill, order, last)
                yield first, last

    def _fill(self, order: np.ndarray, first: int) -> None:
        places, start = order[first : first + self._length], first % len(self.x)
        self._rows.take(places, self.x[start : start + len(places)])


def portions(rows: Inputs, batch: int, plan: Plan) -> Iterator[tuple[int, np.ndarray]]:
    """The rows one after the other, all at once or by blocks: where they begin, and an array of them."""
    if isinstance(rows, np.ndarray):
        yield 0, rows
        return
    ring, order = RingFeed(rows, batch, plan), np.arange(len(rows))
    for first, last in ring.blocks(order, np.empty_like(order)):
        start = first % len(ring.x)
        yield first, ring.x[start : start + last - first]


def block_rows(batch: int, plan: Plan) -> int:
    """The rows of a block."""
    return batch * max(1, BLOCK_BYTES // (batch * plan.inputs * ITEMSIZE[plan.dtype]))
