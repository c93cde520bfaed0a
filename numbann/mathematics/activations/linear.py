"""The identity."""

from __future__ import annotations

from numbann.components.declare import activation


@activation(aliases=("linear",))
def identity(z):
    """Identity: a = z, in (-inf, inf).

    Derivative 1.  For outputs that may be any real number, and for linear models; several such layers act as one.
    """
    return z


@identity.derivative
def identity_derivative(z):
    return 1
