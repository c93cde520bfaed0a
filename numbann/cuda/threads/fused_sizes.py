"""The sizes of the kernel of a whole network: its products, the slices of their weights, and the shares of its threads.

It knows numbers only; the kernel is numbann.cuda.threads.fused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.cuda.threads.device import THREADS

WIDEST = 128  # inputs or units of a layer
ROWS = (4, 8)  # of a block; multiples of 4, of which a thread reads four at once
SLICE = {"float32": 66 * 66, "float64": 32 * 32}  # weights that lie in shared memory, about
PARTS = 16  # of the depth, at most


def rows_of_block(batch: int, processors: int) -> int:
    """As few rows as let every block have a multiprocessor of its own, if that can be."""
    return next((rows for rows in ROWS if -(-batch // rows) <= processors), ROWS[-1])


@dataclass(frozen=True)
class Shape:
    """What a kernel is made for: inputs and outputs of layers, rows of a block, slices of the first product (or 0)."""

    sizes: tuple[tuple[int, int], ...]
    rows: int
    slices: int
    dtype: str

    @property
    def number(self) -> Any:
        """The type of numbers."""
        return np.dtype(self.dtype).type

    @property
    def half(self) -> int:
        """Elements of a half of the tile: what a product reads, with a row of ones, or what it gives."""
        widths = [outputs for _, outputs in self.sizes] + ([] if self.slices else [self.sizes[0][0]])
        return (max(widths) + 1) * self.rows

    def products(self) -> tuple[list[Product], list[Product]]:
        """Those of the way forward that the kernel does, and those of the way back."""
        count, begin = len(self.sizes), int(self.slices > 0)
        ahead = [Product(self, k - begin, k, False) for k in range(begin, count)]
        return ahead, [Product(self, 2 * count - 2 - begin - k, k, True) for k in reversed(range(count - 1))]


@dataclass(frozen=True)
class Product:
    """The n-th product: (x, 1) times w and b of a layer, or d of the layer above times its w', for this one.

    It reads a half of the tile, and what it gives goes to the other half.
    """

    shape: Shape
    n: int
    layer: int
    back: bool

    @property
    def depth(self) -> int:
        """Elements of a sum."""
        return self.shape.sizes[self.layer + 1][1] if self.back else self.shape.sizes[self.layer][0] + 1

    @property
    def columns(self) -> int:
        """Columns of the product."""
        return self.shape.sizes[self.layer][1]

    @property
    def lanes(self) -> int:
        """Threads side by side for the columns, a power of two; the others do further parts of the depth."""
        return min(max(1 << (self.columns - 1).bit_length(), THREADS // PARTS), THREADS)

    @property
    def parts(self) -> int:
        """Parts of the depth."""
        return THREADS // self.lanes

    @property
    def columns_each(self) -> int:
        """Columns that a thread does."""
        return -(-self.columns // self.lanes)

    @property
    def stride(self) -> int:
        """Elements of a row of the weights in shared memory: an odd number, so that a column lies in all banks."""
        return self.columns | 1

    @property
    def source(self) -> int:
        """Where its half of the tile begins."""
        return self.n % 2 * self.shape.half

    @property
    def target(self) -> int:
        """Where the other half begins."""
        return self.shape.half - self.source

    def slices(self) -> list[Slice]:
        """The slices of its depth."""
        most = SLICE[self.shape.dtype] // self.stride
        length = self.depth if self.depth <= most else max(most // self.parts, 1) * self.parts
        return [Slice(self, start, min(length, self.depth - start)) for start in range(0, self.depth, length)]


@dataclass(frozen=True)
class Slice:
    """A slice of a product's depth, whose weights lie in shared memory together."""

    product: Product
    start: int
    length: int

    @property
    def size(self) -> int:
        """Its weights."""
        return self.length * self.product.columns

    @property
    def loads(self) -> int:
        """Those that a thread loads."""
        return -(-self.size // THREADS)
