"""Optimizers that adapt the rate of each weight to its squared gradients."""

from __future__ import annotations

from math import sqrt

from numbann.components.declare import optimizer
from numbann.components.parameter import Fraction, Positive


@optimizer
def adagrad(w, g, total, learning_rate: Positive = 0.01, epsilon: Positive = 1e-10):
    """AdaGrad: w - learning_rate g / (sqrt(total) + epsilon), total = total + g^2.

    total is the sum of all squared gradients of the weight.

    Example: adagrad(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.9, 0.829, 0.887]
    Use: sparse inputs, whose rare features keep a high rate.
    For: each weight has its own rate, and steps shrink by themselves.
    Against: the total never falls, so that rates go to 0.
    Trouble: a long training slows to a halt; use ten times the rate, or rmsprop or adam, which forget.
    Reference: Duchi, Hazan and Singer 2011, https://jmlr.org/papers/v12/duchi11a.html; as torch.optim.Adagrad.
    """
    total = total + g * g
    return w - learning_rate * g / (sqrt(total) + epsilon), total


@optimizer
def adadelta(w, g, v, d, learning_rate: Positive = 1.0, rho: Fraction = 0.9, epsilon: Positive = 1e-6):
    """AdaDelta: w - learning_rate delta, delta = g sqrt(d + epsilon) / sqrt(v + epsilon).

    v and d are running means of g^2 and of delta^2, with weight rho for the past.  A step thus has the unit of the
    weights.

    Example: adadelta(w=1, g=[0.5, 0.5, 0.5]) = [0.997, 0.994, 0.990]
    Use: where no rate is to be chosen: it can stay 1.
    For: steps adapt to each weight, in size and in unit.
    Against: slower than adam on most data.
    Trouble: it starts slowly, since d starts at zero; a larger epsilon helps.
    Reference: Zeiler 2012, https://arxiv.org/abs/1212.5701; as torch.optim.Adadelta.
    """
    v = rho * v + (1 - rho) * g * g
    delta = g * sqrt(d + epsilon) / sqrt(v + epsilon)
    return w - learning_rate * delta, v, rho * d + (1 - rho) * delta * delta


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

    centered subtracts the square of the running mean of g from v; momentum accumulates the steps.

    Example: rmsprop(w=1, g=[0.5, 0.5, -0.5]) = [0.9, 0.829, 0.887]
    Use: gradients whose scale differs between weights and changes over time.
    For: adagrad that forgets: the mean of the last squares in the place of their sum.
    Against: without momentum, steps are noisy.
    Trouble: the first steps are large, since v starts at zero: tenfold with rho 0.99; warm up (`warmup_epochs`), or
    take adam, which corrects it.
    Reference: Tieleman and Hinton 2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; as
    torch.optim.RMSprop, whose alpha is rho.
    """
    v = rho * v + (1 - rho) * g * g
    mean = rho * mean + (1 - rho) * g
    variance = v - mean * mean if centered else v
    buffer = momentum * buffer + g / (sqrt(variance) + epsilon)
    return w - learning_rate * buffer, v, mean, buffer
