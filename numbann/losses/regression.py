"""Losses for real targets, one output at a time.  Losses for classes live in classification.py."""

from __future__ import annotations

from math import exp, expm1, log, log1p, tanh

from numbann.component import Fraction, Positive, loss
from numbann.hookspecs import hookimpl


@loss(aliases=("mean_squared_error",))
def mse(y, t):
    """Squared error: (y - t)^2, whose mean over outputs and rows is the mean squared error.  y, t in (-inf, inf).

    Derivative 2 (y - t).  The best guess is the mean; one outlier can weigh as much as a thousand rows.
    Gauss 1809, Theoria motus; as torch.nn.MSELoss.
    """
    e = y - t
    return e * e


@mse.derivative
def mse_derivative(y, t):
    return 2 * (y - t)


@loss(aliases=("mean_absolute_error", "l1"))
def mae(y, t):
    """Absolute error: |y - t|.  y, t in (-inf, inf).

    Derivative the sign of y - t, 0 at 0.  The best guess is the median, which outliers do not move; the gradient does
    not shrink near the target, so that the rate must.  Boscovich 1757; as torch.nn.L1Loss.
    """
    return abs(y - t)


@mae.derivative
def mae_derivative(y, t):
    e = y - t
    return 1 if e > 0 else (-1 if e < 0 else e)


@loss
def huber(y, t, delta: Positive = 1.0):
    """Huber: e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2), with e = y - t.

    Derivative e, within +-delta.  Squared near the target, absolute far out; delta is in units of the scaled target.
    Huber 1964, https://doi.org/10.1214/aoms/1177703732; as torch.nn.HuberLoss.
    """
    e = abs(y - t)
    return 0.5 * e * e if e <= delta else delta * (e - 0.5 * delta)


@huber.derivative
def huber_derivative(y, t, delta):
    e = y - t
    return delta if e > delta else (-delta if e < -delta else e)


@loss
def smooth_l1(y, t, beta: Positive = 1.0):
    """Smooth absolute error: e^2 / (2 beta) for |e| < beta, else |e| - beta / 2, with e = y - t.

    Derivative e / beta, within +-1.  Huber's with delta beta, divided by beta; near 0 it becomes mae.
    Girshick 2015, https://arxiv.org/abs/1504.08083; as torch.nn.SmoothL1Loss.
    """
    e = abs(y - t)
    return e - 0.5 * beta if e >= beta else 0.5 * e * e / beta


@smooth_l1.derivative
def smooth_l1_derivative(y, t, beta):
    e = y - t
    return 1 if e >= beta else (-1 if e <= -beta else e / beta)


@loss
def log_cosh(y, t):
    """Logarithm of the hyperbolic cosine: log cosh(e) with e = y - t.

    About e^2 / 2 near 0 and |e| - log 2 far out.  Evaluated as log(1 + q^2 / (2 (1 + q))) with q = exp(-|e|) - 1, and
    above 1 as |e| - log 2 + log(1 + exp(-2 |e|)).  Derivative tanh(e).  A smooth huber without a parameter.
    Green 1990, https://doi.org/10.1109/42.52985.
    """
    e = abs(y - t)
    q = expm1(-e)
    return e - log(2) + log1p(exp(-2 * e)) if e > 1 else log1p(q * q / (2 + 2 * q))


@log_cosh.derivative
def log_cosh_derivative(y, t):
    return tanh(y - t)


@loss(aliases=("pinball",))
def quantile(y, t, quantile: Fraction = 0.5):
    """Quantile: q (t - y) for y <= t, else (1 - q) (y - t), with q the quantile asked for.

    Derivative -q below t, 1 - q above, 0 at t.  The best guess is the q-quantile, so two models bound an interval;
    half of mae for q = 0.5.  Extreme quantiles need many rows, and the quantiles of two models may cross.
    Koenker and Bassett 1978, https://doi.org/10.2307/1913643.
    """
    e = y - t
    return (1 - quantile) * e if e > 0 else -quantile * e


@quantile.derivative
def quantile_derivative(y, t, quantile):
    e = y - t
    return 1 - quantile if e > 0 else (-quantile if e < 0 else e)


@hookimpl
def numbann_register(register):
    for component in (mse, mae, huber, smooth_l1, log_cosh, quantile):
        register(component)
