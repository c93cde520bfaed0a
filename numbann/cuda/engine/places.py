"""The integers that tell kernels where a network's buffers are on the GPU, for a given number of rows in a batch."""

from __future__ import annotations

import numpy as np

from numbann.components.component import Configured
from numbann.cuda.engine.layout import Allocator, Layout, buffer_size
from numbann.cuda.threads import op
from numbann.cuda.threads.batches import FROM_WORK, IN_ORDER, SHUFFLED
from numbann.network.chain import Layer
from numbann.network.plan import Plan
from numbann.network.steps import Activation, Drop, Norm, Step
from numbann.network.steps.step import ROW

DRAWS = 1 << 24  # the number of values of a random draw
COLUMNS = {"h": op.H, "z": op.Z, "a": op.A, "out": op.Y}  # the columns of the chain's values


class Places:
    """The head and each layer's row, with the columns of numbann.cuda.threads.op.

    training: rows come in an epoch's order.  gathers: the rows of a batch are copied to a buffer first.
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
        """Set columns of the head."""
        for name, value in columns.items():
            self.head[getattr(op, name)] = value

    def set_row(self, k: int, **columns: int) -> None:
        """Set columns of a layer's row."""
        for name, value in columns.items():
            self.rows[k, getattr(op, name)] = value

    def store_parameters(self, configured: Configured) -> int:
        """Store a component's parameters in work; returns their place."""
        return self.work.store(np.array([*configured.values.values(), 0], self.plan.dtype))

    def source(self, k: int) -> int:
        """The source of a layer's inputs, as in batches.py."""
        if k > 0 or self.gathers:
            return FROM_WORK
        return SHUFFLED if self.training else IN_ORDER

    def _set_row(self, k: int) -> None:
        """Set a layer's sizes, weights and buffers."""
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
        """Allocate a buffer of a layer."""
        return self.work.take(buffer_size(layer, self.batch))

    def _find_vectors(self, step: Step | None, shift: int) -> int:
        """The place of a step's trained vectors, 0 if it has none."""
        return self.layout.trained[step.vectors[0].name] + shift if step and step.vectors else 0

    def _set_row_back(self, k: int) -> None:
        """Set the buffers of the way back.

        A kernel of whole rows reads da while it writes dz, so DY has a buffer apart from D there.
        """
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
        """Set what a layer's way back reads of the layer above."""
        above = self.rows[k + 1]
        self.set_row(
            k,
            NEXT_D=int(above[op.D]),
            NEXT_OUTPUTS=int(above[op.OUTPUTS]),
            NEXT_W=int(above[op.W]),
            NEXT_SKIP=int(above[op.SKIP]),
        )
