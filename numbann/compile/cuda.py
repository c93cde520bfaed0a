"""A component's functions of one number as PTX, the code of CUDA devices.  It needs numba-cuda, but no GPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from numbann.compile.precision import Lowered
from numbann.component import Component, arguments_of
from numbann.simd.jit import DTYPES

CAPABILITY = (8, 0)


def ptx_of(component: Component, functions: Sequence[Callable[..., Any]], dtype: str) -> str:
    """The PTX of functions of a component, and of what they call, with the mathematics of CUDA's library."""
    from numba import cuda, types

    lowered = Lowered(dtype, vectors=False, component=component)
    names = [lowered.add(function) for function in functions]
    device = cuda.jit(device=True, fastmath={"contract"})
    scope: dict[str, Any] = {"np": np, "math": math, "F": getattr(np, dtype), "inner_safe": device}
    scope["prefer_wide"] = device(_nothing)
    exec(compile(lowered.text, "<a component for CUDA>", "exec"), scope)
    flags = {parameter.name for parameter in component.parameters if parameter.type is bool}
    texts = []
    for name, function in zip(names, functions, strict=True):
        arguments = [types.boolean if each in flags else DTYPES[dtype] for each in arguments_of(function)]
        texts.append(cuda.compile_ptx(scope[name].py_func, tuple(arguments), device=True, cc=CAPABILITY)[0])
    return "\n".join(texts)


def _nothing() -> None:
    """What a device has for the registers that a processor is asked for."""
