"""Losses and optimizers in scikit-learn's own form, where it differs from numbann's components.

A loss here is the sum over a row's outputs, where numbann takes their mean: `outputs` is their number.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, log1p, sqrt
from typing import Annotated, Any

from annotated_types import Ge, Le

from numbann.components.component import Component
from numbann.components.declare import freeze, loss, optimizer
from numbann.components.parameter import Fraction, Positive

Share = Annotated[float, Ge(0), Le(1)]


@loss
def half_squared_error(y, t, outputs: Positive = 1.0):
    """Half the squared error: (y - t)^2 / 2."""
    e = y - t
    return 0.5 * outputs * e * e


@loss(link="sigmoid", target="binary")
def binary_log_loss(y, t, outputs: Positive = 1.0):
    """Cross-entropy of sigmoid(y) with t, 0 or 1."""
    return outputs * (log1p(exp(-abs(y))) + (y * (1 - t) if y > 0 else -y * t))


@binary_log_loss.derivative
def binary_log_loss_slope(y, t, outputs):
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


HALF_SQUARED_ERROR, BINARY_LOG_LOSS, HALF_POISSON_DEVIANCE = map(
    freeze, (half_squared_error, binary_log_loss, half_poisson_deviance)
)
SGD, ADAM = map(freeze, (sgd, adam))


def solver(course: Callable[..., Any]) -> Component:
    """An optimizer that leaves the course to a function (evaluate, w), which changes w in place."""

    def caller(w, evaluate, memory, learning_rate: Positive = 1.0):
        """Call the function."""
        course(evaluate, w)

    return freeze(optimizer(form="solver", name="course")(caller))
