"""What compiled mathematics calls in place of the functions of math, by precision: forms that LLVM vectorizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from numbann.simd import double_math, single_math, waves

WAVES = {math.sin: waves.sin, math.cos: waves.cos}
NAMES = ("exp", "expm1", "log", "log1p", "tanh", "erf", "erfc")
BINDINGS: Mapping[str, Mapping[Callable[..., Any], Any]] = {
    "float32": WAVES
    | {getattr(math, name): getattr(single_math, name) for name in (*NAMES, "exp2", "log2", "log10", "atan")},
    "float64": WAVES | {getattr(math, name): getattr(double_math, name) for name in NAMES},
}
