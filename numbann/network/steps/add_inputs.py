"""A residual connection."""

from __future__ import annotations

from numbann.network.description import Dense
from numbann.network.steps.step import Step
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class AddInputs(Step):
    """out = a + x.  The gradient goes past the layer too, if there is a layer below."""

    value = "out"

    @classmethod
    def of(cls, dense: Dense, k: int) -> AddInputs | None:
        """The residual connection of a layer k; below the first layer there is none to pass the gradient to."""
        return cls(returns=k > 0) if dense.residual else None
