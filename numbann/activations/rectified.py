"""Rectifiers: activations that pass what is positive and bend what is not.  S-shaped ones live in sigmoidal.py."""

from __future__ import annotations

from math import expm1

from numbann.component import NonNegative, activation
from numbann.hookspecs import hookimpl


@activation(init="he_normal")
def relu(z):
    """Rectified linear unit: a = max(z, 0), in [0, inf).

    Derivative 1 for z > 0, else 0.  Cheap and does not saturate; a unit that is negative for every row is dead.
    Nair and Hinton 2010, https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf.
    """
    return 0 if z < 0 else z


@relu.derivative
def relu_derivative(a):
    return 1 if a > 0 else 0


@activation(init="he_normal")
def leaky_relu(z, alpha: NonNegative = 0.01):
    """Leaky rectified linear unit: a = z for z >= 0, else alpha z, in (-inf, inf).

    Derivative 1 for z > 0, else alpha: no unit dies.  Maas, Hannun and Ng 2013,
    https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf.
    """
    return alpha * z if z < 0 else z


@leaky_relu.derivative
def leaky_relu_derivative(z, alpha):
    return 1 if z > 0 else alpha


@activation(init="he_normal")
def elu(z, alpha: NonNegative = 1.0):
    """Exponential linear unit: a = z for z >= 0, else alpha (exp(z) - 1), in (-alpha, inf).

    Derivative 1 for z > 0, else a + alpha.  Smooth where alpha = 1, with a mean nearer to zero than relu's.
    Clevert, Unterthiner and Hochreiter 2015, https://arxiv.org/abs/1511.07289.
    """
    return alpha * expm1(z) if z < 0 else z


@elu.derivative
def elu_derivative(z, a, alpha):
    return 1 if z > 0 else a + alpha


@hookimpl
def numbann_register(register):
    for component in (relu, leaky_relu, elu):
        register(component)
