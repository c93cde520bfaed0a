"""The sizes of the kernel of a whole network (fused.py): its products, the slices of weights, the shares of threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from numbann.cuda.threads.device import THREADS
from numbann.records import dataclass

WIDEST = 128  # inputs or units of a layer, at most
ROWS = (4, 8)  # rows of a block; multiples of 4, since a thread reads four at once
SLICE = {"float32": 66 * 66, "float64": 32 * 32}  # weights in shared memory at once, about
PARTS = 16  # threads that share a column, at most


def rows_of_block(batch: int, processors: int) -> int:
    """The smaller number of rows if then every block has a multiprocessor of its own, else the larger one."""
    return next((rows for rows in ROWS if -(-batch // rows) <= processors), ROWS[-1])


@dataclass(frozen=True)
class Shape:
    """What a kernel is made for.

    sizes: each layer's inputs and outputs; rows: of a block; slices: those that a launch before has cut the first
    product into, 0 if the kernel computes it.
    """

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
        """Elements of a half of the tile.  A product reads one half, with its row of ones, and writes the other."""
        widths = [outputs for _, outputs in self.sizes] + ([] if self.slices else [self.sizes[0][0]])
        return (max(widths) + 1) * self.rows

    def products(self) -> tuple[list[Product], list[Product]]:
        """The kernel's products on the way forward, and those on the way back, in their order."""
        count, begin = len(self.sizes), int(self.slices > 0)
        ahead = [Product(self, k - begin, k, False) for k in range(begin, count)]
        return ahead, [Product(self, 2 * count - 2 - begin - k, k, True) for k in reversed(range(count - 1))]


@dataclass(frozen=True)
class Product:
    """The n-th product of the kernel: forward (x, 1) times w and b of a layer, back d w' of the layer above it."""

    shape: Shape
    n: int
    layer: int
    back: bool

    @property
    def depth(self) -> int:
        """Products that a sum adds."""
        return self.shape.sizes[self.layer + 1][1] if self.back else self.shape.sizes[self.layer][0] + 1

    @property
    def columns(self) -> int:
        """Columns of the product."""
        return self.shape.sizes[self.layer][1]

    @property
    def lanes(self) -> int:
        """Threads side by side, one for each column, a power of two; if threads are left, they share the depth."""
        return min(max(1 << (self.columns - 1).bit_length(), THREADS // PARTS), THREADS)

    @property
    def parts(self) -> int:
        """Threads that share a column; each computes a part of the depth."""
        return THREADS // self.lanes

    @property
    def columns_each(self) -> int:
        """Columns of a thread."""
        return -(-self.columns // self.lanes)

    @property
    def stride(self) -> int:
        """Elements of a row of the weights in shared memory.

        It is odd: on the way back neighbouring threads store down a column, which then goes through all banks.
        """
        return self.columns | 1

    @property
    def source(self) -> int:
        """Where the half of the tile that it reads begins."""
        return self.n % 2 * self.shape.half

    @property
    def target(self) -> int:
        """Where the half of the tile that it writes begins."""
        return self.shape.half - self.source

    def slices(self) -> list[Slice]:
        """The slices of the depth whose weights fit in shared memory; all but the last have full shares of threads."""
        most = SLICE[self.shape.dtype] // self.stride
        length = self.depth if self.depth <= most else max(most // self.parts, 1) * self.parts
        return [Slice(self, start, min(length, self.depth - start)) for start in range(0, self.depth, length)]


@dataclass(frozen=True)
class Slice:
    """A slice of a product's depth: `length` rows of weights, from `start` on, that lie in shared memory together."""

    product: Product
    start: int
    length: int

    @property
    def size(self) -> int:
        """The number of its weights."""
        return self.length * self.product.columns

    @property
    def loads(self) -> int:
        """The weights that a thread loads."""
        return -(-self.size // THREADS)
