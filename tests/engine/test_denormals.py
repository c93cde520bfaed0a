"""Denormal numbers count as zero inside the engine, and the caller's arithmetic stays as it was."""

from __future__ import annotations

import ctypes

import numpy as np
from networks import make_plan, set_weights

from numbann.engine.cpu import call_words
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.team import DRIVER
from numbann.engine.shared.alignment import aligned
from numbann.simd.objects import address

TINY = np.array([1e-40], np.float32)


def keeps_denormals() -> bool:
    """Whether this thread computes with denormal numbers."""
    return bool((TINY * np.float32(0.5) > 0).all())


def test_they_are_zero_inside() -> None:
    with Engine(make_plan([2, 2], dtype="float32"), 1) as engine:
        x = np.ones((3, 2), np.float32)
        set_weights(engine, [(np.full((2, 2), TINY[0]), np.zeros(2))])
        np.testing.assert_array_equal(engine.predict(x), np.zeros((3, 2)))
        set_weights(engine, [(np.full((2, 2), np.float32(1e-30)), np.zeros(2))])
        np.testing.assert_allclose(engine.predict(x), np.full((3, 2), 2e-30), rtol=1e-6)
    assert keeps_denormals()


def test_they_are_back_after_a_call() -> None:
    """The driver runs on this very thread here, over no steps."""
    drive = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t)(address(DRIVER.drive))
    call = aligned(call_words.CALL_WIDTH, "int64")
    call[call_words.THREADS] = 1
    drive(call.ctypes.data, 0)
    assert keeps_denormals()
