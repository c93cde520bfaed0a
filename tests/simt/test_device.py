"""What is said where numba-cuda, a driver or a GPU is missing."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

from numbann.errors import DeviceError


def test_without_numba_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numbann.simt.device", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r'needs the package numba-cuda: pip install "numbann\[cuda\]"'):
        importlib.import_module("numbann.simt.device")


def test_without_a_gpu() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.kernels import cuda as kernels
    from numbann.simt import device

    if device.cuda.is_available():
        pytest.skip("there is a GPU, or its simulator")
    for call in (device.require, lambda: kernels.relu(np.zeros(3))):
        with pytest.raises(DeviceError, match=r"^cuda: no NVIDIA (driver that works|GPU) was found; "):
            call()
