"""What kernels draw on a GPU or in its simulator is what they draw on the CPU; sums of rows are sums."""

from __future__ import annotations

import numba
import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numbann.cuda.threads import lanes, rows
from numbann.cuda.threads.device import SIMULATED, cuda, kernel, launcher
from numbann.cuda.threads.noise import noise, row_key
from numbann.simd import noise as on_cpu

pytestmark = [
    pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy in the simulator: integers that wrap around
]


@kernel
def _draw(key, first, drawn):
    for r in range(drawn.shape[0]):
        low, high = row_key(key, first + r)
        for c in range(drawn.shape[1]):
            drawn[r, c] = noise(low, high, c)


@numba.njit
def _draw_on_cpu(key, first, drawn):
    for r in range(drawn.shape[0]):
        low, high = on_cpu.row_key(key, first + r)
        for c in range(drawn.shape[1]):
            drawn[r, c] = on_cpu.noise(low, high, c)


@kernel
def _reduce(x, y, found):
    lane = lanes.index()
    found[lane, 0], found[lane, 1], found[lane, 2] = rows.row_max(x), rows.row_sum(x), rows.row_dot(x, y)


def test_draws_have_the_bits_of_the_cpu() -> None:
    key, first, drawn = 0x1234_5678_9ABC_DEF1, 40_000_000, cuda.device_array((3, 5), np.int32)
    launcher(_draw, 1, 1)(key, first, drawn)
    expected = np.empty((3, 5), np.int32)
    _draw_on_cpu(key, first, expected)
    np.testing.assert_array_equal(drawn.copy_to_host(), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows(dtype: str) -> None:
    count = 2 * lanes.COUNT + 1
    x, y = (np.random.default_rng(k).normal(0, 1, count).astype(dtype) for k in range(2))
    found = cuda.device_array((lanes.COUNT, 3), dtype)
    launcher(_reduce, 1, lanes.COUNT)(cuda.to_device(x), cuda.to_device(y), found)
    got = found.copy_to_host()
    np.testing.assert_allclose(got[0], [x.max(), x.sum(), x @ y], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(got, np.broadcast_to(got[0], got.shape))
