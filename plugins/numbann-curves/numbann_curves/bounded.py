"""S-shaped activations, which are bounded on both sides."""

from __future__ import annotations

from math import exp, log, log1p, sqrt

from numbann import Positive, activation, hookimpl

FLAT = 1e9  # beyond it 1 + x^2 rounds to x^2, and x^2 may overflow


@activation
def isru(z, alpha: Positive = 1.0):
    """Inverse square root unit: a = z / sqrt(1 + alpha z^2), within +-1 / sqrt(alpha).

    Derivative 1 / sqrt(1 + alpha z^2)^3.  Like tanh, without exp.  Carlile, Delamarter, Kinney, Marti and Whitney
    2017, https://arxiv.org/abs/1710.09967.
    """
    x = sqrt(alpha) * z
    bound = 1 / sqrt(alpha)
    return (bound if x > 0 else -bound) if abs(x) > FLAT else z / sqrt(1 + x * x)


@isru.derivative
def isru_derivative(z, alpha):
    x = abs(sqrt(alpha) * z)
    s = 1 / (x if x > FLAT else sqrt(1 + x * x))
    return s * s * s


@activation
def binary_concrete(z, u, temperature: Positive = 0.6666666666666666):
    """Binary concrete: a = sigmoid((z + log(u / (1 - u))) / temperature), in [0, 1].

    u is uniform noise in training, and 0.5 in predictions, which leaves sigmoid(z / temperature).  It is a smooth coin
    with odds exp(z), for units that should become yes or no.  A low temperature makes the choice harder and gradients
    noisier.  Derivative a (1 - a) / temperature.  Maddison, Mnih and Teh 2016, https://arxiv.org/abs/1611.00712;
    Jang, Gu and Poole 2016, https://arxiv.org/abs/1611.01144; the temperature of 2/3 is the former's.
    """
    x = (z + log(u) - log1p(-u)) / temperature
    e = exp(-abs(x))
    return (e if x < 0 else 1) / (1 + e)


@binary_concrete.derivative
def binary_concrete_derivative(a, temperature):
    return a * (1 - a) / temperature


@hookimpl
def numbann_register(register):
    for component in (isru, binary_concrete):
        register(component)
