"""Periodic activations."""

from __future__ import annotations

from math import sin

from numbann.components.declare import activation


@activation
def sine(z):
    """Sine: a = sin(z), in [-1, 1].

    Derivative cos(z).  Not monotonic.  NaN at +-inf, where there is no limit.

    Example: sine([-2, 0, 2]) = [-0.909, 0, 0.909]
    Use: signals, images and fields as functions of place and time.
    For: fine detail, and derivatives of the network that are of the same kind.
    Against: on tables it fits noise: every z occurs again and again, and the loss has many local minima.
    Trouble: large weights make it oscillate wildly; start with small ones, and lower the rate.
    Reference: Sitzmann, Martel, Bergman, Lindell and Wetzstein 2020, https://arxiv.org/abs/2006.09661.
    """
    return sin(z)
