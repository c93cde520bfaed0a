"""What compiled mathematics calls in place of the functions of math, by precision: forms that LLVM vectorizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from numbann.simd.objects import Module, Place

single_math, double_math = Module("numbann.simd.single_math"), Module("numbann.simd.double_math")
waves = Module("numbann.simd.waves")
WAVES = {math.sin: waves.sin, math.cos: waves.cos}
NAMES = ("exp", "expm1", "log", "log1p", "tanh", "erf", "erfc")
BINDINGS: Mapping[str, Mapping[Callable[..., Any], Place]] = {
    "float32": WAVES
    | {getattr(math, name): getattr(single_math, name) for name in (*NAMES, "exp2", "log2", "log10", "atan")},
    "float64": WAVES | {getattr(math, name): getattr(double_math, name) for name in NAMES},
}
