"""What a format must be able to write, in the order in which a model computes: the interface of every format.

A value V stands for some numbers of each row, (N, k), in whatever way a format names it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from numbann.components.component import Configured
from numbann.derivation.terms import Term

V = TypeVar("V")


class Writer(ABC, Generic[V]):
    """Writes the steps of a model, which `walk` asks for.

    Numbers of inputs and answers are as exact as a format can be (float64 where it has that), those of a network of the
    model's own precision: `narrowed` and `widened` lead from one to the other.
    """

    # ---- raw cells

    @abstractmethod
    def numbers(self, names: Sequence[str]) -> V:
        """Take columns of numbers, NaN where one is missing."""

    @abstractmethod
    def seconds(self, name: str) -> V:
        """Take a column of dates as seconds since 1970 in UTC, NaN where one is missing."""

    @abstractmethod
    def places(self, name: str, known: Mapping[str, int], otherwise: int) -> V:
        """Take a column of texts as whole numbers (N, 1): the place of each text, or `otherwise` for any other text."""

    @abstractmethod
    def one_hot(self, places: V, width: int) -> V:
        """Make 1 at a place and 0 elsewhere; all 0 for a place outside of the width."""

    @abstractmethod
    def rows(self, places: V, table: np.ndarray) -> V:
        """Take the row of a table (R, k) at each place, numbers of the table's own precision."""

    @abstractmethod
    def whole(self, numbers: V) -> V:
        """Return whole numbers (N, 1) as places."""

    # ---- numbers

    @abstractmethod
    def apply(self, formula: Term, given: Mapping[str, V | np.ndarray], known_as: Configured | None = None) -> V:
        """Compute a formula of values, by the names of its arguments.

        An array (k,) or (1,) is the same in each row.  known_as: the activation that it is, if it is one.
        """

    @abstractmethod
    def select(self, value: V, columns: Sequence[int]) -> V:
        """Take some columns, in this order, which may repeat them."""

    @abstractmethod
    def join(self, values: Sequence[V]) -> V:
        """Put values side by side."""

    @abstractmethod
    def product(self, x: V, w: np.ndarray, b: np.ndarray | None) -> V:
        """Compute x w + b, w (I, O)."""

    @abstractmethod
    def products(self, x: V, w: np.ndarray) -> V:
        """Compute a product for each of the P equal parts of x, side by side, w (P, I, O)."""

    @abstractmethod
    def standardized(self, x: V, epsilon: float) -> V:
        """Give each row mean 0 and variance 1; epsilon: beside the variance."""

    @abstractmethod
    def row_activation(self, activation: Configured, x: V) -> V:
        """Apply a built-in activation of rows; ExportError if the format cannot."""

    @abstractmethod
    def narrowed(self, value: V) -> V:
        """Return numbers in the network's precision."""

    @abstractmethod
    def widened(self, value: V) -> V:
        """Return numbers in the precision of inputs and answers."""

    # ---- answers

    @abstractmethod
    def largest(self, value: V) -> V:
        """Return the place (N, 1) of the largest number, the first of several."""

    @abstractmethod
    def reaching(self, value: V, threshold: float) -> V:
        """Return how many numbers of each row (N, 1) are at least a threshold."""

    @abstractmethod
    def answer(self, name: str, value: V) -> None:
        """Give numbers (N, k) by a name."""

    @abstractmethod
    def labels(self, name: str, places: Sequence[V], classes: Sequence[Sequence[Any]]) -> None:
        """Give the labels at places, one column for each of several targets, by a name."""
