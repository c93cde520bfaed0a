"""The places of a network's buffers on the GPU for batches of so many rows, as the integers that kernels read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numbann.components.component import Configured
from numbann.cuda.engine.layout import Layout, Room, buffer
from numbann.cuda.threads import op
from numbann.cuda.threads.batches import FROM_WORK, IN_ORDER, SHUFFLED
from numbann.derivation import keeps_z
from numbann.network.plan import NORM, Layer, Plan

DRAWS = 1 << 24  # a draw is one of so many integers


class Places:
    """The head and each layer's row of numbann.cuda.threads.op.

    training: rows come in an epoch's order.  gathers: those of a batch are copied to a buffer first.
    """

    def __init__(self, plan: Plan, rows: int, training: bool, gathers: bool) -> None:
        self.plan, self.batch, self.training, self.gathers = plan, rows, training, gathers
        self.layout, self.work = Layout(plan), Room()
        self.head = np.zeros(op.HEAD, np.int64)
        self.rows = np.zeros((len(plan.layers) + 1, op.WIDTH), np.int64)  # the last one is the link's
        self.set_head(BATCH=rows, STRIDE=self.layout.stride, LENGTH=self.layout.length)
        for k in range(len(plan.layers)):
            self._set_row(k)
            if k > 0 and training:
                self._set_row_above(k - 1)

    def set_head(self, **columns: int) -> None:
        """Set places and sizes that are no layer's."""
        for name, value in columns.items():
            self.head[getattr(op, name)] = value

    def set_row(self, k: int, **columns: int) -> None:
        """Set those of a layer."""
        for name, value in columns.items():
            self.rows[k, getattr(op, name)] = value

    def numbers(self, configured: Configured) -> int:
        """A place for a component's parameters."""
        return self.work.keep(np.array([*configured.values.values(), 0], self.plan.dtype))

    def source(self, k: int) -> int:
        """Where a layer finds its rows."""
        if k > 0 or self.gathers:
            return FROM_WORK
        return SHUFFLED if self.training else IN_ORDER

    def followed(self, layer: Layer) -> bool:
        """Whether something follows the activation, so that its a is not the layer's output y."""
        return layer.residual or (self.training and layer.dropout is not None)

    def _set_row(self, k: int) -> None:
        """A layer's sizes, its weights and its buffers; those that need not be kept apart are one."""
        layer, part = self.plan.layers[k], 0 if self.training else self.layout.predicting
        shift = part * self.layout.stride
        vectors = self.layout.vectors(k) + shift
        norms = len(NORM) if layer.norm else 0

        def room() -> int:
            return self.work.take(buffer(layer, self.batch))

        gathered = self.work.take(self.batch * layer.inputs) if k == 0 and self.gathers else 0
        y = room()
        a = room() if layer.activation is not None and self.followed(layer) else y
        kept = layer.activation is not None and (keeps_z(layer.activation.component) or layer.norm is not None)
        z = room() if kept or (layer.norm and self.followed(layer)) else a
        self.set_row(
            k,
            X=int(self.rows[k - 1, op.Y]) if k else gathered,
            INPUTS=layer.inputs,
            OUTPUTS=layer.outputs,
            W=self.layout.weights[k] + shift,
            H=room() if layer.norm else z,
            Z=z,
            A=a,
            Y=y,
            NORM_VECTORS=vectors,
            VECTORS=vectors + norms * layer.outputs,
            STATISTICS=self.layout.statistics.get(k, 0),
            FACTORS=self.work.take(max(self.batch, layer.outputs)) if layer.norm else 0,
            PARAMETERS=self.numbers(layer.activation) if layer.activation else 0,
        )
        self._set_row_back(k, room)

    def _set_row_back(self, k: int, room: Callable[[], int]) -> None:
        """The buffers of the way back; without training there is only what the loss writes to."""
        layer, last = self.plan.layers[k], k + 1 == len(self.plan.layers)
        if not self.training:
            self.set_row(k, DY=room() if last else 0)
            return
        d, count = room(), buffer(layer, self.batch)
        apart = by_rows(layer.activation) or (last and changes(k, layer))
        slopes = self.work.take(count * len(layer.vectors))
        drop = layer.dropout
        self.set_row(
            k,
            D=d,
            DY=room() if apart else d,
            SKIP=room() if layer.residual and k > 0 else 0,
            NORM_SLOPES=slopes,
            SLOPES=slopes + (len(NORM) * count if layer.norm else 0),
            SLOPES_STRIDE=count,
            KEY=2 * k,
            DROPOUT=self.work.keep(np.array([drop.scale, drop.shift, drop.dropped])) if drop else 0,
            LIMIT=int(np.dtype(self.plan.dtype).type(drop.rate) * np.float64(DRAWS)) if drop else 0,
        )

    def _set_row_above(self, k: int) -> None:
        """What a layer needs of the one above."""
        above = self.rows[k + 1]
        self.set_row(
            k,
            NEXT_D=int(above[op.D]),
            NEXT_OUTPUTS=int(above[op.OUTPUTS]),
            NEXT_W=int(above[op.W]),
            NEXT_SKIP=int(above[op.SKIP]),
        )


def by_rows(activation: Configured | None) -> bool:
    """Whether an activation is of whole rows."""
    return activation is not None and activation.component.form == "row"


def changes(k: int, layer: Layer) -> bool:
    """Whether the gradient to the last layer's outputs is changed, element by element, or kept on its way to d."""
    elementwise = layer.activation is not None and not by_rows(layer.activation)
    return elementwise or layer.dropout is not None or (layer.residual and k > 0)
