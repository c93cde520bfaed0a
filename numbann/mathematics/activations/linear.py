"""The activation that does nothing.  Anything with a bend lives elsewhere."""

from __future__ import annotations

from numbann.components.declare import activation


@activation(aliases=("linear",))
def identity(z):
    """Identity: a = z, in (-inf, inf).

    Derivative 1.  For outputs that may be any real number, and for linear models; layers of it alone collapse into one.
    """
    return z


@identity.derivative
def identity_derivative(z):
    return 1
