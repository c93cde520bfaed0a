"""Optimizers whose step adapts to each weight by running means of its gradients.  One common rate: descent.py."""

from __future__ import annotations

from math import sqrt

from numbann.component import Fraction, Positive, optimizer
from numbann.hookspecs import hookimpl


@optimizer
def adam(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
):
    """Adam: w - learning_rate m_hat / (sqrt(v_hat) + epsilon).

    m = beta1 m + (1 - beta1) g and v = beta2 v + (1 - beta2) g^2 are running means of the gradient and its square;
    m_hat = m / (1 - beta1^step) and v_hat = v / (1 - beta2^step) undo their start at zero.
    Kingma and Ba 2014, https://arxiv.org/abs/1412.6980; as torch.optim.Adam.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    return w - learning_rate * m_hat / (sqrt(v_hat) + epsilon), m, v


@optimizer(optional={"mean": "centered", "buffer": "momentum"})
def rmsprop(
    w,
    g,
    v,
    mean,
    buffer,
    learning_rate: Positive = 0.01,
    rho: Fraction = 0.99,
    epsilon: Positive = 1e-8,
    momentum: Fraction = 0.0,
    centered: bool = False,
):
    """RMSProp: w - learning_rate g / (sqrt(v) + epsilon), v = rho v + (1 - rho) g^2.

    centered subtracts the square of the running mean of g from v; momentum sums the steps up.  Tieleman and Hinton
    2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; as torch.optim.RMSprop, whose
    alpha is rho.
    """
    v = rho * v + (1 - rho) * g * g
    mean = rho * mean + (1 - rho) * g
    variance = v - mean * mean if centered else v
    buffer = momentum * buffer + g / (sqrt(variance) + epsilon)
    return w - learning_rate * buffer, v, mean, buffer


@hookimpl
def numbann_register(register):
    for component in (adam, rmsprop):
        register(component)
