"""Kernels for your own code: matmul, dense layers, norms, dropout, and functions of every built-in component.

    from numbann import kernels
    z = kernels.dense_forward(x, w, b)
    a = kernels.relu(z)

Every function can be called from Python and from @njit code, also with cache=True; they need no njit of their own, and
all that give arrays take `out=`.  An activation NAME has NAME(z) and NAME_backward(da, z, a) -> dz, or dz and the
gradients to what is trained in it; an embedding has NAME(x, trained...) and NAME_backward(de, x, trained...) -> the
gradients to what is trained; a loss has NAME(y, t) -> mean value, dy; an optimizer has NAME_step(w, g, states...,
step), in place.  A state that only some settings need is a keyword argument, such as `largest` of adam with amsgrad.
of("NAME") gives the kernels of any component, of plugins and files too.  Initializers and metrics are NumPy, for Python
alone: NAME((I, O), random, dtype="float64") draws weights, NAME_metric(t, ..., weight=None) is a number.

The arrays of a call are all float32 or all float64; labels are integers.  Arrays that are read may be of any order and
read-only; those that are written are C-ordered.  `out` of an activation or a loss may be one of its inputs, and an
input may be a turned or reversed view of it, which is copied first; apart from that, what is written shares memory with
nothing else.  Inside @njit code numba itself drops the mask of a masked array.  In @guvectorize code, write o[:] =
kernels.softmax(a), which copies.  Anything else is refused by one error that names function, argument, what came and
what is taken: KernelTypeError, ShapeError or KernelValueError.  For @njit code that has the wrong types, numba's
TypingError says the same when it is compiled.
"""

from __future__ import annotations

import importlib
from typing import Any

from numbann.engine.devices import DEVICES
from numbann.errors import did_you_mean
from numbann.kernels.components import SUFFIXES, find_function, names_of
from numbann.kernels.host import functions_of
from numbann.kernels.layers import layer_kernels
from numbann.kernels.products import product_kernels


def __getattr__(name: str) -> Any:
    """Make a kernel on its first use; `cuda` is the module of kernels for GPUs."""
    if name == "__all__":
        return __dir__()
    if name == "of":  # it knows of plugins, of which kernels themselves know nothing
        return importlib.import_module("numbann.plugins.kernels").of
    for device in DEVICES:
        if device.kernels and device.name == name:
            return importlib.import_module(device.kernels)
    found = product_kernels().get(name) or layer_kernels().get(name) or find_function(name, functions_of)
    if found is not None:
        globals()[name] = found
        return found
    raise AttributeError(not_there("numbann.kernels", name))


def __dir__() -> list[str]:
    """The names of all kernels."""
    return sorted([*product_kernels(), *layer_kernels(), *names_of(SUFFIXES)])


def not_there(module: str, name: str) -> str:
    """The message for a name that is no kernel."""
    return f"module {module!r} has no kernel {name!r}{did_you_mean(name, __dir__(), repr)}; dir({module}) lists all"
