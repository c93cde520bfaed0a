"""A program: a user's own compiled functions, cached by numba, that reach kernels in several ways.

python cached_use.py NAME...: calls them and prints, as JSON, what each gave and how often it came from the cache
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from numbann import kernels
from numbann.kernels import huber

matmul = kernels.matmul
X = np.array([[1.0, -2.0], [3.0, 4.0]])


@numba.njit(cache=True)
def by_module(z: Any) -> Any:
    """By an attribute of the module, which nothing has used before."""
    return kernels.relu(z)


@numba.njit(cache=True)
def by_name(y: Any) -> Any:
    """By an imported name, with a parameter left out."""
    return huber(y, y + 3)[0]


@numba.njit(cache=True)
def by_global(a: Any) -> Any:
    """By a name of one's own, for a product, whose text is no generated module."""
    return matmul(a, a)


@numba.njit(cache=True)
def through_another(a: Any) -> Any:
    """Through another cached function."""
    return by_global(a) + 0.5


def made(function: Callable[..., Any]) -> Any:
    """By a closure."""

    @numba.njit(cache=True)
    def by_closure(z: Any) -> Any:
        return function(z, 0.125)

    return by_closure


if __name__ == "__main__":
    functions = {**globals(), "by_closure": made(kernels.leaky_relu)}
    called = {name: functions[name] for name in sys.argv[1:]}
    values = {name: np.asarray(function(X)).tolist() for name, function in called.items()}
    hits = {name: sum(function.stats.cache_hits.values()) for name, function in called.items()}
    print(json.dumps({"values": values, "hits": hits}))
