"""The functions of math in double precision, in forms that LLVM vectorizes: the twin of single_math.py.

Their properties are the same: no calls and no branches, at most 4 units in the last place over the whole range, NaN
comes through, limits at +-inf, and a result below the smallest normal number may be zero.  The polynomials are fitted
with 50 digits at the Chebyshev points of the ranges named at them.
"""

from __future__ import annotations

import numpy as np

from numbann.simd.bits import bits, clamp, from_bits
from numbann.simd.jit import inner_safe

F, Int = np.float64, np.uint64
INF, NAN = F(np.inf), F(np.nan)
FRACTION = Int(52)  # bits of a float64's fraction; the exponent stands above them
SHIFT = F(1.5 * 2**52 + 1023)  # rounds n and leaves 2^n's exponent in the lowest bits: see single_math.py
SHIFT_MOST = F(1.5 * 2**52 + 2046)  # of n = 1023, the largest exponent
LOG2_E, LN2 = F(1.4426950408889634), F(0.6931471805599453)
LN2_HIGH, LN2_LOW = F(0.6931471803691238), F(1.9082149292705877e-10)  # n LN2_HIGH is exact
ONE, ROOT_HALF = Int(0x3FF0000000000000), Int(0x3FE6A09E667F3BCD)  # the bits of 1 and of sqrt(1/2)


# ---- powers


@inner_safe
def _split(shifted):
    """n and 2^n for n + SHIFT, -1023 <= n <= 1023; 2^-1023 counts as 0."""
    return shifted - SHIFT, from_bits(Int(bits(shifted) << FRACTION))


@inner_safe
def _power(x, rest):
    """2^n and e^r - 1 for x + rest = n ln 2 + r, rest small; |r| is at most ln 2 / 2, or ln 2 for n = 1023."""
    x = F(-709.0) if x < F(-709.0) else x
    shifted = (x + rest) * LOG2_E + SHIFT
    n, scale = _split(SHIFT_MOST if shifted > SHIFT_MOST else shifted)
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW + rest
    p = F(2.428911976236163e-09)
    p = p * r + F(2.4878731744453936e-08)
    p = p * r + F(2.755221145274224e-07)
    p = p * r + F(2.755788630149732e-06)
    p = p * r + F(2.4801585023637243e-05)
    p = p * r + F(0.00019841269268643693)
    p = p * r + F(0.0013888888894656422)
    p = p * r + F(0.008333333333555439)
    p = p * r + F(0.041666666666647575)
    p = p * r + F(0.16666666666666416)
    p = p * r + F(0.5)
    return scale, p * (r * r) + r


@inner_safe
def exp(x):
    """e^x; 0 below -708.8, inf above 709.79."""
    scale, grown = _power(x, F(0.0))
    return grown * scale + scale


@inner_safe
def expm1(x):
    """e^x - 1 without cancellation near 0."""
    scale, grown = _power(x, F(0.0))
    return grown * scale + (scale - F(1.0))


# ---- logarithms


@inner_safe
def _exponent(i):
    """n 2^52 for the bits of a normal number 2^n m, sqrt(1/2) <= m < sqrt(2)."""
    return Int(Int(i - ROOT_HALF) & Int(0xFFF0000000000000))


@inner_safe
def _log_sum(exponent, less, f):
    """(n - less) ln 2 + log(1 + f) for n 2^52: an odd polynomial in s = f / (2 + f), and the small parts first."""
    n = F(np.int64(exponent)) * F(2.0**-52) - less
    s = f / (f + F(2.0))
    z = s * s
    p = F(0.14617229114009048)
    p = p * z + F(0.1533165379922582)
    p = p * z + F(0.1818289133623783)
    p = p * z + F(0.22222211101577205)
    p = p * z + F(0.2857142862620096)
    p = p * z + F(0.39999999999898944)
    p = p * z + F(0.666666666666667)
    p = p * z + F(2.0)
    return n * LN2_HIGH + (n * LN2_LOW + p * s)


@inner_safe
def _log_limits(x, y):
    """A logarithm's value y, or its limit where x is not positive and finite."""
    y = y if x < INF else x
    return y if x > F(0.0) else (-INF if x == F(0.0) else NAN)


@inner_safe
def log(x):
    """Natural logarithm; -inf at 0, NaN below."""
    tiny = x < F(2.0**-1022)
    i = bits(x * F(2.0**54) if tiny else x)
    exponent = _exponent(i)
    return _log_limits(x, _log_sum(exponent, F(54.0) if tiny else F(0.0), from_bits(Int(i - exponent)) - F(1.0)))


@inner_safe
def log1p(x):
    """log(1 + x) without loss near 0: what rounding takes from u = 1 + x is put back into the fraction of u."""
    u = F(1.0) + x
    lost = x - (u - F(1.0))
    i = bits(u)
    exponent = _exponent(i)
    scale = from_bits(Int(max(np.int64(ONE - exponent), np.int64(0))))
    f = from_bits(Int(i - exponent)) - F(1.0) + lost * scale
    return _log_limits(u, _log_sum(exponent, F(0.0), f))


# ---- S-shaped functions


@inner_safe
def tanh(x):
    """Hyperbolic tangent, d / (d + 1) for d = (e^2x - 1) / 2; beyond +-19.1 it rounds to +-1."""
    x = clamp(x, F(-19.1), F(19.1))
    n, scale = _split(x * (F(2.0) * LOG2_E) + SHIFT)
    r = x - n * (F(0.5) * LN2_HIGH)
    r = r - n * (F(0.5) * LN2_LOW)
    p = F(2.570784094523241e-05)
    p = p * r + F(0.0001414154374723374)
    p = p * r + F(0.0007054657323039504)
    p = p * r + F(0.0031745946950866182)
    p = p * r + F(0.012698412720002543)
    p = p * r + F(0.044444444535580684)
    p = p * r + F(0.1333333333332173)
    p = p * r + F(0.33333333333299053)
    p = p * r + F(0.6666666666666669)
    p = p * r + F(1.0)
    d = (p * (r * r) + r) * scale + (F(0.5) * scale - F(0.5))
    return d / (d + F(1.0))


@inner_safe
def erf(x):
    """Error function: an odd polynomial below 1, and above it 1 - exp(-x^2) q, q a polynomial in (x - 4) / (x + 4)."""
    a = abs(x)
    u = x * x
    p = F(5.958660499333604e-11)
    p = p * u + F(-1.1373746898475694e-09)
    p = p * u + F(1.4660012978044285e-08)
    p = p * u + F(-1.6350348845113208e-07)
    p = p * u + F(1.6461003969402226e-06)
    p = p * u + F(-1.4925595488810921e-05)
    p = p * u + F(0.00012055331121074092)
    p = p * u + F(-0.0008548326981097576)
    p = p * u + F(0.005223977624822691)
    p = p * u + F(-0.02686617064507728)
    p = p * u + F(0.11283791670954882)
    p = p * u + F(-0.3761263890318375)
    p = p * u + F(0.1283791670955126)
    a = F(6.0) if a > F(6.0) else a
    t = (a - F(4.0)) / (a + F(4.0))
    q = F(9.586465190475872e-05)
    q = q * t + F(-7.004624888074152e-05)
    q = q * t + F(-0.0009203105203639052)
    q = q * t + F(0.00392660745128594)
    q = q * t + F(-0.012934802538265485)
    q = q * t + F(0.0312574380532879)
    q = q * t + F(-0.06312104835067357)
    q = q * t + F(0.10896025521503101)
    q = q * t + F(-0.16425825459170765)
    q = q * t + F(0.2187196367368718)
    q = q * t + F(-0.25906805109292447)
    q = q * t + F(0.13699945756956114)
    y = F(1.0) - exp(-(a * a)) * q
    return p * x + x if abs(x) < F(1.0) else (-y if x < F(0.0) else y)


@inner_safe
def erfc(x):
    """1 - erf(x) without cancellation: exp(-x^2) / (1 + 1.125 x) by a polynomial in (x - 3.75) / (x + 3.75), x > 0."""
    a = abs(x)
    a = F(27.0) if a > F(27.0) else a
    high = from_bits(Int(bits(a) & Int(0xFFFFFFFFF8000000)))  # its square is exact
    scale, grown = _power(-(high * high), -((a - high) * (a + high)))
    q = (a - F(3.75)) / (a + F(3.75))
    p = F(-1.3469593657858543e-09)
    p = p * q + F(-9.822210994291557e-10)
    p = p * q + F(1.7134563238397202e-08)
    p = p * q + F(1.318919311737846e-08)
    p = p * q + F(-1.2941028050044824e-07)
    p = p * q + F(-5.9355509025647064e-08)
    p = p * q + F(9.039333436615534e-07)
    p = p * q + F(-2.6232981046793096e-07)
    p = p * q + F(-6.109608830097573e-06)
    p = p * q + F(9.887299658466007e-06)
    p = p * q + F(3.062051789039676e-05)
    p = p * q + F(-0.00014225635526697727)
    p = p * q + F(9.851149599025381e-05)
    p = p * q + F(0.0009763679072561591)
    p = p * q + F(-0.004693654938348377)
    p = p * q + F(0.012357259285329148)
    p = p * q + F(-0.022452376219330245)
    p = p * q + F(0.02794516272413669)
    p = p * q + F(-0.01631282419061792)
    p = p * q + F(-0.025282038891023324)
    p = p * q + F(0.10089532548659512)
    p = p * q + F(-0.19850743173361915)
    p = p * q + F(0.7597963579041074)
    y = p / (F(1.125) * a + F(1.0))
    y = (grown * y + y) * scale
    return F(2.0) - y if x < F(0.0) else y
