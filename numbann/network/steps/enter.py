"""Steps of the network's inputs: what those that make several numbers of an input share."""

from __future__ import annotations

from numbann.network.description import Network
from numbann.network.steps.step import Step
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Enter(Step):
    """`outputs` numbers for each of the first `features` of `columns`, side by side, and the other columns behind them.

    The columns are those of the network's inputs.  first: where their numbers begin in e.
    """

    value = "e"
    columns: tuple[int, ...]
    features: int
    outputs: int
    first: int = 0

    @property
    def width(self) -> int:
        """How many numbers of e it makes."""
        return len(self.columns) + self.features * (self.outputs - 1)


def require_no_residual(network: Network, subject: str) -> None:
    """ValueError if inputs go past what changes them."""
    if network.layers[0].residual:
        raise ValueError(f"{subject}: the first layer's residual connection would go past it; leave one of them out")
