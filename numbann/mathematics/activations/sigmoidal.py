"""S-shaped activations, which saturate on both sides."""

from __future__ import annotations

from math import atan, exp
from math import tanh as hyperbolic_tangent

from numbann.components.declare import activation

FLAT = 1e30  # above this, softsign is 1 in every precision


@activation(aliases=("logistic",), probabilities=True)
def sigmoid(z):
    """Sigmoid: a = 1 / (1 + exp(-z)), in (0, 1).

    Derivative a (1 - a), at most 1/4: in deep stacks gradients vanish, and units far from 0 saturate.
    Han and Moraga 1995, https://doi.org/10.1007/3-540-59497-3_175.
    """
    e = exp(-abs(z))
    return (e if z < 0 else 1) / (1 + e)


@activation
def tanh(z):
    """Hyperbolic tangent: a = (exp(z) - exp(-z)) / (exp(z) + exp(-z)), in (-1, 1).

    Derivative 1 - a^2, 1 at the origin.  Centred at zero, so it trains better than sigmoid; it saturates for |z| > 3.
    LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    return hyperbolic_tangent(z)


@activation
def softsign(z):
    """Softsign: a = z / (1 + |z|), in (-1, 1).

    Derivative 1 / (1 + |z|)^2.  Like tanh, but it saturates slowly, so that gradients far out are small but not zero.
    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html; as torch.nn.Softsign.
    """
    return (1 if z > 0 else -1) if abs(z) > FLAT else z / (1 + abs(z))


@softsign.derivative
def softsign_derivative(z):
    s = 1 / (1 + abs(z))
    return s * s


@activation(aliases=("atan",))
def arctan(z):
    """Inverse tangent: a = arctan(z), in (-pi/2, pi/2).

    Derivative 1 / (1 + z^2).  It saturates as slowly as softsign; as an output, note that its bound is not 1.
    NIST 2010, https://dlmf.nist.gov/4.23.
    """
    return atan(z)


@activation
def hard_sigmoid(z):
    """Hard sigmoid: a = min(max(z + 3, 0), 6) / 6, in [0, 1].

    Derivative 1/6 for |z| < 3, else 0.  A sigmoid without exp; a unit beyond 3 for every row stops learning.
    Courbariaux, Bengio and David 2015, https://arxiv.org/abs/1511.00363; with the slope of torch.nn.Hardsigmoid.
    """
    return 0 if z < -3 else (1 if z > 3 else (z + 3) / 6)


@hard_sigmoid.derivative
def hard_sigmoid_derivative(z):
    return 1 / 6 if abs(z) < 3 else 0


@activation
def hard_tanh(z, min_val: float = -1.0, max_val: float = 1.0):
    """Hard hyperbolic tangent: a = min(max(z, min_val), max_val), in [min_val, max_val].

    Derivative 1 between the bounds, else 0.  Cheap, and linear near 0; a unit beyond them for every row stops learning.
    Collobert 2004, https://ronan.collobert.com/pub/matos/2004_phdthesis_lip6.pdf; as torch.nn.Hardtanh.
    """
    return min_val if z < min_val else (max_val if z > max_val else z)


@hard_tanh.derivative
def hard_tanh_derivative(z, min_val, max_val):
    return 1 if min_val < z < max_val else 0
