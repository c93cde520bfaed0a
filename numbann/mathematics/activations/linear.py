"""The identity."""

from __future__ import annotations

from numbann.components.declare import activation


@activation(aliases=("linear",))
def identity(z):
    """Identity: a = z, in (-inf, inf).

    Derivative 1.

    Example: identity([-2, 0, 3]) = [-2, 0, 3]
    Use: the output layer of a regression, and linear models.
    For: an output may be any real number.
    Against: it adds nothing to what a layer can compute: layers of it in a row act as one linear layer.
    Trouble: in hidden layers a deep network stays linear; take relu there.
    Reference: Goodfellow, Bengio and Courville 2016, https://www.deeplearningbook.org/.
    """
    return z


@identity.derivative
def identity_derivative(z):
    return 1
