"""Smooth activations of one sign: softplus, squareplus, log_sigmoid, exponential."""

from __future__ import annotations

from math import exp, log1p, sqrt

from numbann.components.component import Positive
from numbann.components.declare import activation

LARGE = 1e9  # above this, beta is negligible beside z^2, and z^2 might overflow


@activation(init="he_normal")
def softplus(z, beta: Positive = 1.0):
    """Softplus: a = log(1 + exp(beta z)) / beta, in (0, inf).

    Evaluated as max(z, 0) + log(1 + exp(-|beta z|)) / beta.  Derivative sigmoid(beta z).  A smooth relu, for outputs
    that must be positive; never exactly 0.  Dugas, Bengio, Belisle, Nadeau and Garcia 2001,
    https://papers.nips.cc/paper/1920-incorporating-second-order-functional-knowledge-for-better-option-pricing;
    as torch.nn.Softplus, but without its threshold, above which that is linear.
    """
    return (0 if z < 0 else z) + log1p(exp(-abs(beta * z))) / beta


@softplus.derivative
def softplus_derivative(z, beta):
    e = exp(-abs(beta * z))
    return (e if z < 0 else 1) / (1 + e)


@activation(init="he_normal")
def squareplus(z, beta: Positive = 4.0):
    """Squareplus: a = (z + r) / 2 with r = sqrt(z^2 + beta), in (0, inf).

    Below 0 evaluated as beta / (2 (r - z)), which avoids cancellation.  Derivative a / r.  A softplus without exp and
    log; it approaches 0 only as beta / (4 |z|).  Barron 2021, https://arxiv.org/abs/2112.11687.
    """
    r = abs(z) if abs(z) > LARGE else sqrt(z * z + beta)
    return 0.5 * beta / (r - z) if z < 0 else 0.5 * z + 0.5 * r


@squareplus.derivative
def squareplus_derivative(z, a, beta):
    return (1 if z > 0 else 0) if abs(z) > LARGE else a / sqrt(z * z + beta)


@activation
def log_sigmoid(z):
    """Logarithm of sigmoid: a = -log(1 + exp(-z)), in (-inf, 0).

    Evaluated as min(z, 0) - log(1 + exp(-|z|)).  Derivative sigmoid(-z).  A log-probability; as a hidden unit it is
    softplus mirrored.  Cox 1958, https://doi.org/10.1111/j.2517-6161.1958.tb00292.x; as torch.nn.LogSigmoid.
    """
    return (z if z < 0 else 0) - log1p(exp(-abs(z)))


@log_sigmoid.derivative
def log_sigmoid_derivative(z):
    e = exp(-abs(z))
    return (1 if z < 0 else e) / (1 + e)


@activation
def exponential(z):
    """Exponential: a = exp(z), in (0, inf).

    Derivative a.  The link of counts and rates; as a hidden unit it explodes: exp(89) is inf in single precision.
    Nelder and Wedderburn 1972, https://doi.org/10.2307/2344614.
    """
    return exp(z)
