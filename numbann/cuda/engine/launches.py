"""The list of a step's launches: kernels with their grids, and products by cuBLAS.

A product by numbann's own kernel calls `finish` for its elements before it ends.  A product by cuBLAS stores its result
in a buffer, and a launch after it calls `finish`; so does one after a product that is cut into slices.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numbann.cuda.engine.places import Places
from numbann.cuda.threads import cublas, elements, lanes, op, products, tiling, updates
from numbann.cuda.threads.batches import ARENA, DATA, FROM_WORK, SHUFFLED, WORK
from numbann.cuda.threads.device import THREADS, blocks
from numbann.cuda.threads.tiling import Cut, Tile
from numbann.records import dataclass

Size = tuple[int, int, int]  # of a product: rows, columns and depth


@dataclass(frozen=True)
class Launch:
    """A kernel, its grid of blocks, the threads of a block, and its layer."""

    kernel: Any
    grid: tuple[int, ...]
    threads: int
    layer: int


@dataclass(frozen=True)
class Product:
    """A product by cuBLAS, out = left right.

    out, left, right: an array, and the place in it.  size: rows, columns and depth; rows: which of them is the number
    of rows in the batch, since the last batch has fewer.  transposed: as in cublas.multiply.
    """

    out: tuple[int, int]
    left: tuple[int, int]
    right: tuple[int, int]
    size: Size
    rows: int
    transposed: tuple[bool, bool] = (False, False)


class Launches:
    """The launches of a step in their order, over the buffers of its places."""

    def __init__(self, places: Places, processors: int) -> None:
        self.places, self.processors, self.dtype = places, processors, places.plan.dtype
        self.all: list[Launch | Product] = []
        self._parts = [0] * len(places.plan.layers)  # elements of the largest parts of each layer's cut products

    def add(self, kernel: Any, grid: tuple[int, ...], threads: int, layer: int) -> None:
        """Add a kernel for a layer."""
        self.all.append(Launch(kernel, grid, threads, layer))

    def reserve_parts(self) -> None:
        """Reserve memory for the parts of cut products, once all launches are added.

        The products of a layer follow one another, so they share it.
        """
        for k, count in enumerate(self._parts):
            self.places.set_row(k, PARTS=self.places.work.take(count))

    # ---- over elements and rows

    def add_elements(self, k: int, column: int, finish: Any) -> None:
        """Add the kernel that calls `finish` for the elements of a buffer; column: of the layer's row, naming it."""
        grid = blocks(self.places.batch, 1), -(-int(self.places.rows[k, op.OUTPUTS]) // THREADS)
        self.add(elements.run_over_elements(column, finish), grid, THREADS, k)

    def add_rows(self, k: int, kernel: Any, width: int = lanes.COUNT) -> None:
        """Add a kernel in which `width` threads, at most a warp, compute a row."""
        threads = min(THREADS, 4 * lanes.COUNT)  # small blocks, which spread few rows over many multiprocessors
        self.add(kernel, (blocks(self.places.batch * min(width, lanes.COUNT), threads), 1), threads, k)

    def add_norm(self, k: int, kernel: Any, rows: bool) -> None:
        """Add a norm's kernel, with a block for each row or each column."""
        self.add(kernel, (self.places.batch if rows else self.places.plan.layers[k].outputs, 1), THREADS, k)

    def add_gather(self) -> None:
        """Add the kernel that copies the rows of a batch."""
        self.add(elements.gather, (self.places.batch, 1), THREADS, 0)

    # ---- products

    def add_product(self, k: int, finish: Any) -> None:
        """Add h = x w + b."""
        layer, row = self.places.plan.layers[k], self.places.rows[k]
        size = self.places.batch, layer.outputs, layer.inputs
        if cublas.pays(size):
            left = (WORK if self.places.source(k) == FROM_WORK else DATA), int(row[op.X])
            h, w = (WORK, int(row[op.H])), (ARENA, int(row[op.W]))
            self.all.append(Product(h, left, w, size, rows=0))
            self.add_elements(k, op.H, elements.pipe_pair(elements.add_bias, finish))
            return
        self._add_tiled(functools.partial(products.forward, source=self.places.source(k)), finish, size, k)

    def add_first_slices(self) -> int:
        """Add the first layer's product in slices, which the fused kernel adds up; returns their number."""
        layer = self.places.plan.layers[0]
        size = self.places.batch, layer.outputs, layer.inputs
        tile, cut = tiling.divide(*size, self.processors, launch=0)
        assert cut is not None
        self._add_slices(products.forward(None, self.dtype, tile, SHUFFLED, cut), tile, cut, size, 0)
        return cut.slices

    def add_delta(self, k: int, finish: Any) -> None:
        """Add d w', with d and w of the layer above."""
        row, above = self.places.rows[k], self.places.plan.layers[k + 1].outputs
        size = self.places.batch, self.places.plan.layers[k].outputs, above
        if cublas.pays(size):
            d, w = (WORK, int(row[op.NEXT_D])), (ARENA, int(row[op.NEXT_W]))
            product = Product((WORK, int(row[op.D])), d, w, size, rows=0, transposed=(False, True))
            self.all.append(product)
            self.add_elements(k, op.D, finish)
            return
        self._add_tiled(products.delta, finish, size, k)

    def add_gradient(self, k: int, finish: Any, update: updates.RowUpdate | None) -> None:
        """Add the gradient x' d to w and b."""
        layer = self.places.plan.layers[k]
        make = functools.partial(products.gradient, source=self.places.source(k), update=update)
        self._add_tiled(make, finish, (layer.inputs + 1, layer.outputs, self.places.batch), k, of_weights=True)

    def add_gradients(self, finish: Any, update: updates.RowUpdate | None) -> None:
        """Add the launch of all layers' gradients, and if they are cut, the one that sums their parts."""
        layers, dtype = self.places.plan.layers, self.dtype
        size = max(layer.inputs for layer in layers) + 1, max(layer.outputs for layer in layers), self.places.batch
        tile, cut = tiling.divide(*size, self.processors, len(layers))
        if cut is None:
            grid = *tile.blocks(*size[:2]), len(layers)
            self.add(products.gradients(finish, dtype, tile, update=update), grid, tile.threads, 0)
            return
        self._add_slices(products.gradients(None, dtype, tile, cut), tile, cut, size, 0, len(layers))
        added = products.sum_parts(finish, dtype, cut, True)
        self.add(added, (blocks(size[0] * size[1]), len(layers)), THREADS, 0)

    def add_cublas_gradient(self, k: int) -> None:
        """Add the gradient by cuBLAS, which stores that to w, and the kernel that stores that to b."""
        layer, row = self.places.plan.layers[k], self.places.rows[k]
        out = WORK, int(self.places.head[op.GRADIENT]) + self.places.layout.weights[k]
        size, left, right = (
            (layer.inputs, layer.outputs, self.places.batch),
            (WORK, int(row[op.X])),
            (WORK, int(row[op.D])),
        )
        self.all.append(Product(out, left, right, size, rows=2, transposed=(True, False)))
        kernel = updates.update_biases(updates.store_gradient, self.dtype)
        self.add(kernel, (-(-layer.outputs // updates.SUM_COLUMNS), 1), THREADS, k)

    def _add_tiled(self, make: Callable[..., Any], finish: Any, size: Size, k: int, of_weights: bool = False) -> None:
        """Add a product by numbann's own kernel, and if its depth is cut, the launch that sums its parts."""
        tile, cut = tiling.divide(*size, self.processors)
        if cut is None:
            self.add(make(finish, self.dtype, tile), tile.blocks(*size[:2]), tile.threads, k)
            return
        self._add_slices(make(None, self.dtype, tile, cut=cut), tile, cut, size, k)
        added = products.sum_parts(finish, self.dtype, cut, of_weights)
        self.add(added, (blocks(size[0] * size[1]), 1), THREADS, k)

    def _add_slices(self, kernel: Any, tile: Tile, cut: Cut, size: Size, k: int, layers: int = 1) -> None:
        """Add the slices of a product, or of the products of several layers, and note the memory for their parts."""
        for layer in range(k, k + layers):
            self._parts[layer] = max(self._parts[layer], cut.slices * size[0] * size[1])
        self.add(kernel, (*tile.blocks(*size[:2]), cut.slices * layers), tile.threads, k)
