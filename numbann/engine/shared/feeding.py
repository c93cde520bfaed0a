"""The source of an engine's rows: an array, or a ring of two blocks that are filled while an epoch runs.

While the engine works on one block of a ring, a thread fills the other.  The order of the rows and the batches are the
same either way, and so are the bits.  A rank that takes a part of each batch makes the rows of that part alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from typing import Any, Protocol

import numpy as np

from numbann.engine.shared.alignment import aligned
from numbann.engine.shared.batches import equal_bounds
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

    def blocks(
        self, order: np.ndarray, offsets: np.ndarray, bounds: np.ndarray, begin: int = 0
    ) -> Generator[tuple[int, int], None, None]:
        """Set where in x each row of an epoch in this order begins; yield the first and last of the batches ready.

        bounds: where each batch begins, and where the last one ends.  begin: the first batch that is needed.
        """
        np.multiply(order, self.x.shape[1], out=offsets)
        yield begin, len(bounds) - 1


Share = tuple[int, int, int]  # first, end, of: from the rows first / of to the rows end / of of a batch


class RingFeed:
    """Rows that are made block by block; a block is whole batches, each of at most `batch` rows.

    share: the part of each batch whose rows are made.
    """

    def __init__(self, rows: Rows, batch: int, plan: Plan, share: Share = (0, 1, 1)) -> None:
        self._rows, self._share, count = rows, share, len(rows) * plan.members
        first, end, of = share
        own = max(1, -(-batch * (end - first) // of))
        self._batches = block_rows(own, plan) // own
        self._most = self._batches * batch
        self._length = min(count, self._batches * own)
        self.x = aligned((self._length * (1 + (self._most < count)), plan.inputs), plan.dtype)

    def blocks(
        self, order: np.ndarray, offsets: np.ndarray, bounds: np.ndarray, begin: int = 0
    ) -> Generator[tuple[int, int], None, None]:
        """As of ArrayFeed, block by block, each when it is ready.  The one before is then overwritten."""
        cuts = [begin]
        while cuts[-1] < len(bounds) - 1:
            full = int(np.searchsorted(bounds, bounds[cuts[-1]] + self._most, "right")) - 1
            cuts.append(min(full, cuts[-1] + self._batches))
        blocks = [self._own(bounds[first : last + 1]) for first, last in itertools.pairwise(cuts)]
        from concurrent.futures import ThreadPoolExecutor  # here, since most engines need no such thread

        with ThreadPoolExecutor(1, "numbann-feed") as pool:
            fills = (pool.submit(self._fill, order, offsets, places, k) for k, places in enumerate(blocks))
            coming: Any = next(fills, None)
            for first, last in itertools.pairwise(cuts):
                coming.result()
                coming = next(fills, None)
                yield first, last

    def _own(self, bounds: np.ndarray) -> np.ndarray:
        """The places, in an epoch's order, of the rows that are needed of some batches."""
        first, end, of = self._share
        sizes = np.diff(bounds)
        begin, length = bounds[:-1] + sizes * first // of, sizes * end // of - sizes * first // of
        before = np.cumsum(length) - length
        return np.arange(length.sum()) + np.repeat(begin - before, length)

    def _fill(self, order: np.ndarray, offsets: np.ndarray, places: np.ndarray, number: int) -> None:
        """Make the rows of a block, and set where each begins."""
        start, width, rows = number % 2 * self._length, self.x.shape[1], order[places]
        offsets[places] = np.arange(start, start + len(rows)) * width
        self._rows.take(rows, self.x[start : start + len(rows)])


def portions(rows: Inputs, batch: int, plan: Plan) -> Iterator[tuple[int, np.ndarray]]:
    """The rows in order, all at once or by blocks: the number of the first, and an array of them."""
    if isinstance(rows, np.ndarray):
        yield 0, rows
        return
    ring, order, bounds = RingFeed(rows, batch, plan), np.arange(len(rows)), equal_bounds(len(rows), batch)
    offsets = np.empty_like(order)
    for first, last in ring.blocks(order, offsets, bounds):
        start, end = bounds[first], bounds[last]
        yield int(start), ring.x[offsets[start] // ring.x.shape[1] :][: end - start]


def block_rows(batch: int, plan: Plan) -> int:
    """The rows of a block: whole batches of together about BLOCK_BYTES."""
    return batch * max(1, BLOCK_BYTES // (batch * plan.inputs * ITEMSIZE[plan.dtype]))
