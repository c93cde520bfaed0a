"""The CUDA target of the compiler of components: its functions of `math`, and rows that a warp computes together."""

from __future__ import annotations

import math

from numbann.compile.precision import Target
from numbann.cuda.compile.lanes import divide

CIRCULAR = {function: f"trigonometry.{function.__name__}" for function in (math.sin, math.cos, math.tan)}
CUDA = Target(
    "inner",
    "numbann.cuda.threads",
    "from numbann.cuda.threads.mathematics import math",
    {"float32": CIRCULAR},
    divide=divide,
)
