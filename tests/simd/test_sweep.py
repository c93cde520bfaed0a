"""Matrix sweeps against NumPy: every width, both directions, heights that are no multiple of anything."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np
import pytest

from numbann.engine.cpu.operands import sweeps
from numbann.engine.shared.alignment import aligned
from numbann.simd import sweep
from numbann.simd.named import sweep_name
from numbann.simd.objects import Place, address, loaded
from numbann.simd.sizes import lanes_of

COUNT, POINTER = ctypes.c_ssize_t, ctypes.c_void_p
SWEEP = ctypes.CFUNCTYPE(None, POINTER, POINTER, POINTER, COUNT, POINTER, COUNT, POINTER, COUNT, COUNT, COUNT)
AHEAD = ctypes.CFUNCTYPE(None, *SWEEP._argtypes_, *[POINTER] * 3)
PART = ctypes.CFUNCTYPE(None, *SWEEP._argtypes_, COUNT)
HEIGHTS = (1, 2, 3, 5, 6, 7, 12, 13, 16, 29)
DEPTHS = (1, 2, 7, 33)
FAMILIES = {"rows": (sweep.HALF_ROWS, sweep.ROWS), "depth": (sweep.HALF_DEPTH, sweep.DEPTH)}
CASES = [
    pytest.param(family, halves, dtype, id=f"{sweep_name(family, halves)}-{dtype}")
    for family, halves, dtype in itertools.product(FAMILIES, range(1, 9), ("float32", "float64"))
]


def kernel(function: Any, dtype: str) -> Any:
    """A sweep as a function of addresses and counts."""
    return SWEEP(address(Place(sweep.__name__, function.__name__), dtype))


def random(dtype: str, *shape: int) -> np.ndarray:
    """Small whole numbers, whose products and sums are exact in every order."""
    array = aligned(shape, dtype)
    array[:] = np.random.default_rng(sum(shape)).integers(-8, 9, shape)
    return array


@pytest.mark.parametrize(("family", "halves", "dtype"), CASES)
def test_products(family: str, halves: int, dtype: str) -> None:
    """c = init + a b, where a's rows (or depths) are found through a table, in any order; padding is 0."""
    vectors, full = (halves + 1) // 2, halves * lanes_of(dtype) // 2
    run, width = kernel(FAMILIES[family][halves % 2 == 0][vectors - 1], dtype), vectors * lanes_of(dtype)
    for rows, depth in itertools.product(HEIGHTS, DEPTHS):
        by_depth = family == "depth"
        stored = random(dtype, 40, depth if not by_depth else rows + 3)
        order = np.random.default_rng(rows).permutation(40)[: depth if by_depth else rows]
        table = order.astype(np.int64) * stored.shape[1]
        a = stored[order][:, :rows].T if by_depth else stored[order]
        b, init = random(dtype, depth, width + 8), random(dtype, rows, width)
        c = aligned((rows + 1, width + 4), dtype)
        c[:] = 7
        run(
            stored.ctypes.data,
            table.ctypes.data,
            b.ctypes.data,
            b.shape[1],
            init.ctypes.data,
            width,
            c.ctypes.data,
            c.shape[1],
            rows,
            depth,
        )
        np.testing.assert_array_equal(c[:rows, :full], (init + a @ b[:, :width])[:, :full])
        assert not c[:rows, full:width].any()
        assert (c[rows] == 7).all(), "it wrote below the last row"
        assert (c[:, width:] == 7).all(), "it wrote beside the last column"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", sweep.PARTS, ids=lambda function: function.__name__)
def test_parts_of_a_vector(function: Any, dtype: str) -> None:
    """c = init + a b in the first columns of a vector; nothing is read behind the arrays or written beside c."""
    run = PART(address(Place(sweep.__name__, function.__name__), dtype))
    by_depth, most = function in sweep.PARTS[2:], lanes_of(dtype) * int(function.__name__[-1]) // 2
    for rows, depth, columns in itertools.product((1, 2, 7, 29), (1, 7), range(1, most + 1)):
        a, b, init = random(dtype, rows, depth), random(dtype, depth, columns), random(dtype, rows, columns)
        stored = np.ascontiguousarray(a.T) if by_depth else a
        table = np.arange(len(stored), dtype=np.int64) * stored.shape[1]
        c = np.full((rows + 1, columns + 1), 7, dtype)
        at = [array.ctypes.data for array in (stored, table, b, init, c)]
        run(*at[:3], columns, at[3], columns, at[4], columns + 1, rows, depth, columns)
        np.testing.assert_array_equal(c[:rows, :columns], init + a @ b)
        assert (c[rows] == 7).all(), "it wrote below the last row"
        assert (c[:, columns] == 7).all(), "it wrote beside the last column"


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_look_ahead_changes_no_bit(dtype: str) -> None:
    """Nor does it matter what there is to see."""
    pairs, floats = ("int32", "float32") if dtype == "bfloat16" else (dtype, dtype)
    width, generator = 4 * lanes_of(dtype), np.random.default_rng(0)
    at = [Place(sweep.__name__, name) for name in ("depth_4", "ahead_4")]
    plain, ahead = (run(address(place, dtype)) for run, place in zip((SWEEP, AHEAD), at, strict=True))
    nowhere = np.full(max(DEPTHS), 1 << 50, np.int64)
    for rows, depth in itertools.product(HEIGHTS, DEPTHS):
        a, b = aligned((depth, rows), pairs), aligned((depth, width), pairs)
        init, *found = (aligned((rows, width), floats) for _ in range(3))
        for array in (a, b, init):
            array[:] = generator.standard_normal(array.shape) * (1 << 27 if array.dtype == np.int32 else 1)
        table = np.arange(depth, dtype=np.int64) * rows
        given = [array.ctypes.data for array in (a, table, b, init)]
        for run, c, more in ((plain, found[0], ()), (ahead, found[1], (nowhere.ctypes.data,) * 3)):
            run(*given[:3], width, given[3], width, c.ctypes.data, width, rows, depth, *more)
        assert found[0].tobytes() == found[1].tobytes()
        assert found[0].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_height_has_the_same_bits(dtype: str) -> None:
    """A row's sum is one chain over the depth, whatever tile the row falls into."""
    width, depth = 4 * lanes_of(dtype), 50
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal(shape).astype(dtype) for shape in ((29, depth), (depth, width)))
    zero, table = np.zeros(width, dtype), np.arange(29, dtype=np.int64) * depth
    a_place, table_place, b_place, zero_place = (array.ctypes.data for array in (a, table, b, zero))
    run, found = kernel(sweep.ROWS[3], dtype), []
    for rows in (29, 1, 2, 7):
        c = np.empty((rows, width), dtype)
        run(a_place, table_place, b_place, width, zero_place, 0, c.ctypes.data, width, rows, depth)
        found.append(c)
    assert all(c.tobytes() == found[0][: len(c)].tobytes() for c in found)
    assert np.abs(found[0] - a @ b).max() < 1e-4


def test_only_the_widths_that_are_needed_are_compiled() -> None:
    names = {1: "half_1", 8: "half_1", 9: "1", 40: "half_3", 48: "3", 56: "half_4", 64: "4"}
    names |= {65: "half_1 4", 144: "1 4", 184: "4", 192: "4"}  # one of several panels that are as wide is whole
    for columns, found in names.items():
        expected = {int(name[-1]) - 1: f"rows_{name}" for name in found.split()}
        made = enumerate(sweeps("rows", "float32", columns))
        assert {place: loaded(int(one)).place[1] for place, one in made if one} == expected
