"""The functions of `math` for kernels: on a GPU the module itself, which numba-cuda binds to the CUDA library's.

In the simulator they are NumPy's.  Those return infinities where math raises, and keep the precision where math returns
float64.
"""

from __future__ import annotations

import math as python
from collections.abc import Callable
from typing import Any

import numpy as np

from numbann.cuda.threads.device import SIMULATED


class _Simulated:
    """NumPy's function of a name; if NumPy has none, Python's, in the precision of its first argument."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        exact = getattr(python, name)
        return getattr(np, name, None) or (lambda x, *others: type(x)(exact(x, *others)))


math: Any = _Simulated() if SIMULATED else python
