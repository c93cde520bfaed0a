"""Initial weights, as plain NumPy.  shape = (I, O): I inputs, O outputs.  Biases start at zero elsewhere."""

from __future__ import annotations

from math import sqrt

from numbann.component import initializer
from numbann.hookspecs import hookimpl


@initializer
def zeros(shape, random):
    """Zeros: every weight 0.  For linear models; hidden units that start equal stay equal."""
    return 0.0 * random.random(shape)


@initializer(aliases=("glorot_normal",))
def xavier_normal(shape, random):
    """Xavier: normal with mean 0 and variance 2 / (I + O), for tanh and sigmoid.

    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    return random.normal(0.0, sqrt(2 / (shape[0] + shape[1])), shape)


@initializer(aliases=("glorot_uniform",))
def xavier_uniform(shape, random):
    """Xavier: uniform in +-sqrt(6 / (I + O)), whose variance is 2 / (I + O).

    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    bound = sqrt(6 / (shape[0] + shape[1]))
    return random.uniform(-bound, bound, shape)


@initializer(aliases=("kaiming_normal",))
def he_normal(shape, random):
    """He: normal with mean 0 and variance 2 / I, for rectifiers.

    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852.
    """
    return random.normal(0.0, sqrt(2 / shape[0]), shape)


@initializer(aliases=("kaiming_uniform",))
def he_uniform(shape, random):
    """He: uniform in +-sqrt(6 / I), whose variance is 2 / I.

    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852.
    """
    bound = sqrt(6 / shape[0])
    return random.uniform(-bound, bound, shape)


@hookimpl
def numbann_register(register):
    for component in (zeros, xavier_normal, xavier_uniform, he_normal, he_uniform):
        register(component)
