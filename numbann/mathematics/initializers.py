"""Initializers: plain NumPy functions that draw initial weights of shape (I, O), for I inputs and O outputs."""

from __future__ import annotations

from math import ceil, sqrt

from numbann.components.component import Fraction, Positive
from numbann.components.declare import initializer

CUT = 2.0  # deviations beyond which a truncated normal is drawn again


@initializer
def zeros(shape, random):
    """Zeros: every weight 0.  For linear models; hidden units that start equal stay equal."""
    return 0.0 * random.random(shape)


@initializer
def ones(shape, random):
    """Ones: every weight 1.  To test arithmetic; hidden units that start equal stay equal."""
    return zeros(shape, random) + 1.0


@initializer
def constant(shape, random, value: float = 0.1):
    """Constant: every weight has the same value.  To test arithmetic; hidden units that start equal stay equal."""
    return zeros(shape, random) + value


@initializer
def uniform(shape, random, bound: Positive = 0.05):
    """Uniform: in +-bound, whatever the layer's width.  Too large a bound saturates wide layers: see xavier_uniform."""
    return random.uniform(-bound, bound, shape)


@initializer
def normal(shape, random, deviation: Positive = 0.05):
    """Normal: mean 0 and this standard deviation, whatever the layer's width.  For wide layers see he_normal."""
    return random.normal(0.0, deviation, shape)


@initializer
def truncated_normal(shape, random, deviation: Positive = 0.05):
    """Truncated normal: normal with mean 0, drawn again beyond 2 deviations, so that no unit starts with an outlier.

    Its own standard deviation is 0.88 of the one given.  As jax.nn.initializers.truncated_normal,
    https://docs.jax.dev/en/latest/jax.nn.initializers.html (2024).
    """
    drawn = random.standard_normal(shape)
    while (wide := abs(drawn) > CUT).any():
        drawn[wide] = random.standard_normal(wide.sum())
    return deviation * drawn


@initializer(aliases=("glorot_normal",))
def xavier_normal(shape, random):
    """Xavier: normal with mean 0 and variance 2 / (I + O), for tanh and sigmoid.

    A compromise between keeping the variance in the forward and in the backward pass.  With deep rectifiers, signals
    fade: see he_normal.
    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    return random.normal(0.0, sqrt(2 / (shape[0] + shape[1])), shape)


@initializer(aliases=("glorot_uniform",))
def xavier_uniform(shape, random):
    """Xavier: uniform in +-sqrt(6 / (I + O)), whose variance is 2 / (I + O).

    For tanh and sigmoid, as xavier_normal, without its rare large weights.
    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    bound = sqrt(6 / (shape[0] + shape[1]))
    return random.uniform(-bound, bound, shape)


@initializer(aliases=("kaiming_normal",))
def he_normal(shape, random):
    """He: normal with mean 0 and variance 2 / I, for rectifiers.

    The 2 makes up for the half of z that relu sets to zero.  With tanh, units start closer to saturation.
    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852.
    """
    return random.normal(0.0, sqrt(2 / shape[0]), shape)


@initializer(aliases=("kaiming_uniform",))
def he_uniform(shape, random):
    """He: uniform in +-sqrt(6 / I), whose variance is 2 / I.

    For rectifiers, as he_normal, without its rare large weights.
    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852.
    """
    bound = sqrt(6 / shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def lecun_normal(shape, random):
    """LeCun: normal with mean 0 and variance 1 / I, for selu and linear layers; rectifiers fade out with it.

    LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    return random.normal(0.0, sqrt(1 / shape[0]), shape)


@initializer
def lecun_uniform(shape, random):
    """LeCun: uniform in +-sqrt(3 / I), whose variance is 1 / I.

    For selu and linear layers, as lecun_normal, without its rare large weights.
    LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    bound = sqrt(3 / shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def orthogonal(shape, random, gain: Positive = 1.0):
    """Orthogonal: gain Q, whose columns (rows, if O > I) are orthogonal and of length 1, uniform among all such Q.

    It keeps the length of vectors through deep linear layers; with rectifiers, use a gain of sqrt(2).  It costs a QR
    decomposition.
    Saxe, McClelland and Ganguli 2013, https://arxiv.org/abs/1312.6120; as torch.nn.init.orthogonal_.
    """
    from numpy.linalg import qr

    drawn = random.standard_normal((max(shape), min(shape)))
    q, r = qr(drawn)
    q = q * (1 - 2 * (r.diagonal() < 0))
    return gain * (q if shape[0] >= shape[1] else q.T)


@initializer
def sparse(shape, random, sparsity: Fraction = 0.9, deviation: Positive = 0.01):
    """Sparse: of each unit's I weights ceil(sparsity I) are 0, the others normal with mean 0 and this deviation.

    Units then start out different from each other.  In narrow layers, a large sparsity leaves units without inputs.
    Martens 2010, https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf; as torch.nn.init.sparse_.
    """
    drawn = random.normal(0.0, deviation, shape)
    places = random.random(shape).argsort(0).argsort(0)
    return drawn * (places >= ceil(sparsity * shape[0]))
