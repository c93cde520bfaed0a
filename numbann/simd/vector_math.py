"""exp, expm1, log, log1p and tanh in single precision, as polynomials that LLVM vectorises.

math.exp and its kin compile to calls, one element at a time.  These are accurate to 3 units in the last place over the
whole range, pass NaN through, and give the limits at +-inf.  In double precision components keep the library's own.
Polynomials: S. Moshier, Cephes (expf, logf), https://www.netlib.org/cephes/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numbann.simd.jit import inner_safe

F = np.float32
ROUND = F(12582912.0)  # 1.5 * 2**23: adding it rounds to an integer, which then stands in the low bits
ROUND_BITS = np.int32(0x4B400000)
LOG2_E, LN2_HIGH, LN2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)


@intrinsic
def bits(typing, x):
    """The bits of a float32 as an int32."""
    return types.int32(types.float32), lambda context, builder, signature, arguments: builder.bitcast(
        arguments[0], ir.IntType(32)
    )


@intrinsic
def from_bits(typing, i):
    """The float32 with these bits."""
    return types.float32(types.int32), lambda context, builder, signature, arguments: builder.bitcast(
        arguments[0], ir.FloatType()
    )


@inner_safe
def _power_of_two(n):
    """2^n for an int32 n in -126..127."""
    return from_bits((n + np.int32(127)) << np.int32(23))


@inner_safe
def _clamp(x, low, high):
    """x within bounds; NaN passes."""
    x = low if x < low else x
    return high if x > high else x


@inner_safe
def _reduce(x):
    """n and exp(r) - 1 for x = n ln 2 + r, |r| <= ln 2 / 2."""
    shifted = x * LOG2_E + ROUND
    n = shifted - ROUND
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW
    p = F(1.9875691500e-4)
    p = p * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    return bits(shifted) - ROUND_BITS, p * (r * r) + r


@inner_safe
def exp(x):
    """e^x; 0 below -104, inf above 88.73."""
    n, grown = _reduce(_clamp(x, F(-104.0), F(89.0)))
    half = n >> np.int32(1)
    return (grown + F(1.0)) * _power_of_two(half) * _power_of_two(n - half)


@inner_safe
def expm1(x):
    """e^x - 1 without cancellation near 0."""
    n, grown = _reduce(_clamp(x, F(-40.0), F(89.0)))
    half = _power_of_two(n - np.int32(1))
    return F(2.0) * (grown * half + (half - F(0.5)))


@inner_safe
def tanh(x):
    """(e^2x - 1) / (e^2x + 1)."""
    e = expm1(F(2.0) * _clamp(x, F(-10.0), F(10.0)))
    return e / (e + F(2.0))


@inner_safe
def log(x):
    """Natural logarithm; -inf at 0, NaN below."""
    tiny = x < F(1.17549435e-38)
    scaled = x * F(8388608.0) if tiny else x
    shifted = bits(scaled) - np.int32(0x3F3504F3)
    exponent = F(shifted >> np.int32(23)) - (F(23.0) if tiny else F(0.0))
    m = from_bits((shifted & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)) - F(1.0)
    p = F(7.0376836292e-2)
    p = p * m + F(-1.1514610310e-1)
    p = p * m + F(1.1676998740e-1)
    p = p * m + F(-1.2420140846e-1)
    p = p * m + F(1.4249322787e-1)
    p = p * m + F(-1.6668057665e-1)
    p = p * m + F(2.0000714765e-1)
    p = p * m + F(-2.4999993993e-1)
    p = p * m + F(3.3333331174e-1)
    z = m * m
    y = m + ((m * z * p + exponent * LN2_LOW) - F(0.5) * z) + exponent * LN2_HIGH
    y = x if x == F(np.inf) else y
    y = F(-np.inf) if x == F(0.0) else y
    return y if x >= F(0.0) else F(np.nan)


@inner_safe
def log1p(x):
    """log(1 + x) without loss near 0: the rounding of 1 + x is put back to first order."""
    u = F(1.0) + x
    y = log(u) + (x - (u - F(1.0))) / u
    y = y if abs(u) < F(np.inf) else log(u)
    return y if u > F(0.0) else log(u)


BINDINGS: Mapping[str, Mapping[Callable[..., Any], Any]] = {
    "float32": {math.exp: exp, math.expm1: expm1, math.log: log, math.log1p: log1p, math.tanh: tanh},
    "float64": {},
}
