"""What every kind of step declares, for any device: its value, its scope, what its way back needs, what it trains."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import ClassVar, Self

from numbann.components.component import Configured
from numbann.components.parameter import PLAIN, Tuning
from numbann.records import dataclass

GIVEN = "given"  # the value that no step makes
VALUES = ("e", "x", "h", "z", "a", "out")
INPUTS = VALUES[:2]  # those that are as wide as the layer's inputs
ELEMENT, ROW, BATCH = "element", "row", "batch"  # scopes: an element depends on itself, its row, the batch
# Where the gradient to a vector comes from: the way back leaves one for each row, or their sum; one for each row and
# unit, to a single number; their sum for a vector of any length; or from that to w
ROWS, SUMS, SHARED, TOTALS, WEIGHTS = "rows", "sums", "shared", "totals", "weights"


@dataclass(frozen=True)
class Vector:
    """Numbers of a layer beside w and b: the tensor's name, its size, and its initial value.

    gradient: where the gradient to trained numbers comes from; "" for statistics, which are not trained.  init: draws
    the initial values.  shape: what it is asked for, once for each of `parts` equal parts; None: (1, size).  tuning:
    how they are trained.  low, high: bounds after each step.
    """

    name: str
    size: int
    start: float
    gradient: str = ROWS
    init: Configured | None = None
    tuning: Tuning = PLAIN
    low: float = -inf
    high: float = inf
    shape: tuple[int, int] | None = None
    parts: int = 1

    @property
    def bounded(self) -> bool:
        """Whether a step must keep it within bounds."""
        return (self.low, self.high) != (-inf, inf)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of a layer.

    value: what it makes.  asked_by: the key of a spec, for errors.  scope: what an element of its value depends on.
    apart: whether it must not write over what it reads.  keeps: the values that its way back reads.  returns: whether
    the way back to the layer's h has something to do for it.  vectors: its trained vectors.  statistics: what it
    gathers.  reads, writes: its buffers, the same one if it works in place.
    """

    value: ClassVar[str]
    asked_by: ClassVar[str] = "model.layers"
    scope: str = ELEMENT
    apart: bool = True
    keeps: tuple[str, ...] = ()
    returns: bool = True
    vectors: tuple[Vector, ...] = ()
    statistics: tuple[Vector, ...] = ()
    reads: str = ""
    writes: str = ""

    def predicting(self) -> Step | None:
        """The step in predictions; None if there is none."""
        return self

    def at_rate(self, rate: float) -> Self:
        """The step of a layer that learns at another rate."""
        return replace(self, vectors=tuple(replace(one, tuning=one.tuning.times(rate)) for one in self.vectors))
