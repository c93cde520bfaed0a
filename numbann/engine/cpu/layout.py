"""The layout of a plan's tensors in the CPU's memory: offsets and padding, counted in elements.

The weights of a layer, w (I, O), lie in panels of 4 vectors of columns, so that the tiles of a panel read them front to
back.  O is padded to whole vectors, so that no product needs scalar code, and I to as many rows as a vector has lanes,
since the delta product transposes square blocks.  All parameters share one arena, and each state of an optimizer is one
more arena with the same layout: state k of a weight is k strides away.  Statistics, which no optimizer updates, have an
array of their own.
"""

from __future__ import annotations

from typing import NamedTuple

from numbann.network.chain import Layer
from numbann.network.plan import ITEMSIZE, Plan
from numbann.network.steps import Vector
from numbann.records import dataclass
from numbann.simd.sizes import PANEL, lanes_of

# Addresses that are a multiple of some kilobytes apart fall into the same set of a cache, which holds a few lines only.
# An update reads a weight, its gradient and its states together: arenas are a multiple of PAGE and a little more apart
PAGE = 1024
APART = 272
ALIASING = 512  # rows of a multiple of this many elements get one vector more, or a column would lie in few sets


@dataclass(frozen=True)
class LayerLayout:
    """A layer's sizes with padding, the elements of a row of its buffers, and the place of its weights in the arena.

    width: how many numbers its activation makes of its outputs.  pairs: the place of its weights in bfloat16, of which
    a column has pairs_padded pairs.
    """

    inputs: int
    inputs_padded: int
    outputs: int
    columns: int
    width: int
    width_columns: int
    row: int
    panels: int
    weights: int
    pairs: int
    pairs_padded: int


class Place(NamedTuple):
    """The first element of a vector, and its size without padding."""

    start: int
    size: int


class Layout:
    """The places of a plan's tensors.

    vectors: those of trained vectors in the arena, biases too.  statistics: those of gathered vectors in their array.
    """

    def __init__(self, plan: Plan) -> None:
        self.lanes, self._itemsize = lanes_of(plan.dtype), ITEMSIZE[plan.dtype]
        self.vectors: dict[str, Place] = {}
        self.statistics: dict[str, Place] = {}
        self.layers: list[LayerLayout] = []
        self.arena = self.gathered = self.paired = 0
        for k, layer in enumerate(plan.layers):
            self._add(k, layer)

    def _add(self, k: int, layer: Layer) -> None:
        """Place a layer's tensors after those of the layers before it."""
        columns, inputs_padded = self.padded(layer.outputs), self.padded(layer.inputs)
        width_columns = self.padded(layer.width)
        longest = max(columns, width_columns)
        pairs_padded = self.padded((layer.inputs + 1) // 2)
        sizes = layer.inputs, inputs_padded, layer.outputs, columns, layer.width, width_columns
        places = self.arena, self.paired, pairs_padded
        self.layers.append(LayerLayout(*sizes, self.row(longest), self.panels(columns), *places))
        self.arena += inputs_padded * columns
        self.paired += pairs_padded * columns
        for vector in (Vector(f"layers.{k}.bias", layer.outputs, 0.0), *layer.vectors):
            self.vectors[vector.name] = Place(self.arena, vector.size)
            self.arena += self.padded(vector.size)
        for vector in layer.statistics:
            self.statistics[vector.name] = Place(self.gathered, vector.size)
            self.gathered += self.padded(vector.size)

    @property
    def stride(self) -> int:
        """Elements from one arena to the next."""
        return _multiple(self.arena, PAGE) + APART

    def padded(self, count: int) -> int:
        """A count rounded up to whole vectors."""
        return _multiple(count, self.lanes)

    def row(self, columns: int) -> int:
        """The elements from one row of padded columns to the next."""
        return columns + (self.lanes if columns % ALIASING == 0 else 0)

    def panels(self, columns: int) -> int:
        """The panels of so many columns."""
        return -(-columns // (PANEL * self.lanes))

    def weight_bytes(self, k: int) -> int:
        """The bytes of a layer's w."""
        return self.layers[k].inputs * self.layers[k].columns * self._itemsize


def _multiple(count: int, of: int) -> int:
    return -(-count // of) * of
