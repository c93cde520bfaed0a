"""Losses for real targets, one output at a time.  Losses for classes live in classification.py."""

from __future__ import annotations

from numbann.component import loss
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


@hookimpl
def numbann_register(register):
    register(mse)
