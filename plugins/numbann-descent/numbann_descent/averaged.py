"""Descent along averages of gradients, with one rate for all weights."""

from __future__ import annotations

from numbann import Fraction, NonNegative, Positive, hookimpl, optimizer


@optimizer
def sgdw(
    w,
    g,
    buffer,
    learning_rate: Positive = 0.01,
    momentum: Fraction = 0.9,
    nesterov: bool = False,
    weight_decay: NonNegative = 1e-4,
):
    """SGDW: w - learning_rate (buffer + weight_decay w), buffer = momentum buffer + g (nesterov: g + momentum buffer).

    The decay does not enter the buffer, so rate and decay can be tuned separately.  It is a multiple of the rate: a
    schedule scales both.  Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101.
    """
    buffer = momentum * buffer + g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * (direction + weight_decay * w), buffer


@optimizer
def signum(w, g, m, learning_rate: Positive = 1e-4, momentum: Fraction = 0.9, weight_decay: NonNegative = 0.0):
    """Signum: w - learning_rate (sign(m) + weight_decay w), m = momentum m + (1 - momentum) g.

    Every weight moves by the rate, whatever the size of its gradient.  Steps do not shrink near the minimum, so use a
    schedule.  It is Lion with one average; momentum 0 is signSGD.  Bernstein, Wang, Azizzadenesheli and Anandkumar
    2018, https://arxiv.org/abs/1802.04434.
    """
    m = momentum * m + (1 - momentum) * g
    sign = 1.0 if m > 0 else (-1.0 if m < 0 else m)
    return w - learning_rate * (sign + weight_decay * w), m


@optimizer(optional={"first": "beta1"})
def aggmo(
    w,
    g,
    first,
    second,
    third,
    learning_rate: Positive = 0.01,
    beta1: Fraction = 0.0,
    beta2: Fraction = 0.9,
    beta3: Fraction = 0.99,
):
    """Aggregated momentum: w - learning_rate (first + second + third) / 3, each beta times itself + g.

    The fast momenta damp the overshoot of the slow one, so a momentum of 0.99 becomes safe.  While beta1 is 0, first is
    the gradient and is not stored.  Lucas, Sun, Zemel and Grosse 2018, https://arxiv.org/abs/1804.00325.
    """
    first = beta1 * first + g
    second = beta2 * second + g
    third = beta3 * third + g
    return w - learning_rate * (first + second + third) / 3, first, second, third


@hookimpl
def numbann_register(register):
    for component in (sgdw, signum, aggmo):
        register(component)
