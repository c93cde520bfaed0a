"""Matrix products as kernels over ordinary arrays, flat and C-ordered, for numbann.kernels.cuda.

They are built of the same tiles as a network's products.  Large products go to cuBLAS if it is installed (cublas.py).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads import cublas, device
from numbann.cuda.threads.batches import ARENA, FROM_WORK, WORK
from numbann.cuda.threads.device import SIMULATED, THREADS, blocks, cuda, inner, kernel, kernel_of, launcher, processors
from numbann.cuda.threads.tile import Factor, add_product, clear, emit_sums
from numbann.cuda.threads.tiling import Tile, choose_tile
from numbann.cuda.threads.updates import SUM_COLUMNS, sum_column

SIMULATED_TILE = Tile(8, 8, 8, 2, 2)  # small, because in the simulator a thread is one of the operating system


@inner
def _store(right, left, out, ints, at, step, m, n, total):
    out[m * at[0] + n] = total


@inner
def _store_with_bias(right, left, out, ints, at, step, m, n, total):
    out[m * at[0] + n] = total + at[1][n]


@inner
def _store_with_sums(right, left, out, ints, at, step, m, n, total):
    """The product's last row, the sums of columns, goes to an array of its own."""
    if m < at[2]:
        out[m * at[0] + n] = total
    else:
        at[1][n] = total


@functools.cache
def _product(dtype: str, tile: Tile, along: tuple[bool, bool], finish: Any, ones: bool = False) -> Any:
    """Make the kernel of left right.  along: which has its rows along the depth; ones: left has a column of ones."""
    add_up = add_product(dtype, tile, Factor(WORK, along[0], FROM_WORK, ones), Factor(ARENA, along[1]))
    begin, finish_all = clear(dtype, tile), emit_sums(tile, finish)
    number, shape = np.dtype(dtype).type, (tile.down, tile.across)

    @kernel_of(tile.threads)
    def product(left, right, out, other, size, left_row, right_row):
        sums = cuda.local.array(shape, number)
        begin(right, (0, 0), 0, sums)
        add_up(right, left, out, (0, 0), 0, (0, left_row), (0, right_row), size, sums)
        finish_all(right, left, out, (0, 0), (size[1], other, size[0] - 1), 0, size, sums)

    return product


@kernel
def _add_bias(out, bias):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] += bias[i % bias.size]


@functools.cache
def _column_sums(dtype: str) -> Any:
    """Make the kernel of the sums of a matrix's columns."""
    sum_of = sum_column(dtype)

    @kernel
    def column_sums(matrix, rows, out):
        total, column = sum_of(matrix, 0, rows, out.size)
        if cuda.threadIdx.x < SUM_COLUMNS and column < out.size:
            out[column] = total

    return column_sums


def multiply(out: Any, left: Any, right: Any, bias: Any, size: tuple[int, int, int], stream: Any) -> None:
    """out (M, N) = left (M, K) right (K, N), plus bias (N,) unless it is None."""
    _, n, k = size
    if cublas.pays(size):
        _multiply_by_cublas(out, left, right, size, (False, False), stream)
        if bias is not None:
            launcher(_add_bias, blocks(out.size), THREADS, stream)(out, bias)
        return
    finish = _store if bias is None else _store_with_bias
    _launch((True, False), finish, (left, right, out, out if bias is None else bias, size, k, n), stream)


def multiply_by_transpose(out: Any, left: Any, right: Any, size: tuple[int, int, int], stream: Any) -> None:
    """out (M, N) = left (M, K) right', right (N, K)."""
    k = size[2]
    if cublas.pays(size):
        _multiply_by_cublas(out, left, right, size, (False, True), stream)
        return
    _launch((True, True), _store, (left, right, out, out, size, k, k), stream)


def multiply_transpose(out: Any, sums: Any, left: Any, right: Any, size: tuple[int, int, int], stream: Any) -> None:
    """out (M, N) = left' right, and sums (N,) = the sums of right's columns; left (K, M), right (K, N)."""
    m, n, k = size
    if cublas.pays(size):
        _multiply_by_cublas(out, left, right, size, (True, False), stream)
        sum_columns(sums, right, k, stream)
        return
    _launch((False, False), _store_with_sums, (left, right, out, sums, (m + 1, n, k), m, n), stream, ones=True)


def sum_columns(sums: Any, matrix: Any, rows: int, stream: Any) -> None:
    """sums (N,) = the sums of a matrix's columns; matrix (rows, N)."""
    launcher(_column_sums(sums.dtype.name), -(-sums.size // SUM_COLUMNS), THREADS, stream)(matrix, rows, sums)


def _launch(along: tuple[bool, bool], finish: Any, arguments: tuple[Any, ...], stream: Any, ones: bool = False) -> None:
    m, n, _ = arguments[4]
    tile = SIMULATED_TILE if SIMULATED else choose_tile(m, n, processors())
    run = _product(arguments[0].dtype.name, tile, along, finish, ones)
    launcher(run, tile.blocks(m, n), tile.threads, stream)(*arguments)


def _multiply_by_cublas(
    out: Any, left: Any, right: Any, size: tuple[int, int, int], transposed: tuple[bool, bool], stream: Any
) -> None:
    addresses = [device.address(array) for array in (out, left, right)]
    cublas.multiply(cublas.handle(), out.dtype.name, *addresses, size, transposed, device.stream_address(stream))
