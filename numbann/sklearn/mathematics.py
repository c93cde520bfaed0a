"""Losses and optimizers in scikit-learn's own form, where it differs from numbann's components.

A loss here is the sum over a row's outputs, where numbann takes their mean: `outputs` is their number.  A probability
in a logarithm is at least `eps`, as it is there, and its derivative that without the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt
from typing import Annotated, Any

from annotated_types import Ge, Le

from numbann.components.component import Component
from numbann.components.declare import freeze, loss, optimizer
from numbann.components.parameter import Fraction, Positive
from numbann.mathematics.rows import row_max, row_sum

Share = Annotated[float, Ge(0), Le(1)]


@loss
def half_squared_error(y, t, outputs: Positive = 1.0):
    """Half the squared error: (y - t)^2 / 2."""
    e = y - t
    return 0.5 * outputs * e * e


def surprise(p, eps):
    """-log of a probability, which is at least eps and at most 1 - eps; NaN stays."""
    return -log(eps if p < eps else 1 - eps if p > 1 - eps else p)


@loss(form="row", link="softmax")
def log_loss(y, label, dy, eps: Positive = 2.0**-52):
    """Cross-entropy of softmax(y) with a class: -log softmax(y)[label].  dy = softmax(y) - [k = label]."""
    largest = row_max(y)
    for k in range(len(y)):
        dy[k] = exp(y[k] - largest)
    total = row_sum(dy)
    p = dy[label] / total
    for k in range(len(y)):
        dy[k] = dy[k] / total
    dy[label] -= 1
    return surprise(p, eps)


@loss(link="sigmoid", target="binary")
def binary_log_loss(y, t, outputs: Positive = 1.0, eps: Positive = 2.0**-52):
    """Cross-entropy of s = sigmoid(y) with t, 0 or 1; 1 - s loses digits as it does there."""
    s = 1 / (1 + exp(-y))
    return outputs * surprise(t * s + (1 - t) * (1 - s), eps)


@binary_log_loss.derivative
def binary_log_loss_slope(y, t, outputs, eps):
    e = exp(-abs(y))
    return outputs * ((e if y < 0 else 1) / (1 + e) - t)


@loss(link="exponential", target="nonnegative")
def half_poisson_deviance(y, t, outputs: Positive = 1.0):
    """Half the Poisson deviance: t log(t / m) - t + m, where m = exp(y)."""
    return outputs * (exp(y) - t * y + (0 if t == 0 else t * log(t) - t))


@half_poisson_deviance.derivative
def half_poisson_deviance_slope(y, t, outputs):
    return outputs * (exp(y) - t)


@optimizer
def sgd(w, g, velocity, learning_rate: Positive = 1e-3, momentum: Share = 0.9, nesterov: bool = True):
    """Gradient descent whose velocity remembers the rates at which it was gathered.

    velocity = momentum velocity - learning_rate g; then w + velocity, or with nesterov the same rule once more.
    """
    velocity = momentum * velocity - learning_rate * g
    return w + (momentum * velocity - learning_rate * g if nesterov else velocity), velocity


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
    """Adam with epsilon beside the square root of v before its start at zero is corrected."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    rate = learning_rate * sqrt(1 - beta2**step) / (1 - beta1**step)
    return w - rate * m / (sqrt(v) + epsilon), m, v


HALF_SQUARED_ERROR, LOG_LOSS, BINARY_LOG_LOSS, HALF_POISSON_DEVIANCE = map(
    freeze, (half_squared_error, log_loss, binary_log_loss, half_poisson_deviance)
)
SGD, ADAM = map(freeze, (sgd, adam))


def solver(course: Callable[..., Any]) -> Component:
    """An optimizer that leaves the course to a function (evaluate, w), which changes w in place."""

    def caller(w, evaluate, memory, learning_rate: Positive = 1.0):
        """Call the function."""
        course(evaluate, w)

    return freeze(optimizer(form="solver", name="course")(caller))
