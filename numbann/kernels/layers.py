"""What stands between dense layers, on ordinary arrays: dropout, and the kernels of it and of norms (norms.py).

The formulas of dropout are those of the engine (simd/dropout.py).
"""

from __future__ import annotations

import functools

import numpy as np

from numbann.errors import KernelValueError
from numbann.kernels.arguments import ROWS, Argument
from numbann.kernels.arrays import SHARED, as_rows, result_like, shifted
from numbann.kernels.edge import Results, publish
from numbann.kernels.norms import (
    batch_norm,
    batch_norm_backward,
    layer_norm,
    layer_norm_backward,
    rms_norm,
    rms_norm_backward,
    running_norm,
)
from numbann.simd.jit import inner
from numbann.simd.noise import noise, row_key
from numbann.simd.sizes import NORM_EPSILON, NORM_MOMENTUM

DRAWS = 1 << 24  # the number of values that a draw can have
RATE = "{}: rate is {}; give a number >= 0 and < 1"


def dropout(a, rate, seed, out=None):
    """Dropout: y = 0 with probability `rate`, else a / (1 - rate): a (B, O) -> y (B, O).

    Whether an element stays is a hash of the seed, its row and its column: the same for any order of calls, and on any
    machine.  Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.
    """
    result = result_like("dropout: a and out", a, out)
    _drop("dropout", a, rate, seed, result)
    return result


def dropout_backward(dy, rate, seed, out=None):
    """The gradient of dropout with the same rate and seed: da = 0 where a was dropped, else dy / (1 - rate)."""
    result = result_like("dropout_backward: dy and out", dy, out)
    _drop("dropout_backward", dy, rate, seed, result)
    return result


@inner
def _drop(name, a, rate, seed, result):
    """What both ways do; the draws are made again, so no mask is kept."""
    if not 0 <= rate < 1:
        raise KernelValueError(RATE, name, rate)
    if seed < 0:
        raise KernelValueError("{}: seed is {}; give a whole number from 0", name, seed)
    if shifted(result, a):
        raise KernelValueError(SHARED, name, "out", "its input")
    x, y, share = as_rows(a), as_rows(result), a.dtype.type(rate)
    limit, scale = np.int32(share * DRAWS), a.dtype.type(1) / (a.dtype.type(1) - share)
    nothing = a.dtype.type(0)
    for r in range(x.shape[0]):
        low, high = row_key(seed, r)
        for k in range(x.shape[1]):
            y[r, k] = nothing if noise(low, high, k) < limit else scale * x[r, k]


# ---- the kernels

_OUT = Argument("out", "written", default=None)
_EPSILON = Argument("epsilon", "number", default=NORM_EPSILON)
_H, _SCALE, _SHIFT = Argument("h", "array", ROWS), Argument("scale", "array", 1), Argument("shift", "array", 1)
_BACK = Argument("dz", "array", ROWS), Argument("h", "array"), _SCALE, _EPSILON
_STATISTICS = Argument("mean", "written", 1, None), Argument("variance", "written", 1, None)
_RATE, _SEED = Argument("rate", "number"), Argument("seed", "seed")
_GRADIENTS = {count: Argument("out", "results", (None, *[1] * (count - 1)), None) for count in (2, 3)}
TAKES = {
    "layer_norm": (_H, _SCALE, _SHIFT, _EPSILON, _OUT),
    "layer_norm_backward": (*_BACK, _GRADIENTS[3]),
    "rms_norm": (_H, _SCALE, _EPSILON, _OUT),
    "rms_norm_backward": (*_BACK, _GRADIENTS[2]),
    "batch_norm": (
        *(_H, _SCALE, _SHIFT, *_STATISTICS),
        *(Argument("momentum", "number", default=NORM_MOMENTUM), _EPSILON, _OUT),
    ),
    "batch_norm_backward": (*_BACK, _GRADIENTS[3]),
    "running_norm": (
        _H,
        _SCALE,
        _SHIFT,
        Argument("mean", "array", 1),
        Argument("variance", "array", 1),
        _EPSILON,
        _OUT,
    ),
    "dropout": (Argument("a", "array", ROWS), _RATE, _SEED, _OUT),
    "dropout_backward": (Argument("dy", "array", ROWS), _RATE, _SEED, _OUT),
}
_NORMS = (
    *(layer_norm, layer_norm_backward, rms_norm, rms_norm_backward, batch_norm, batch_norm_backward),
    running_norm,
)
_DROPOUT = (dropout, dropout_backward)


def _results_of(arguments):
    """The text of new arrays for what a kernel gives; the last argument is `out`."""
    like, out = arguments[0].name, arguments[-1]
    units = 0 if out.kind == "written" else len(out.ndim) - 1
    made = [f"empty({like}.shape, kind)", *[f"empty({like}.shape[-1:], kind)"] * units]
    return Results(made[0] if units == 0 else f"({', '.join(made)})")


@functools.cache
def layer_kernels():
    """The kernels of norms and dropout, by name."""
    lines = ['"""Made by numbann: norms and dropout."""']
    lines += [f"from numbann.kernels.norms import {one.__name__}" for one in _NORMS]
    lines += [f"from numbann.kernels.layers import {one.__name__}" for one in _DROPOUT]
    results = {name: _results_of(arguments) for name, arguments in TAKES.items()}
    docs = {one.__name__: one.__doc__ or "" for one in (*_NORMS, *_DROPOUT)}
    return publish("\n".join(lines), TAKES, results, docs, "numbann.kernels")
