"""Optimizers that divide a gradient by matrices of its rows and of its columns, in plain NumPy."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge

from numbann import Fraction, Positive, hookimpl, optimizer


@optimizer(form="matrix", shapes={"left": "II", "right": "OO", "left_root": "II", "right_root": "OO"})
def shampoo(
    w,
    g,
    m,
    left,
    right,
    left_root,
    right_root,
    step,
    learning_rate: Positive = 0.1,
    momentum: Fraction = 0.9,
    epsilon: Positive = 1e-4,
    every: Annotated[int, Ge(1)] = 20,
):
    """Shampoo: w - learning_rate m, m = momentum m + (1 - momentum) L^(-1/4) g R^(-1/4), L, R the sums of g g', g' g.

    L (I, I) and R (O, O) start from epsilon times the unit matrix.  Together they stand for the square root of the
    matrix of all products of two weights' gradients.  For biases it is R^(-1/2) alone, the full-matrix AdaGrad.  The
    roots are computed anew at the first `every` steps and then at every `every`-th, which takes some 10 (I^3 + O^3)
    multiplications: for layers of some hundred inputs and units.  Steps become shorter as AdaGrad's do.  Gupta, Koren
    and Singer 2018, https://arxiv.org/abs/1802.09568, algorithm 1, with a mean of the steps as momentum.
    """
    left += g @ g.T
    right += g.T @ g
    vector = len(w) == 1
    if step <= every or step % every == 0:  # at first the sums change much
        left_root[:] = 1 if vector else _root(left, epsilon, -1 / 4)
        right_root[:] = _root(right, epsilon, -1 / 2 if vector else -1 / 4)
    m[:] = momentum * m + (1 - momentum) * (left_root @ g @ right_root)
    w -= learning_rate * m


def _root(x, epsilon, exponent):
    """Return a power of a symmetric matrix, in double precision, with epsilon added to its eigenvalues."""
    if not np.isfinite(x).all():
        return np.nan * x
    values, vectors = np.linalg.eigh(x.astype("float64"))
    return (vectors * (np.maximum(values, 0) + epsilon) ** exponent) @ vectors.T


@hookimpl
def numbann_register(register):
    register(shampoo)
