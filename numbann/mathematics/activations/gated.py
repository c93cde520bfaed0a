"""Gated units: z times a gate that opens from 0 to 1.

Where a gate is exactly 0, so is the unit, also at z = -inf, where the product alone would be NaN.
"""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

from numbann.components.declare import activation
from numbann.components.parameter import Positive

HALF_ROOT = sqrt(0.5)
DENSITY = 1 / sqrt(2 * pi)  # of the normal distribution at 0
SLOPE, CUBE = sqrt(2 / pi), 0.044715  # of gelu_tanh

MISH_END = 22  # from here on mish(z) is z, and its derivative 1, in double precision


@activation(init="he_normal", aliases=("swish",))
def silu(z, beta: Positive = 1.0):
    """Sigmoid linear unit: a = z s with s = sigmoid(beta z), in [-0.2785 / beta, inf).

    Derivative s + beta a (1 - s), between -0.1 and 1.1.  Not monotonic.  beta > 0.

    Example: silu([-2, 0, 3]) = [-0.238, 0, 2.858]
    Use: hidden layers of deep networks, in the place of relu.
    For: smooth, and with a gradient almost everywhere, so no unit dies; often a little better than relu.
    Against: an exp for each unit; a slight dip below 0.
    Trouble: a large beta makes it relu, a small one nearly linear; keep beta near 1.
    Reference: Elfwing, Uchibe and Doya 2017, https://arxiv.org/abs/1702.03118; with beta as swish, Ramachandran, Zoph
    and Le 2017, https://arxiv.org/abs/1710.05941; with beta 1 as torch.nn.SiLU.
    """
    e = exp(-abs(beta * z))
    s = (e if z < 0 else 1) / (1 + e)
    return 0 if s == 0 else z * s


@silu.derivative
def silu_derivative(z, a, beta):
    e = exp(-abs(beta * z))
    part = 1 / (1 + e)
    s, rest = (e if z < 0 else 1) * part, (1 if z < 0 else e) * part
    return s if rest == 0 else s + beta * a * rest


@activation(init="he_normal")
def gelu(z):
    """Gaussian error linear unit: a = z P with P = (1 + erf(z / sqrt(2))) / 2, in [-0.17, inf).

    P is the normal distribution function, computed by erfc, which is accurate far below 0.  Derivative P + z p with the
    density p = exp(-z^2 / 2) / sqrt(2 pi).  Not monotonic.

    Example: gelu([-2, 0, 3]) = [-0.046, 0, 2.996]
    Use: hidden layers of deep networks; the usual choice of transformers.
    For: smooth, near relu for large |z|, and no unit dies.
    Against: erfc is among the dearest functions; a slight dip below 0.
    Trouble: weights from a model that used the form by tanh differ in the fourth digit; take gelu_tanh for them.
    Reference: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415; as torch.nn.GELU.
    """
    gate = erfc(-z * HALF_ROOT)
    return 0 if gate == 0 else 0.5 * z * gate


@gelu.derivative
def gelu_derivative(z):
    density = exp(-0.5 * z * z)
    x = 0 if density == 0 else z  # an infinite z times 0 would be NaN
    return 0.5 * erfc(-z * HALF_ROOT) + DENSITY * x * density


@activation(init="he_normal")
def gelu_tanh(z):
    """Gaussian error linear unit by tanh: a = z (1 + tanh(u)) / 2, u = sqrt(2 / pi) (z + 0.044715 z^3).

    Evaluated as z s with s = sigmoid(2 u), in [-0.1701, inf) and not monotonic.  Derivative s + z s (1 - s) 2 du/dz.

    Example: gelu_tanh([-2, 0, 3]) = [-0.045, 0, 2.996]
    Use: models that were trained with it, and gelu where speed counts.
    For: within 5e-4 of gelu and without erf.
    Against: not gelu: results of the two do not agree to the last digits.
    Trouble: a network trained with one and run with the other is slightly off; name the one it was trained with.
    Reference: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415; as torch.nn.GELU(approximate="tanh").
    """
    e = exp(-2 * SLOPE * abs(z) * (1 + CUBE * z * z))
    s = (e if z < 0 else 1) / (1 + e)
    return 0 if s == 0 else z * s


@gelu_tanh.derivative
def gelu_tanh_derivative(z):
    e = exp(-2 * SLOPE * abs(z) * (1 + CUBE * z * z))
    s = (e if z < 0 else 1) / (1 + e)
    return s if e == 0 else s + 2 * SLOPE * z * (1 + 3 * CUBE * z * z) * (e / (1 + e)) / (1 + e)


@activation(init="he_normal")
def mish(z):
    """Mish: a = z g with g = tanh(log(1 + exp(z))), in [-0.3089, inf).

    Evaluated as g = n / (n + 2) with n = e (e + 2), e = exp(z), and e of 22 above it, where g is 1.  Derivative g + z
    sigmoid(z) (1 - g^2) = r (n + 4 z e (1 + e) r), r = 1 / (n + 2).  Not monotonic.

    Example: mish([-2, 0, 3]) = [-0.253, 0, 2.987]
    Use: as silu; try both where a point of accuracy matters.
    For: smooth, a little steeper than silu, and no unit dies.
    Against: more arithmetic than silu.
    Trouble: a gain over relu may be the luck of one seed; compare several, and go back to relu if it goes away.
    Reference: Misra 2019, https://arxiv.org/abs/1908.08681; as torch.nn.Mish.
    """
    e = exp(MISH_END if z > MISH_END else z)
    n = e * (e + 2)
    return 0 if n == 0 else z * (n / (n + 2))


@mish.derivative
def mish_derivative(z):
    c = MISH_END if z > MISH_END else z
    e = exp(c)
    n = e * (e + 2)
    r = 1 / (n + 2)
    slope = 4 * e * (1 + e) * r
    return r * (n if slope == 0 else n + c * slope)


@activation(init="he_normal", aliases=("hard_swish",))
def hard_silu(z):
    """Hard sigmoid linear unit: a = z min(max(z + 3, 0), 6) / 6, in [-0.375, inf).

    Derivative 0 for z < -3, 1 for z > 3, else (2 z + 3) / 6.  Not monotonic.

    Example: hard_silu([-4, -1, 3]) = [0, -0.333, 3]
    Use: silu for small or low-precision models.
    For: a silu without exp.
    Against: exactly 0 below -3, and kinks at -3 and 3.
    Trouble: units below -3 for every row are dead; lower the rate, or take silu.
    Reference: Howard et al. 2019, https://arxiv.org/abs/1905.02244; as torch.nn.Hardswish.
    """
    return 0 if z < -3 else (z if z > 3 else z * ((z + 3) / 6))


@hard_silu.derivative
def hard_silu_derivative(z):
    return 0 if z < -3 else (1 if z > 3 else (2 * z + 3) / 6)
