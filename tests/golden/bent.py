"""A plugin of the golden run: an activation with a helper, a number of the module, and a derivative by hand."""

from math import sqrt

from numbann import NonNegative, activation, hookimpl

SHARE = 1 / 4


def root(z, alpha):
    """The square root of 1 + alpha z^2."""
    return sqrt(1 + alpha * z * z)


@activation(init="he_normal")
def bent(z, alpha: NonNegative = 1.0):
    """z, and SHARE z / sqrt(1 + alpha z^2) below 0."""
    return SHARE * z / root(z, alpha) if z < 0 else z


@bent.derivative
def bent_derivative(z, alpha):
    """1, and SHARE / sqrt(1 + alpha z^2)^3 below 0."""
    return SHARE / root(z, alpha) ** 3 if z < 0 else 1


@hookimpl
def numbann_register(register):
    """Register the activation."""
    register(bent)
