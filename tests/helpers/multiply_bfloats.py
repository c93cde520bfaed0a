"""A program: sums of products of bfloat16 and roundings, of numbers near and far, and prints their hashes as JSON."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
from ctypes import c_ssize_t, c_void_p
from typing import Any

import numpy as np
from numba import types

from numbann.engine.shared.alignment import aligned
from numbann.simd import bfloat, sweep
from numbann.simd.compiler import compiled
from numbann.simd.jit import takes
from numbann.simd.machine import flush_denormals, restore_denormals
from numbann.simd.named import rounding
from numbann.simd.objects import Place, address, function, load
from numbann.simd.pointer import call_sweep

# The exponents of factors and of what they are added to
RANGES = {
    "near": ((-3, 3), (-3, 3)),
    "wide": ((-40, 40), (-80, 80)),
    "tiny": ((-70, -58), (-127, -110)),
    "denormal": ((-127, -100), (-127, -100)),
    "huge": ((55, 66), (110, 127)),
    "any": ((-127, 128), (-127, 128)),
}
ROWS, DEPTH, COLUMNS = 17, 5, 64
SWEEP = ctypes.CFUNCTYPE(None, c_ssize_t, *[c_void_p] * 3, c_ssize_t, c_void_p, c_ssize_t, c_void_p, *[c_ssize_t] * 3)


def signature(dtype: Any) -> Any:
    """void (address, a, ...)."""
    return types.void(types.intp, *sweep.sweep_signature(dtype).args)


@takes(signature)
def flushed_sweep(address, a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    """A sweep as the driver runs it: denormal numbers are zeros."""
    state = flush_denormals()
    call_sweep(address, a, table, b, b_row, init, init_row, c, c_row, rows, depth)
    restore_denormals(state)


@functools.cache
def runner() -> Any:
    """The same as a function."""
    return SWEEP(load(compiled(flushed_sweep, "bfloat16")))


def bits(random: np.random.Generator, shape: tuple[int, ...], exponents: tuple[int, int], mantissa: int) -> np.ndarray:
    """Numbers of both signs as bits, with so many bits of mantissa."""
    low, high = exponents
    found = random.integers(0, 1 << mantissa, shape) | random.integers(low + 127, high + 128, shape) << mantissa
    return found | random.integers(0, 2, shape) << (mantissa + 8)


def operands(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is added to, and pairs of factors (ROWS, DEPTH) and (DEPTH, COLUMNS)."""
    random, (factors, sums) = np.random.default_rng(seed), RANGES[name]
    init = aligned((ROWS, COLUMNS), "float32")
    a, b = aligned((ROWS, DEPTH), "int32"), aligned((DEPTH, COLUMNS), "int32")
    init[:] = bits(random, init.shape, sums, 23).astype(np.uint32).view(np.float32)
    for each in (a, b):
        low, high = (bits(random, each.shape, factors, 7).astype(np.uint32) for _ in range(2))
        each[:] = (low | high << 16).view(np.int32)
    return init, a, b


def multiplied(init: np.ndarray, a: np.ndarray, b: np.ndarray, by_depth: bool = False) -> np.ndarray:
    """init + a b by a sweep."""
    c, table = aligned(init.shape, "float32"), np.arange(DEPTH if by_depth else ROWS, dtype=np.int64)
    stored = aligned(a.shape[::-1] if by_depth else a.shape, "int32")
    stored[:] = a.T if by_depth else a
    table *= stored.shape[1]
    place = address(Place(sweep.__name__, "depth_4" if by_depth else "rows_4"), "bfloat16")
    at = [each.ctypes.data for each in (stored, table, b, init, c)]
    runner()(place, *at[:3], COLUMNS, at[3], COLUMNS, at[4], COLUMNS, ROWS, DEPTH)
    return c


def numbers(name: str, *shape: int) -> np.ndarray:
    """Float32 of a range, with infinities, NaN, zeros and ties among them."""
    random, found = np.random.default_rng(0), aligned(shape, "float32")
    found[:] = bits(random, shape, RANGES[name][1], 23).astype(np.uint32).view(np.float32)
    odd = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 1e-40, 3.4e38]
    found.ravel()[:: found.size // len(odd)][: len(odd)] = odd
    return found


def paired(w: np.ndarray) -> np.ndarray:
    """The pairs of the rows of a panel, rounded."""
    pairs = aligned((len(w) // 2, w.shape[1]), "int32")
    given = (c_void_p, c_void_p, c_ssize_t, c_ssize_t)
    run = function(rounding.round_panel, None, *given)
    run(w.ctypes.data, pairs.ctypes.data, len(w) - 1, w.shape[1])  # the last row is the padding of the one before it
    return pairs


def digest(numbers: np.ndarray) -> str:
    """The hash of numbers, of which all NaN count as one."""
    return hashlib.sha256(np.where(np.isnan(numbers), np.float32(np.nan), numbers).tobytes()).hexdigest()


def main() -> None:
    """Print the hashes of the products, and whether the processor made them in one instruction."""
    found = {name: digest(multiplied(*operands(name, seed=0))) for name in RANGES}
    found |= {f"{name}, rounded": digest(paired(numbers(name, 6, 48))) for name in RANGES}
    print(json.dumps({"native": bfloat.NATIVE or bfloat.LONG, **found}))


if __name__ == "__main__":
    main()
