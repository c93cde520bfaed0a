"""Rectified activations: two pieces that meet at 0."""

from __future__ import annotations

from math import exp

from numbann import Learnable, activation, hookimpl

SERLU_SCALE, SERLU_ALPHA = 1.0786182835772267, 2.9042712333296918


@activation(init="he_normal")
def squared_relu(z):
    """Squared rectified linear unit: a = max(z, 0)^2, in [0, inf).

    Derivative 2 max(z, 0).  Smooth at 0, and sparse.  It grows as z^2, so use a norm or small weights.  So, Manke, Liu,
    Dai, Shazeer and Le 2021 (Primer), https://arxiv.org/abs/2109.08668.
    """
    return 0 if z < 0 else z * z


@activation(init="he_normal")
def star_relu(z, scale: Learnable = 0.8944271909999159, shift: Learnable = -0.4472135954999579):
    """StarReLU: a = scale max(z, 0)^2 + shift, scale and shift trained for each unit; in [shift, inf) if scale > 0.

    It starts with 2 / sqrt(5) and -1 / sqrt(5), which give mean 0 and variance 1 for standard normal z.  Derivative
    2 scale max(z, 0); to scale max(z, 0)^2, to shift 1.  Yu, Si, Zhou, Luo, Zhou, Feng, Yan and Wang 2022,
    https://arxiv.org/abs/2210.13452.
    """
    return shift if z < 0 else scale * z * z + shift


@activation
def serlu(z):
    """Scaled exponentially-regularised linear unit: a = s z for z >= 0, else s alpha z exp(z), in [-1.1524, inf).

    s = 1.0786... and alpha = 2.9042... keep mean 0 and variance 1, like selu's constants.  Far below 0 it returns to 0.
    Derivative s for z > 0, else s alpha (1 + z) exp(z).  Zhang and Li 2018, https://arxiv.org/abs/1807.10117.
    """
    e = exp(-abs(z))
    return SERLU_SCALE * ((0 if e == 0 else SERLU_ALPHA * z * e) if z < 0 else z)


@serlu.derivative
def serlu_derivative(z):
    e = exp(-abs(z))
    below = 0 if e == 0 else SERLU_ALPHA * (1 + z) * e
    return SERLU_SCALE * (1 if z > 0 else below)


@hookimpl
def numbann_register(register):
    for component in (squared_relu, star_relu, serlu):
        register(component)
