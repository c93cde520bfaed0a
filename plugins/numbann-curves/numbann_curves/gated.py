"""Gated activations: z times a gate that opens as z grows.

A gate of exactly 0 gives 0, also at z = -inf, where the product alone would be NaN.
"""

from __future__ import annotations

from math import erf, exp, expm1, log1p, pi, sqrt, tanh

from numbann import Learnable, activation, hookimpl

TWO_BY_ROOT_PI = 2 / sqrt(pi)


def _sigmoid(x):
    """1 / (1 + exp(-x)), with full precision also far below 0."""
    e = exp(-abs(x))
    return (e if x < 0 else 1) / (1 + e)


@activation(init="he_normal", aliases=("telu",))
def tanhexp(z):
    """TanhExp: a = z tanh(exp(z)), in [-0.3533, inf).

    Derivative tanh(exp(z)) + z exp(z) (1 - tanh(exp(z))^2), between -0.14 and 1.07.  1 - tanh^2 is computed as
    4 q / (1 + q)^2 with q = exp(-2 exp(z)), and exp(z) as exp(9) above 9, where the gate is 1 to the last digit.  Like
    mish, but closer to linear above 0.  Liu and Di 2020, https://arxiv.org/abs/2003.09855; as TeLU, Fernandez and Mali
    2024, https://arxiv.org/abs/2412.20269.
    """
    gate = tanh(exp(9 if z > 9 else z))
    return 0 if gate == 0 else z * gate


@tanhexp.derivative
def tanhexp_derivative(z):
    e = exp(9 if z > 9 else z)
    q = exp(-2 * e)
    slope = 4 * e * q / ((1 + q) * (1 + q))
    return tanh(e) + (0 if slope == 0 else z * slope)


@activation(init="he_normal")
def logish(z):
    """Logish: a = z log(1 + s) with s = sigmoid(z), in [-0.2528, inf).

    Derivative log(1 + s) + z s (1 - s) / (1 + s), between -0.1 and 0.75.  Far above 0 it is log 2, so deep networks
    shrink the signal.  Zhu, Zeng, Liu and Zhang 2021, https://doi.org/10.1016/j.neucom.2021.06.067.
    """
    gate = log1p(_sigmoid(z))
    return 0 if gate == 0 else z * gate


@logish.derivative
def logish_derivative(z):
    s, rest = _sigmoid(z), _sigmoid(-z)
    slope = s * rest / (1 + s)
    return log1p(s) + (0 if slope == 0 else z * slope)


@activation(init="he_normal")
def smish(z):
    """Smish: a = z tanh(log(1 + s)) with s = sigmoid(z), in [-0.25, inf).

    Computed as z n / (n + 2) with n = s (s + 2).  Derivative n / (n + 2) + 4 z s (1 - s) (1 + s) / (n + 2)^2, between
    -0.09 and 0.64; far above 0 it is 0.6.  Wang, Ren and Wang 2022, https://doi.org/10.3390/electronics11040540.
    """
    s = _sigmoid(z)
    n = s * (s + 2)
    return 0 if s == 0 else z * (n / (n + 2))


@smish.derivative
def smish_derivative(z):
    s, rest = _sigmoid(z), _sigmoid(-z)
    n = s * (s + 2)
    slope = 4 * s * rest * (1 + s) / ((n + 2) * (n + 2))
    return n / (n + 2) + (0 if slope == 0 else z * slope)


@activation(init="he_normal")
def serf(z):
    """Serf: a = z erf(p) with p = log(1 + exp(z)), in [-0.3484, inf).

    Derivative erf(p) + z 2 / sqrt(pi) exp(-p^2) sigmoid(z), between -0.13 and 1.09.  Very close to mish.
    Nag, Bhattacharyya, Mukherjee and Kundu 2021, https://arxiv.org/abs/2108.09598.
    """
    gate = erf((0 if z < 0 else z) + log1p(exp(-abs(z))))
    return 0 if gate == 0 else z * gate


@serf.derivative
def serf_derivative(z):
    p = (0 if z < 0 else z) + log1p(exp(-abs(z)))
    slope = TWO_BY_ROOT_PI * exp(-p * p) * _sigmoid(z)
    return erf(p) + (0 if slope == 0 else z * slope)


@activation(init="he_normal")
def elish(z):
    """Exponential linear sigmoid squashing: a = z s for z >= 0, else (exp(z) - 1) s, s = sigmoid(z); in [-0.1716, inf).

    Derivative s + z s (1 - s), and s (exp(z) + (exp(z) - 1) (1 - s)) below 0; at 0 it is 1/2 on both sides.  Found by a
    search over combinations of swish and elu.  Basirat and Roth 2018, https://arxiv.org/abs/1808.00783.
    """
    s = _sigmoid(z)
    return expm1(z) * s if z < 0 else z * s


@elish.derivative
def elish_derivative(z):
    e = exp(-abs(z))
    below = e * (e + expm1(-abs(z)) / (1 + e)) / (1 + e)
    above = (1 + (0 if e == 0 else z * e / (1 + e))) / (1 + e)
    return below if z < 0 else above


@activation(init="he_normal")
def acon(z, p1: Learnable = 1.0, p2: Learnable = 0.0, beta: Learnable = 1.0):
    """ACON-C: a = z (d s + p2) with d = p1 - p2 and s = sigmoid(beta d z); p1, p2 and beta trained for each unit.

    A smooth maximum of p1 z and p2 z; with beta near 0 it is their mean.  So a unit learns whether to be nonlinear.  It
    starts as swish and has three more numbers a unit.  With k = s (1 - s): derivative d s + p2 + beta d^2 z k; to p1
    z s + beta d z^2 k; to p2 z minus that; to beta d^2 z^2 k.  Ma, Zhang, Liu and Sun 2021,
    https://arxiv.org/abs/2009.04759.
    """
    gate = (p1 - p2) * _sigmoid(beta * (p1 - p2) * z) + p2
    return 0 if gate == 0 else z * gate


@acon.derivative
def acon_derivative(z, p1, p2, beta):
    d = p1 - p2
    s, rest = _sigmoid(beta * d * z), _sigmoid(-beta * d * z)
    slope = beta * d * d * s * rest
    return d * s + p2 + (0 if slope == 0 else z * slope)


@acon.derivative("p1")
def acon_slope_p1(z, p1, p2, beta):
    d = p1 - p2
    s, rest = _sigmoid(beta * d * z), _sigmoid(-beta * d * z)
    share = s + (0 if rest == 0 or s == 0 else beta * d * z * s * rest)
    return 0 if share == 0 else z * share


@acon.derivative("p2")
def acon_slope_p2(z, p1, p2, beta):
    d = p1 - p2
    s, rest = _sigmoid(beta * d * z), _sigmoid(-beta * d * z)
    share = rest - (0 if rest == 0 or s == 0 else beta * d * z * s * rest)
    return 0 if share == 0 else z * share


@acon.derivative("beta")
def acon_slope_beta(z, p1, p2, beta):
    x = (p1 - p2) * z
    s, rest = _sigmoid(beta * x), _sigmoid(-beta * x)
    return 0 if rest == 0 or s == 0 else x * s * (x * rest)


@hookimpl
def numbann_register(register):
    for component in (tanhexp, logish, smish, serf, elish, acon):
        register(component)
