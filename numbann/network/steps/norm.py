"""Norms: of each row, and of each column of the batch."""

from __future__ import annotations

from dataclasses import replace

from numbann.network.description import Dense
from numbann.network.steps.step import BATCH, ELEMENT, ROW, ROWS, SUMS, Step, Vector
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Norm(Step):
    """z = scale h^ + shift, where h^ has mean 0 and variance 1 in a row or in a column of the batch.

    h^ takes the place of h.  running: by the statistics that training has gathered.
    """

    value = "z"
    batch: bool
    running: bool = False

    @classmethod
    def of(cls, dense: Dense, k: int) -> Norm | None:
        """The norm of a layer k; the way back of a batch's norm sums the gradients to its vectors itself."""
        if dense.norm is None:
            return None
        batch = dense.norm == "batch"
        return cls(
            batch=batch,
            scope=BATCH if batch else ROW,
            keeps=("h",),
            vectors=_vectors(k, dense.units, SUMS if batch else ROWS, scale=1.0, shift=0.0),
            statistics=_vectors(k, dense.units, "", mean=0.0, variance=1.0) if batch else (),
        )

    def predicting(self) -> Norm:
        """A batch norm goes by its statistics."""
        return replace(self, running=True, scope=ELEMENT) if self.batch else self


def _vectors(k: int, units: int, gradient: str, **starts: float) -> tuple[Vector, ...]:
    """Vectors of a layer k's norm, by their names and starts."""
    return tuple(Vector(f"layers.{k}.norm.{name}", units, start, gradient) for name, start in starts.items())
