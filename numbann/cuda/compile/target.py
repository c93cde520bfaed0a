"""What the mathematics of components becomes for a GPU: functions of numba-cuda, rows that a warp does together."""

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
