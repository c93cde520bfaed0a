"""Products by cuBLAS: the order of arguments against a column-major twin, and what is said where it is broken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from column_major import Math, stand_in

from numbann.cuda.threads import cublas, device
from numbann.cuda.threads.device import SIMULATED
from numbann.errors import DeviceError

simulated = pytest.mark.skipif(not SIMULATED, reason="needs the simulator, whose arrays are NumPy's")


@simulated
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False)])
def test_products_of_row_major_matrices(
    transposed: tuple[bool, bool], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = stand_in(monkeypatch)
    m, n, k = 2, 3, 5  # all of them different, so that a wrong length or order shows
    random = np.random.default_rng(0)
    left, right = (random.integers(-9, 9, shape).astype(dtype) for shape in ((m, k), (k, n)))
    lies = left.T.copy() if transposed[0] else left, right.T.copy() if transposed[1] else right
    out = np.full((m + 1, n), np.nan, dtype)
    addresses = [array.ctypes.data for array in (out, *lies)]
    cublas.multiply(cublas.handle(), dtype, *addresses, (m, n, k), transposed, stream=5, workspace=64)
    np.testing.assert_array_equal(out[:m], left @ right)
    assert np.isnan(out[m]).all()
    assert (twin.modes, twin.streams, twin.workspaces) == ([Math.DEFAULT_MATH], [5], [(64, cublas.WORKSPACE)])


def test_what_is_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublas, "is_installed", lambda: True)
    sizes = (256, 1024, 784), (784, 1024, 256), (128, 256, 784), (256, 10, 1024), (4096, 4096, 64)
    assert [cublas.pays(size) for size in sizes] == [True, True, False, False, False]
    monkeypatch.setattr(cublas, "is_installed", lambda: False)
    assert not cublas.pays(sizes[0])


def test_a_broken_installation_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def bindings() -> Any:
        raise ImportError("no libcublas.so.13")

    monkeypatch.setattr(cublas, "_bindings", bindings)
    monkeypatch.setattr(device, "index", lambda: 99)
    with pytest.raises(DeviceError, match=r"does not work: pip install .*, or uninstall nvmath-python .*no libcublas"):
        cublas.handle()
