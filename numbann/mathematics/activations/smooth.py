"""Smooth activations of one sign: softplus, squareplus, log_sigmoid, exponential."""

from __future__ import annotations

from math import exp, log1p, sqrt

from numbann.components.declare import activation
from numbann.components.parameter import Positive

LARGE = 1e9  # above this, beta is negligible beside z^2, and z^2 might overflow


@activation(init="he_normal")
def softplus(z, beta: Positive = 1.0):
    """Softplus: a = log(1 + exp(beta z)) / beta, in (0, inf).

    Evaluated as max(z, 0) + log(1 + exp(-|beta z|)) / beta.  Derivative sigmoid(beta z).

    Example: softplus([-2, 0, 3]) = [0.127, 0.693, 3.049]
    Use: outputs that must be positive, such as a scale or a price.
    For: a smooth relu that is never exactly 0 and has a gradient everywhere.
    Against: as a hidden unit it is slower than relu and rarely better; its mean is above 0.
    Trouble: far below 0 it is about exp(z), and learns slowly; start the bias near the targets' size.
    Reference: Dugas, Bengio, Belisle, Nadeau and Garcia 2001,
    https://papers.nips.cc/paper/1920-incorporating-second-order-functional-knowledge-for-better-option-pricing; as
    torch.nn.Softplus, but without its threshold, above which that is linear.
    """
    return (0 if z < 0 else z) + log1p(exp(-abs(beta * z))) / beta


@softplus.derivative
def softplus_derivative(z, beta):
    e = exp(-abs(beta * z))
    return (e if z < 0 else 1) / (1 + e)


@activation(init="he_normal")
def squareplus(z, beta: Positive = 4.0):
    """Squareplus: a = (z + r) / 2 with r = sqrt(z^2 + beta), in (0, inf).

    Below 0 evaluated as beta / (2 (r - z)), which avoids cancellation.  Derivative a / r.

    Example: squareplus([-2, 0, 3]) = [0.414, 1, 3.303]
    Use: as softplus, where speed counts.
    For: a square root in the place of exp and log, and smooth.
    Against: it nears 0 slowly, as beta / (4 |z|), so that outputs are never very small.
    Trouble: targets near 0 cannot be met; take softplus or exponential, or lower beta.
    Reference: Barron 2021, https://arxiv.org/abs/2112.11687.
    """
    r = abs(z) if abs(z) > LARGE else sqrt(z * z + beta)
    return 0.5 * beta / (r - z) if z < 0 else 0.5 * z + 0.5 * r


@squareplus.derivative
def squareplus_derivative(z, a, beta):
    return (1 if z > 0 else 0) if abs(z) > LARGE else a / sqrt(z * z + beta)


@activation
def log_sigmoid(z):
    """Logarithm of sigmoid: a = -log(1 + exp(-z)), in (-inf, 0).

    Evaluated as min(z, 0) - log(1 + exp(-|z|)).  Derivative sigmoid(-z).

    Example: log_sigmoid([-2, 0, 2]) = [-2.127, -0.693, -0.127]
    Use: an output that is the logarithm of a probability.
    For: it keeps all digits where the logarithm of sigmoid would be log 0.
    Against: as a hidden unit it is softplus mirrored, with outputs that are all negative.
    Trouble: sigmoid_cross_entropy contains the sigmoid; with it, leave the output as it is.
    Reference: Cox 1958, https://doi.org/10.1111/j.2517-6161.1958.tb00292.x; as torch.nn.LogSigmoid.
    """
    return (z if z < 0 else 0) - log1p(exp(-abs(z)))


@log_sigmoid.derivative
def log_sigmoid_derivative(z):
    e = exp(-abs(z))
    return (1 if z < 0 else e) / (1 + e)


@activation
def exponential(z):
    """Exponential: a = exp(z), in (0, inf).

    Derivative a.

    Example: exponential([-2, 0, 3]) = [0.135, 1, 20.086]
    Use: the output for counts and rates, whose logarithm is linear in effects that multiply.
    For: always positive, and a unit more of z means a fixed factor.
    Against: in hidden layers it explodes: exp(89) is inf in single precision.
    Trouble: the loss becomes inf or NaN; standardise inputs, lower the rate, set `train.clip_norm`, or take softplus.
    Reference: Nelder and Wedderburn 1972, https://doi.org/10.2307/2344614.
    """
    return exp(z)
