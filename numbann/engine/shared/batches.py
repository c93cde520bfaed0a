"""The batches of an epoch: of so many rows each, of rows from each of some stripes, or of whole groups of rows.

Stripes are the rows in their own order, cut in pieces.  With groups an epoch has as many steps as without them, or one
for each group if there are fewer.  Its batches have the same number of groups, or one more, so that the rows of a batch
are the batch size on average.
"""

from __future__ import annotations

import numpy as np

from numbann.engine.shared import random


def for_members(rows: np.ndarray, members: int) -> np.ndarray:
    """Each row once for each member of a network, one after the other; the rows themselves, if there is one member."""
    return rows if members == 1 else np.repeat(rows, members, axis=0)


def equal_bounds(rows: int, batch: int) -> np.ndarray:
    """Where batches of so many rows begin, and where the last one ends."""
    return np.append(np.arange(0, rows, batch), rows)


def whole_batches(bounds: np.ndarray) -> np.ndarray:
    """Where the batch of each row begins and ends (N, 2): the row's group, where there are no groups."""
    return np.repeat(np.column_stack([bounds[:-1], bounds[1:]]), np.diff(bounds), axis=0)


def count_steps(rows: int, batch: int, group: np.ndarray | None = None) -> int:
    """The steps of an epoch.  group (rows,): the group of each row, if batches hold whole groups."""
    steps = -(-rows // batch)
    return steps if group is None else min(steps, len(np.unique(group)))


def whole_groups(group: np.ndarray, rows: int, generator: np.random.Generator) -> np.ndarray:
    """The sorted numbers of the rows of some groups at random, the fewest with at least so many rows."""
    of, sizes = np.unique(group, return_inverse=True, return_counts=True)[1:]
    visits = generator.permutation(len(sizes))
    taken = visits[: 1 + np.searchsorted(np.cumsum(sizes[visits]), rows)]
    return np.flatnonzero(np.isin(of, taken))


STRIPES = 16  # as many as a huge batch has groups at most, or a multiple of that


class Stripes:
    """The rows cut in STRIPES pieces, each shuffled by itself: the same part of every batch comes from the same piece.

    A rank of several that takes some groups of each batch then reads the same pieces in every epoch.
    bounds (steps + 1,): where each batch begins in the order, and where the last one ends.
    """

    def __init__(self, bounds: np.ndarray) -> None:
        cuts = np.diff(bounds)[:, None] * np.arange(STRIPES + 1) // STRIPES
        stripe = np.repeat(np.tile(np.arange(STRIPES), len(cuts)), np.diff(cuts, axis=1).ravel())
        self._places = np.argsort(stripe, kind="stable")  # those of the first stripe, then those of the next
        self._ends = np.searchsorted(stripe[self._places], np.arange(STRIPES), "right")

    def draw(self, order: np.ndarray, seed: int, epoch: int) -> None:
        """Fill in the order (N,) in which an epoch visits the rows."""
        begin = 0
        for stripe, end in enumerate(self._ends):
            visits = np.empty(end - begin, np.int64)
            random.shuffle_epoch(visits, seed, epoch, stripe)
            order[self._places[begin:end]] = begin + visits
            begin = end


class Grouping:
    """The groups of an epoch's rows.

    group (N,): the group of each row, as a whole number.  bounds (steps + 1,): where each batch begins in the epoch's
    order, and where the last one ends.  extents (N, 2): where the group of each row in that order begins and ends.
    most: the rows that a batch may have.
    """

    def __init__(self, group: np.ndarray, batch: int) -> None:
        of, self._sizes = np.unique(group, return_inverse=True, return_counts=True)[1:]
        self._members = np.argsort(of, kind="stable")  # the rows of the first group, then those of the next
        self._firsts = np.cumsum(self._sizes) - self._sizes
        count, steps = len(self._sizes), count_steps(len(group), batch, group)
        self._cuts = np.arange(steps + 1) * count // steps
        self.most = int(np.sort(self._sizes)[-max(np.diff(self._cuts)) :].sum())
        self.bounds = np.zeros(steps + 1, np.int64)
        self.bounds[-1] = len(group)
        self.extents = np.zeros((len(group), 2), np.int64)

    def draw(self, order: np.ndarray, seed: int, epoch: int) -> None:
        """Fill in the order (N,) in which an epoch visits the rows, and what follows from it.

        A single batch is not shuffled.  The rows of a group keep their own order.
        """
        visits = np.arange(len(self._sizes))
        if len(self.bounds) > 2:
            random.shuffle_epoch(visits, seed, epoch)
        sizes = self._sizes[visits]
        ends = np.cumsum(sizes)
        self.extents[:, 0], self.extents[:, 1] = np.repeat(ends - sizes, sizes), np.repeat(ends, sizes)
        order[:] = self._members[np.arange(len(order)) - np.repeat(ends - sizes - self._firsts[visits], sizes)]
        self.bounds[1:] = ends[self._cuts[1:] - 1]
