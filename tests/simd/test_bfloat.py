"""Products of bfloat16 bit for bit: the processor's instruction, the way without it, and NumPy."""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import c_ssize_t, c_void_p
from typing import Any

import bfloat_twin as twin
import numpy as np
import pytest
from multiply_bfloats import RANGES, digest, multiplied, numbers, operands, paired
from numba import types
from processes import NARROW, run

from numbann.engine.shared.alignment import aligned
from numbann.simd import bfloat
from numbann.simd.compiler import compiled
from numbann.simd.jit import takes
from numbann.simd.machine import WIDE
from numbann.simd.objects import has_features, load
from numbann.simd.tile import transpose_block

CASES = int(os.environ.get("NUMBANN_BFLOAT_CASES", "2"))
BEFORE = {"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl"}


@pytest.mark.parametrize("by_depth", [False, True])
@pytest.mark.parametrize("name", RANGES)
def test_products_are_those_of_numpy(name: str, by_depth: bool) -> None:
    for seed in range(CASES):
        init, a, b = operands(name, seed)
        assert digest(multiplied(init, a, b, by_depth)) == digest(twin.product(init, a, b))


@pytest.mark.parametrize("processor", [NARROW, *([BEFORE] if WIDE else [])], ids=lambda one: one["NUMBA_CPU_NAME"])
def test_processors_without_the_instruction_compute_the_same_bits(processor: dict[str, str]) -> None:
    found = run("multiply_bfloats.py", **processor)
    assert not found.pop("native")
    expected = {name: digest(twin.product(*operands(name, seed=0))) for name in RANGES}
    for name in RANGES:
        words = twin.rounded(numbers(name, 6, 48))
        expected[f"{name}, rounded"] = digest(twin.pairs(words[::2], words[1::2]))
    assert found == expected


INT, FLOATS, PAIRS = types.intp, types.CPointer(types.float32), types.CPointer(types.int32)


@takes(types.void(FLOATS, FLOATS, INT, INT, PAIRS, INT, PAIRS))
def round_two(even, odd, count, odd_count, rounded, rounded_row, paired):
    bfloat.round_values(even, odd, count, odd_count, rounded, rounded_row, paired)


@takes(types.void(PAIRS, INT, PAIRS, INT, INT))
def turn(a, a_row, c, c_row, columns):
    transpose_block(a, a_row, c, c_row, columns)


@functools.cache
def callable_of(function: Any, *given: Any) -> Any:
    """A compiled function for Python."""
    return ctypes.CFUNCTYPE(None, *given)(load(compiled(function, "float32")))


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("counts", [(32, 32), (32, 0), (7, 7), (17, 17), (16, 16)], ids=str)
def test_values_are_rounded_twice(name: str, counts: tuple[int, int]) -> None:
    """The pairs of two rows and those of their columns; numbers that are not there are zeros."""
    given = (c_void_p, c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t, c_void_p)
    run_kernel = callable_of(round_two, *given)
    x, rounded, columns = numbers(name, 2, 32), aligned((2, 20), "int32"), aligned(32, "int32")
    run_kernel(x.ctypes.data, x[1:].ctypes.data, *counts, rounded.ctypes.data, 20, columns.ctypes.data)
    expected = np.where(np.arange(32) < np.array(counts)[:, None], twin.rounded(x), 0)
    np.testing.assert_array_equal(rounded[:, :16], twin.pairs(expected[:, ::2], expected[:, 1::2]))
    np.testing.assert_array_equal(columns, twin.pairs(*expected))
    assert (rounded[:, 16:] == 0).all()


def test_weights_are_rounded_by_pairs_of_rows() -> None:
    w = numbers("wide", 6, 48)
    found = twin.rounded(w)
    np.testing.assert_array_equal(paired(w), twin.pairs(found[::2], found[1::2]))


@pytest.mark.parametrize("columns", [16, 32])
def test_pairs_are_turned(columns: int) -> None:
    """From the pairs of rows of w (32, 16) to those of columns; no more columns of w' are written than there are."""
    w = np.random.default_rng(0).integers(0, 1 << 16, (32, 16), np.uint16)
    a, c = aligned((16, 20), "int32"), aligned((8, 40), "int32")
    a[:, :16], c[:] = twin.pairs(w[::2], w[1::2]), 7
    run_kernel = callable_of(turn, c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
    run_kernel(a.ctypes.data, 20, c.ctypes.data, 40, columns)
    np.testing.assert_array_equal(c[:, :columns], twin.pairs(w.T[::2], w.T[1::2])[:, :columns])
    assert (c[:, columns:] == 7).all()


def test_the_features_of_the_processor_are_known_without_numba() -> None:
    assert has_features("avx512f", "avx512bf16") == bfloat.NATIVE
    assert has_features("bf16") == bfloat.LONG
