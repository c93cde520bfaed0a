"""From a plan to training and inference on a device.  It reads no spec and prints nothing."""

from __future__ import annotations

from numbann.engine.cpu.engine import Engine
from numbann.engine.devices import make_engine, require
from numbann.simd.jit import nothing_cached

__all__ = ["Engine", "make_engine", "nothing_cached", "require"]
