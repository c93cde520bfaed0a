"""S-shaped activations, which saturate on both sides.  Rectifiers, which do not, live in rectified.py."""

from __future__ import annotations

from math import exp
from math import tanh as hyperbolic_tangent

from numbann.component import activation
from numbann.hookspecs import hookimpl


@activation(aliases=("logistic",))
def sigmoid(z):
    """Sigmoid: a = 1 / (1 + exp(-z)), in (0, 1).

    Derivative a (1 - a), at most 1/4: deep stacks of it let gradients vanish, and units far from 0 saturate.
    Han and Moraga 1995, https://doi.org/10.1007/3-540-59497-3_175.
    """
    e = exp(-abs(z))
    return (e if z < 0 else 1) / (1 + e)


@sigmoid.derivative
def sigmoid_derivative(a):
    return a * (1 - a)


@activation
def tanh(z):
    """Hyperbolic tangent: a = (exp(z) - exp(-z)) / (exp(z) + exp(-z)), in (-1, 1).

    Derivative 1 - a^2, 1 at the origin.  Centred at zero, which trains better than sigmoid; saturates beyond |z| > 3.
    LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    return hyperbolic_tangent(z)


@tanh.derivative
def tanh_derivative(a):
    return 1 - a * a


@hookimpl
def numbann_register(register):
    for component in (sigmoid, tanh):
        register(component)
