"""Searches: which trials are asked for, batch by batch; the results of one batch may decide the next.

A search is a generator: it yields a batch, is sent its results in the order of asking, and ends when it has no more.
So the same trials come whatever trains them, and in whatever order they end.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from numbann.records import dataclass


@dataclass(frozen=True)
class Asked:
    """A trial that is asked for: its number, from 1, and the values of the keys.

    rung: of halving, from 1; until: the epoch after which the trial then waits.  states: what it goes on from.
    """

    trial: int
    parameters: Mapping[str, Any]
    rung: int | None = None
    until: int | None = None
    states: Sequence[bytes] | None = None


@dataclass(frozen=True)
class Told:
    """What a search is told of a trial: its figure, the less the better; None if it failed."""

    trial: int
    cost: float | None


Search = Generator[list[Asked], Sequence[Told], None]
