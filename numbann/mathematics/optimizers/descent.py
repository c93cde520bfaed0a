"""Gradient descent with one rate for all weights, plain or with momentum."""

from __future__ import annotations

from numbann.components.declare import optimizer
from numbann.components.parameter import Fraction, Positive


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
    nesterov w - learning_rate (g + momentum buffer).

    Example: sgd(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.95, 0.9, 0.95]
    Use: when rate and schedule can be tuned, and to see what plain descent does.
    For: one number to understand, no state without momentum; tuned well it often generalizes best.
    Against: one rate for all weights works badly for inputs of different scale, and in long valleys it zigzags.
    Trouble: the loss explodes: divide the rate by ten; it crawls: raise it (`numbann lr-find`), standardise inputs, set
    momentum to 0.9.
    Reference: Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586; as torch.optim.SGD.
    """
    buffer = g if step == 1 else momentum * buffer + (1 - dampening) * g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * direction, buffer


@optimizer
def momentum(w, g, buffer, learning_rate: Positive = 0.01, momentum: Fraction = 0.9, nesterov: bool = False):
    """Gradient descent with momentum: buffer = momentum buffer + g; w - learning_rate buffer (nesterov: see sgd).

    Steady gradients add up to 1 / (1 - momentum) times the step; those that change their sign cancel.

    Example: momentum(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.95, 0.855, 0.820]
    Use: nearly wherever sgd would do.
    For: faster along valleys and calmer across them, for one number more per weight.
    Against: it overshoots, and one more number to choose.
    Trouble: at the rate of plain descent it may explode, since steps grow up to tenfold; divide the rate by ten, or
    lower momentum.
    Reference: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5; Nesterov's form: Sutskever, Martens, Dahl and
    Hinton 2013, https://proceedings.mlr.press/v28/sutskever13.html; as torch.optim.SGD with momentum.
    """
    buffer = momentum * buffer + g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * direction, buffer


@optimizer
def nesterov(w, g, buffer, learning_rate: Positive = 0.01, momentum: Fraction = 0.9):
    """Nesterov's momentum: w - learning_rate (g + momentum buffer), buffer = momentum buffer + g.

    The gradient counts once more than in momentum, as if it were taken where the buffer leads to.

    Example: nesterov(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.905, 0.770, 0.788]
    Use: as momentum, where it swings to and fro.
    For: it brakes earlier, so that a larger momentum is possible.
    Against: with noisy small batches there is little gain.
    Trouble: it explodes at the rate of plain descent; divide the rate by ten.
    Reference: Nesterov 1983, https://www.mathnet.ru/eng/dan46009; this form: Sutskever, Martens, Dahl and Hinton 2013,
    https://proceedings.mlr.press/v28/sutskever13.html; as torch.optim.SGD with nesterov.
    """
    buffer = momentum * buffer + g
    return w - learning_rate * (g + momentum * buffer), buffer
