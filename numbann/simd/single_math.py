"""The functions of math in single precision, in forms that LLVM vectorizes.

math.exp and its kin compile to calls, one element at a time.  The functions here have no calls and no branches.  They
are accurate to a few units in the last place over the whole range, let NaN through and give the limits at +-inf.  A
result below the smallest normal number may be zero.

The polynomials are minimax fits for the ranges named at them, with coefficients rounded to single precision one by one;
Horner's order lets each step be one fused multiply-add.  A change of a coefficient, of an order or of a range changes
the bits of every model that uses the function.
"""

from __future__ import annotations

import numpy as np

from numbann.simd.bits import bits, clamp, from_bits
from numbann.simd.jit import inner_safe

F, Int = np.float32, np.int32
INF, NAN = F(np.inf), F(np.nan)
FRACTION = Int(23)  # bits of a float32's fraction; the exponent stands above them
# Added to n, |n| < 2**22, it rounds n to a whole number and leaves n + 127, the exponent's bits of 2^n, in the lowest
# bits of the sum.  So 2^n takes one shift, and no conversion to integers
SHIFT = F(1.5 * 2**23 + 127)
SHIFT_MOST = F(1.5 * 2**23 + 254)  # of n = 127, the largest exponent
LOG2_E, LOG10_E, LN2 = F(1.44269504), F(0.43429448), F(0.69314718)
LN2_HIGH, LN2_LOW = F(0.693359375), F(-2.12194440e-4)  # ln 2 in two parts: n LN2_HIGH is exact


# ---- powers


@inner_safe
def _split(shifted):
    """n and 2^n for n + SHIFT, -127 <= n <= 127; 2^-127 counts as 0."""
    return shifted - SHIFT, from_bits(Int(bits(shifted) << FRACTION))


@inner_safe
def _power(x, rest):
    """2^n and e^r - 1 for x + rest = n ln 2 + r, rest small; |r| is at most ln 2 / 2, or ln 2 for n = 127.

    e^r - 1 instead of e^r keeps the digits of results near 1, which expm1 needs.
    """
    x = F(-88.0) if x < F(-88.0) else x
    shifted = (x + rest) * LOG2_E + SHIFT
    n, scale = _split(SHIFT_MOST if shifted > SHIFT_MOST else shifted)
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW + rest
    p = F(1.5779956e-03)
    p = p * r + F(8.352853e-03)
    p = p * r + F(4.163032e-02)
    p = p * r + F(1.6666664e-01)
    p = p * r + F(5.000016e-01)
    return scale, p * (r * r) + r


@inner_safe
def exp(x):
    """e^x; 0 below -87.7, inf above 88.73."""
    scale, grown = _power(x, F(0.0))
    return grown * scale + scale


@inner_safe
def expm1(x):
    """e^x - 1 without cancellation near 0."""
    scale, grown = _power(x, F(0.0))
    return grown * scale + (scale - F(1.0))


@inner_safe
def exp2(x):
    """2^x; 0 below -126.5."""
    x = F(-127.0) if x < F(-127.0) else x
    shifted = x + SHIFT
    n, scale = _split(SHIFT_MOST if shifted > SHIFT_MOST else shifted)
    r = x - n
    p = F(1.7650634e-04)
    p = p * r + F(1.3357188e-03)
    p = p * r + F(9.608932e-03)
    p = p * r + F(5.5504266e-02)
    p = p * r + F(2.4022739e-01)
    p = p * r + F(6.931472e-01)
    return p * r * scale + scale


# ---- logarithms


@inner_safe
def _log_parts(x):
    """n and log(m) for a positive x = 2^n m, 2/3 <= m < 4/3."""
    tiny = x < F(2.0**-126)
    normal = bits(x * F(2.0**23) if tiny else x)
    exponent = _exponent(normal)
    n = F(Int(exponent >> FRACTION)) - (F(23.0) if tiny else F(0.0))
    return n, _log_near_1(from_bits(Int(normal - exponent)) - F(1.0))


@inner_safe
def _exponent(i):
    """n 2^23 for the bits of a normal number 2^n m, 2/3 <= m < 4/3."""
    return Int((i - Int(0x3F2AAAAB)) & Int(-(1 << 23)))


@inner_safe
def _log_near_1(f):
    """log(1 + f) for -1/3 <= f < 1/3."""
    p = F(1.4020602e-01)
    p = p * f + F(-1.5383649e-01)
    p = p * f + F(1.3997133e-01)
    p = p * f + F(-1.6417025e-01)
    p = p * f + F(2.0011073e-01)
    p = p * f + F(-2.500775e-01)
    p = p * f + F(3.33332e-01)
    p = p * f + F(-4.9999937e-01)
    return p * (f * f) + f


@inner_safe
def _log_limits(x, y):
    """A logarithm's value y, or its limit where x is not positive and finite."""
    y = y if x < INF else x
    return y if x > F(0.0) else (-INF if x == F(0.0) else NAN)


@inner_safe
def log(x):
    """Natural logarithm; -inf at 0, NaN below."""
    n, y = _log_parts(x)
    return _log_limits(x, n * LN2 + y)


@inner_safe
def log2(x):
    """Logarithm to base 2; exact for powers of 2."""
    n, y = _log_parts(x)
    return _log_limits(x, y * LOG2_E + n)


@inner_safe
def log10(x):
    """Logarithm to base 10."""
    return log(x) * LOG10_E


@inner_safe
def log1p(x):
    """log(1 + x) without loss near 0: what rounding takes from u = 1 + x is put back into the fraction of u."""
    u = F(1.0) + x
    lost = x - (u - F(1.0))
    exponent = _exponent(bits(u))
    scale = from_bits(max(Int(Int(0x3F800000) - exponent), Int(0)))
    y = _log_near_1(from_bits(Int(bits(u) - exponent)) - F(1.0) + lost * scale)
    return _log_limits(u, F(Int(exponent >> FRACTION)) * LN2 + y)


# ---- S-shaped functions


@inner_safe
def tanh(x):
    """Hyperbolic tangent, d / (d + 1) for d = (e^2x - 1) / 2; beyond +-9.02 it rounds to +-1."""
    x = clamp(x, F(-9.02), F(9.02))
    n, scale = _split(x * (F(2.0) * LOG2_E) + SHIFT)
    r = x - n * (F(0.5) * LN2_HIGH)
    r = r - n * (F(0.5) * LN2_LOW)
    p = F(0.5 * 8.877226e-02)
    p = p * r + F(0.5 * 2.6772043e-01)
    p = p * r + F(0.5 * 6.6667897e-01)
    p = p * r + F(0.5 * 1.3333237)
    p = p * r + F(0.5 * 1.9999999)
    d = (p * (r * r) + r) * scale + (F(0.5) * scale - F(0.5))
    return d / (d + F(1.0))


@inner_safe
def erf(x):
    """Error function, 2 / sqrt(pi) times the integral of exp(-s^2) from 0 to x."""
    a = abs(x)
    u = x * x
    p = F(-5.6283426e-04)
    p = p * u + F(4.9167555e-03)
    p = p * u + F(-2.6710577e-02)
    p = p * u + F(1.12801515e-01)
    p = p * u + F(-3.7612322e-01)
    p = p * u + F(1.2837912e-01)
    r = (F(3.85) if a > F(3.85) else a) - F(2.25)
    q = F(-9.1354e-06)
    q = q * r + F(4.8535487e-05)
    q = q * r + F(-3.3670218e-05)
    q = q * r + F(-3.305861e-04)
    q = q * r + F(1.0166249e-03)
    q = q * r + F(-7.106507e-04)
    q = q * r + F(-2.9104743e-03)
    q = q * r + F(1.0677397e-02)
    q = q * r + F(-1.9082356e-02)
    q = q * r + F(2.172055e-02)
    q = q * r + F(-1.6070377e-02)
    q = q * r + F(7.1425214e-03)
    q = q * r + F(9.985373e-01)
    return p * x + x if a < F(1.0) else (-q if x < F(0.0) else q)


@inner_safe
def erfc(x):
    """1 - erf(x) without cancellation: exp(-x^2) / (1 + 1.5 x) times a polynomial in x / (x + 2), for x > 0."""
    a = abs(x)
    a = F(10.0) if a > F(10.0) else a
    high = from_bits(Int(bits(a) & Int(-4096)))  # its square is exact
    scale, grown = _power(-(high * high), -((a - high) * (a + high)))
    q = a / (a + F(2.0))
    p = F(-1.4160998e-01)
    p = p * q + F(4.0422443e-01)
    p = p * q + F(-2.4566306e-01)
    p = p * q + F(-8.198854e-02)
    p = p * q + F(-3.163263e-01)
    p = p * q + F(3.266285e-01)
    p = p * q + F(1.1847692e00)
    p = p * q + F(-2.0270643e00)
    p = p * q + F(7.432429e-01)
    p = p * q + F(1.0)
    y = p / (F(1.5) * a + F(1.0))
    y = (grown * y + y) * scale
    return F(2.0) - y if x < F(0.0) else y


@inner_safe
def atan(x):
    """Inverse tangent; above 1 from that of 1 / x."""
    a = abs(x)
    t = F(1.0) / a if a > F(1.0) else a
    u = t * t
    p = F(2.9197228e-03)
    p = p * u + F(-1.6364133e-02)
    p = p * u + F(4.3205857e-02)
    p = p * u + F(-7.551724e-02)
    p = p * u + F(1.06657855e-01)
    p = p * u + F(-1.4211003e-01)
    p = p * u + F(1.9993767e-01)
    p = p * u + F(-3.3333153e-01)
    y = p * (u * t) + t
    y = F(0.5 * np.pi) - y if a > F(1.0) else y
    return -y if x < F(0.0) else y
