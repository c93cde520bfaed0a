"""The places of a network's buffers on the GPU for batches of so many rows, as the integers that kernels read."""

from __future__ import annotations

import numpy as np

from numbann.components.component import Configured
from numbann.cuda.engine.layout import Allocator, Layout, buffer_size
from numbann.cuda.threads import op
from numbann.cuda.threads.batches import FROM_WORK, IN_ORDER, SHUFFLED
from numbann.network.chain import ROW, Activation, Drop, Layer, Norm, Step
from numbann.network.plan import Plan

DRAWS = 1 << 24  # a draw is one of so many integers
COLUMNS = {"h": op.H, "z": op.Z, "a": op.A, "out": op.Y}  # of the chain's values


class Places:
    """The head and each layer's row of numbann.cuda.threads.op.

    training: rows come in an epoch's order.  gathers: those of a batch are copied to a buffer first.
    """

    def __init__(self, plan: Plan, rows: int, training: bool, gathers: bool) -> None:
        self.plan, self.batch, self.training, self.gathers = plan, rows, training, gathers
        self.layout, self.work, self.chains = Layout(plan), Allocator(), plan.chains(training)
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

    def store_parameters(self, configured: Configured) -> int:
        """A place for a component's parameters."""
        return self.work.store(np.array([*configured.values.values(), 0], self.plan.dtype))

    def source(self, k: int) -> int:
        """Where a layer finds its rows."""
        if k > 0 or self.gathers:
            return FROM_WORK
        return SHUFFLED if self.training else IN_ORDER

    def _set_row(self, k: int) -> None:
        """A layer's sizes, its weights and its buffers."""
        layer, chain, part = self.plan.layers[k], self.chains[k], 0 if self.training else self.layout.predicting
        shift = part * self.layout.stride
        buffers = {name: self._allocate_buffer(layer) for name in dict.fromkeys(step.writes for step in chain.steps)}
        gathered = self.work.take(self.batch * layer.inputs) if k == 0 and self.gathers else 0
        values = {COLUMNS[value]: buffers[chain.buffers[value]] for value in COLUMNS}
        activation, norm = chain.step(Activation), chain.step(Norm)
        self.set_row(
            k,
            X=int(self.rows[k - 1, op.Y]) if k else gathered,
            INPUTS=layer.inputs,
            OUTPUTS=layer.outputs,
            W=self.layout.weights[k] + shift,
            NORM_VECTORS=self._find_vectors(norm or activation, shift),
            VECTORS=self._find_vectors(activation, shift),
            STATISTICS=self.layout.statistics[norm.statistics[0].name] if norm and norm.statistics else 0,
            FACTORS=self.work.take(max(self.batch, layer.outputs)) if norm else 0,
            PARAMETERS=self.store_parameters(activation.configured) if activation else 0,
        )
        self.rows[k, list(values)] = list(values.values())
        if self.training:
            self._set_row_back(k)
        else:
            self.set_row(k, DY=self._allocate_buffer(layer) if k + 1 == len(self.plan.layers) else 0)

    def _allocate_buffer(self, layer: Layer) -> int:
        """A place for a buffer of a layer."""
        return self.work.take(buffer_size(layer, self.batch))

    def _find_vectors(self, step: Step | None, shift: int) -> int:
        """Where the vectors of a step begin."""
        return self.layout.trained[step.vectors[0].name] + shift if step and step.vectors else 0

    def _set_row_back(self, k: int) -> None:
        """The buffers of the way back; a kernel for whole rows does not work in place."""
        layer, chain = self.plan.layers[k], self.chains[k]
        activation, norm, drop = chain.step(Activation), chain.step(Norm), chain.step(Drop)
        d, count = self._allocate_buffer(layer), buffer_size(layer, self.batch)
        slopes = self.work.take(count * len(layer.vectors))
        self.set_row(
            k,
            D=d,
            DY=self._allocate_buffer(layer) if activation and activation.scope == ROW else d,
            SKIP=self._allocate_buffer(layer) if chain.skips else 0,
            NORM_SLOPES=slopes,
            SLOPES=slopes + (len(norm.vectors) * count if norm else 0),
            SLOPES_STRIDE=count,
            KEY=2 * k,
            DROPOUT=self.work.store(np.array([drop.scale, drop.shift, drop.dropped])) if drop else 0,
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
