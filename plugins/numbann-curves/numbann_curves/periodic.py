"""Activations with a period.  At +-inf they have no limit and are NaN."""

from __future__ import annotations

from math import cos, sin

from numbann import Positive, activation, hookimpl


@activation
def snake(z, alpha: Positive = 1.0):
    """Snake: a = z + sin(alpha z)^2 / alpha, in (-inf, inf).

    Derivative 1 + sin(2 alpha z), never negative.  A line with waves: it learns periodic functions and continues them
    outside the data, where other activations end in a line.  Use a high alpha for short periods.
    Ziyin, Hartwig and Ueda 2020, https://arxiv.org/abs/2006.08195.
    """
    s = sin(alpha * z)
    return z + s * s / alpha


@activation
def growing_cosine(z):
    """Growing cosine unit: a = z cos(z), in (-inf, inf).

    Derivative cos(z) - z sin(z).  It has several zeros, so one unit can learn xor.  Large z give large gradients, so
    scale the inputs.  Noel, Arunkumar, Trivedi and Dutta 2021, https://arxiv.org/abs/2108.12943.
    """
    return z * cos(z)


@hookimpl
def numbann_register(register):
    for component in (snake, growing_cosine):
        register(component)
