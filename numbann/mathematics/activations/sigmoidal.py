"""S-shaped activations, which saturate on both sides."""

from __future__ import annotations

from math import atan, exp
from math import tanh as hyperbolic_tangent

from numbann.components.declare import activation

FLAT = 1e30  # above this, softsign is 1 in every precision


@activation(aliases=("logistic",), probabilities=True)
def sigmoid(z):
    """Sigmoid: a = 1 / (1 + exp(-z)), in (0, 1).

    Derivative a (1 - a), at most 1/4.

    Example: sigmoid([-2, 0, 2]) = [0.119, 0.5, 0.881]
    Use: the output of yes or no, where it is the probability of yes; gates.
    For: smooth, and readable as a probability.
    Against: in hidden layers its outputs are all positive, and each layer divides gradients by four or more.
    Trouble: deep stacks stop learning, since gradients vanish and units far from 0 saturate; take relu or tanh in
    hidden layers.  As an output, leave it to the loss, sigmoid_cross_entropy, which contains it.
    Reference: Han and Moraga 1995, https://doi.org/10.1007/3-540-59497-3_175.
    """
    e = exp(-abs(z))
    return (e if z < 0 else 1) / (1 + e)


@activation
def tanh(z):
    """Hyperbolic tangent: a = (exp(z) - exp(-z)) / (exp(z) + exp(-z)), in (-1, 1).

    Derivative 1 - a^2, 1 at the origin.

    Example: tanh([-2, 0, 2]) = [-0.964, 0, 0.964]
    Use: small networks of one or two hidden layers, smooth functions, and outputs in (-1, 1).
    For: centred at 0 with slope 1 there, so it trains faster than sigmoid.
    Against: it saturates for |z| > 3, where its slope is below 0.01.
    Trouble: in deep stacks gradients vanish; standardise inputs, keep init xavier_normal, add a norm, or take relu.
    Reference: LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    return hyperbolic_tangent(z)


@activation
def softsign(z):
    """Softsign: a = z / (1 + |z|), in (-1, 1).

    Derivative 1 / (1 + |z|)^2.

    Example: softsign([-3, 0, 3]) = [-0.75, 0, 0.75]
    Use: as tanh, where units saturate.
    For: it nears its bounds slowly, so gradients far out are small but not zero; no exp.
    Against: its slope falls fast beside 0, so it learns more slowly than tanh there.
    Trouble: outputs rarely come near +-1; scale targets to less, or take identity for the output.
    Reference: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html; as torch.nn.Softsign.
    """
    return (1 if z > 0 else -1) if abs(z) > FLAT else z / (1 + abs(z))


@softsign.derivative
def softsign_derivative(z):
    s = 1 / (1 + abs(z))
    return s * s


@activation(aliases=("atan",))
def arctan(z):
    """Inverse tangent: a = arctan(z), in (-pi/2, pi/2).

    Derivative 1 / (1 + z^2).

    Example: arctan([-2, 0, 2]) = [-1.107, 0, 1.107]
    Use: as softsign, and for angles as outputs.
    For: it saturates as slowly as softsign, with a broader middle.
    Against: its bound is pi / 2 and not 1, which a following layer has to undo.
    Trouble: an output in (-1, 1) is not its range; take tanh for that.
    Reference: NIST 2010, https://dlmf.nist.gov/4.23.
    """
    return atan(z)


@activation
def hard_sigmoid(z):
    """Hard sigmoid: a = min(max(z + 3, 0), 6) / 6, in [0, 1].

    Derivative 1/6 for |z| < 3, else 0.

    Example: hard_sigmoid([-4, 0, 1, 4]) = [0, 0.5, 0.667, 1]
    Use: gates of small or low-precision models.
    For: a sigmoid without exp.
    Against: exactly flat outside of (-3, 3), so it gives probabilities of 0 and 1, whose logarithm no loss can bear.
    Trouble: a unit beyond 3 for every row stops learning; lower the rate, or take sigmoid.
    Reference: Courbariaux, Bengio and David 2015, https://arxiv.org/abs/1511.00363; with the slope of
    torch.nn.Hardsigmoid.
    """
    return 0 if z < -3 else (1 if z > 3 else (z + 3) / 6)


@hard_sigmoid.derivative
def hard_sigmoid_derivative(z):
    return 1 / 6 if abs(z) < 3 else 0


@activation
def hard_tanh(z, min_val: float = -1.0, max_val: float = 1.0):
    """Hard hyperbolic tangent: a = min(max(z, min_val), max_val), in [min_val, max_val].

    Derivative 1 between the bounds, else 0.

    Example: hard_tanh([-2, 0.5, 3]) = [-1, 0.5, 1]
    Use: as tanh in low precision, and outputs with known bounds.
    For: two comparisons, and exact within the bounds.
    Against: no gradient beyond the bounds.
    Trouble: a unit beyond them for every row stops learning; standardise inputs, widen the bounds, or take tanh.
    Reference: Collobert 2004, https://ronan.collobert.com/pub/matos/2004_phdthesis_lip6.pdf; as torch.nn.Hardtanh.
    """
    return min_val if z < min_val else (max_val if z > max_val else z)


@hard_tanh.derivative
def hard_tanh_derivative(z, min_val, max_val):
    return 1 if min_val < z < max_val else 0
