"""What is said where numba-cuda, a driver or a GPU is missing."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from numbann.errors import DeviceError


def test_without_numba_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numbann.cuda.threads.device", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r'needs the package numba-cuda: pip install "numbann\[cuda\]"'):
        importlib.import_module("numbann.cuda.threads.device")


def test_without_a_gpu() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.threads import device
    from numbann.kernels import cuda as kernels

    if device.cuda.is_available():
        pytest.skip("there is a GPU, or its simulator")
    for call in (device.require, lambda: kernels.relu(np.zeros(3))):
        with pytest.raises(DeviceError, match=r"^cuda: no NVIDIA (driver that works|GPU) was found; "):
            call()


def test_a_driver_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.threads import device

    said = "Call to cuInit results in CUDA_ERROR_NO_DEVICE (<CUresult.CUDA_ERROR_NO_DEVICE: 100>)"
    card = SimpleNamespace(is_available=lambda: False, cuda_error=lambda: said)
    monkeypatch.setattr(device, "SIMULATED", False)
    monkeypatch.setattr(device, "cuda", card)
    assert device.describe_fault() == "no NVIDIA GPU was found; nvidia-smi lists those there are"
