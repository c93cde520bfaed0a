"""Periodic activations."""

from __future__ import annotations

from math import sin

from numbann.components.declare import activation


@activation
def sine(z):
    """Sine: a = sin(z), in [-1, 1].

    Derivative cos(z).  For signals and their derivatives.  Not monotonic: the loss has many local minima, so use small
    steps.  NaN at +-inf, where there is no limit.  Sitzmann, Martel, Bergman, Lindell and Wetzstein 2020,
    https://arxiv.org/abs/2006.09661.
    """
    return sin(z)
