"""Gradient descent with one rate for all weights, plain or with momentum."""

from __future__ import annotations

from numbann.components.component import Fraction, Positive
from numbann.components.declare import optimizer


@optimizer(optional={"buffer": "momentum"})
def sgd(
    w,
    g,
    buffer,
    step,
    learning_rate: Positive = 0.01,
    momentum: Fraction = 0.0,
    dampening: Fraction = 0.0,
    nesterov: bool = False,
):
    """Gradient descent: w - learning_rate g; with momentum, g is replaced by a running sum of gradients.

    buffer = g at the first step, later momentum buffer + (1 - dampening) g; then w - learning_rate buffer, or with
    nesterov w - learning_rate (g + momentum buffer).  It often generalizes best if rate and schedule are tuned.  One
    rate for all weights works badly for inputs of different scale, and the loss explodes if it is too large.  Robbins
    and Monro 1951, https://doi.org/10.1214/aoms/1177729586; as torch.optim.SGD.
    """
    buffer = g if step == 1 else momentum * buffer + (1 - dampening) * g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * direction, buffer


@optimizer
def momentum(w, g, buffer, learning_rate: Positive = 0.01, momentum: Fraction = 0.9, nesterov: bool = False):
    """Gradient descent with momentum: buffer = momentum buffer + g; w - learning_rate buffer (nesterov: see sgd).

    Steady gradients add up to 1 / (1 - momentum) times the step; zigzags cancel.  It overshoots at the rate of plain
    descent: use a smaller one.  Polyak 1964,
    https://doi.org/10.1016/0041-5553(64)90137-5; Nesterov's form: Sutskever, Martens, Dahl and Hinton 2013,
    https://proceedings.mlr.press/v28/sutskever13.html; as torch.optim.SGD with momentum.
    """
    buffer = momentum * buffer + g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * direction, buffer


@optimizer
def nesterov(w, g, buffer, learning_rate: Positive = 0.01, momentum: Fraction = 0.9):
    """Nesterov's momentum: w - learning_rate (g + momentum buffer), buffer = momentum buffer + g.

    The step adds the current gradient once more than momentum does, which damps oscillations earlier.  Nesterov 1983,
    https://www.mathnet.ru/eng/dan46009; this form: Sutskever, Martens, Dahl and Hinton 2013,
    https://proceedings.mlr.press/v28/sutskever13.html; as torch.optim.SGD with nesterov.
    """
    buffer = momentum * buffer + g
    return w - learning_rate * (g + momentum * buffer), buffer
