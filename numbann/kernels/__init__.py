"""Kernels for your own code: matmul, dense_forward, dense_backward, and array functions of every built-in component.

    from numbann import kernels
    z = kernels.dense_forward(x, w, b)
    a = kernels.relu(z)

Arrays are C-ordered, float32 or float64.  Every function takes `out=`, and can be called from Python and from @njit
code.  An activation NAME has NAME(z) and NAME_backward(da, z, a); a loss has NAME(y, t) -> mean value, dy; an optimizer
has NAME_step(w, g, states..., step), in place.  A state that only some settings need is a keyword argument, such as
`largest` of adam with amsgrad.
"""

from __future__ import annotations

import importlib
from typing import Any

from numbann.components.built_in import built_in
from numbann.engine.devices import DEVICES
from numbann.kernels.components import SUFFIXES, array_functions, find_function
from numbann.kernels.products import dense_backward, dense_forward, matmul

__all__ = ["dense_backward", "dense_forward", "matmul"]


def __getattr__(name: str) -> Any:
    """Compile a component's array function on its first use; `cuda` is the module of array functions for GPUs."""
    for device in DEVICES:
        if device.kernels and device.name == name:
            return importlib.import_module(device.kernels)
    found = find_function(name, array_functions)
    if found is not None:
        globals()[name] = found
        return found
    raise AttributeError(f"module 'numbann.kernels' has no function {name!r}; it has {', '.join(__dir__())}")


def __dir__() -> list[str]:
    """The names of all functions."""
    names = [
        entry.component.name + suffix
        for kind, suffixes in SUFFIXES.items()
        for entry in built_in().entries(kind)
        if entry.component.form not in ("matrix", "solver")  # plain NumPy, with no step of one weight
        for suffix in suffixes
    ]
    return sorted([*__all__, *names])
