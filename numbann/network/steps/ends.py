"""What follows the last layer: the loss, and the link from outputs to predictions."""

from __future__ import annotations

from numbann.components.component import Configured
from numbann.network.steps.activation import scope_of
from numbann.network.steps.step import BATCH, ROW, Step
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Loss(Step):
    """Each row's loss, and d = dL/dout; its scope says of what."""

    value = "d"
    configured: Configured

    @classmethod
    def of(cls, loss: Configured) -> Loss:
        """The step of a loss of rows or of whole batches."""
        return cls(configured=loss, scope=BATCH if loss.component.form == "batch" else ROW)


@dataclass(frozen=True, kw_only=True)
class Link(Step):
    """Predictions from outputs, in the place of d, which predictions do not need."""

    value = "d"
    configured: Configured

    @classmethod
    def of(cls, link: Configured | None) -> Link | None:
        """The step of a link; None for outputs that are predictions."""
        return cls(configured=link, scope=scope_of(link)) if link else None
