"""Activations and losses from papers, as plugin writers write them: each shows one form of the interface."""

from __future__ import annotations

from math import exp, expm1, log1p, sin, sqrt
from typing import Annotated

from numbann import (
    Fraction,
    Learnable,
    NonNegative,
    activation,
    initializer,
    learnable,
    loss,
    row_max,
    row_sum,
    stop_gradient,
)


@activation(init="he_normal")
def pade(
    z,
    a0: Learnable = 0.02996348,
    a1: Learnable = 0.61690165,
    a2: Learnable = 2.37539147,
    a3: Learnable = 3.06608078,
    a4: Learnable = 1.52474449,
    a5: Learnable = 0.25281987,
    b1: Learnable = 1.19160814,
    b2: Learnable = 4.40811795,
    b3: Learnable = 0.91111034,
    b4: Learnable = 0.34885983,
):
    """Pade unit: a quotient of polynomials, near leaky relu.  Molina and others 2019, arXiv:1907.06732."""
    over = a0 + z * (a1 + z * (a2 + z * (a3 + z * (a4 + z * a5))))
    return over / (1 + abs(z * (b1 + z * (b2 + z * (b3 + z * b4)))))


@initializer
def frequencies(shape, random):
    """Frequencies: evenly between 0.5 and 2."""
    return random.uniform(0.5, 2, shape)


@activation(init="he_normal")
def snake(z, frequency: Annotated[float, learnable(decay=0.0, low=0.01, start=frequencies)] = 1.0):
    """Snake: z + sin(frequency z)^2 / frequency.  Liu, Hartwig and Ueda 2020, arXiv:2006.08195."""
    wave = sin(frequency * z)
    return z + wave * wave / frequency


def softplus(x):
    return (0 if x < 0 else x) + log1p(exp(-abs(x)))


@activation(init="he_normal")
def xielu(
    z,
    above: Annotated[float, learnable(shared=True)] = 0.8,
    below: Annotated[float, learnable(shared=True)] = 0.8,
    beta: float = 0.5,
):
    """xIELU: p z^2 + beta z, below 0 q (exp(z) - 1 - z) + beta z.  Huang and Schlag 2024, arXiv:2411.13010."""
    return (beta + softplus(below)) * (expm1(z) - z) + beta * z if z <= 0 else softplus(above) * z * z + beta * z


@activation(form="row")
def entmax15(z, a):
    """Entmax 1.5: max(z / 2 - tau, 0)^2, tau such that the sum is 1.  Peters et al. 2019, arXiv:1905.05702."""
    high = row_max(z) / 2
    low = high - 1
    for _ in range(60):
        middle = 0.5 * (low + high)
        for k in range(len(z)):
            a[k] = 0 if z[k] / 2 < middle else (z[k] / 2 - middle) ** 2
        if row_sum(a) < 1:
            high = middle
        else:
            low = middle
    total = row_sum(a)
    for k in range(len(z)):
        a[k] = a[k] / total


@entmax15.backward
def entmax15_backward(a, da, dz):
    total, along = 0.0, 0.0
    for k in range(len(a)):
        total += sqrt(a[k])
        along += sqrt(a[k]) * da[k]
    for k in range(len(a)):
        dz[k] = sqrt(a[k]) * (da[k] - along / total)


@activation(form="row", width=0.5)
def glu(z, a):
    """Gated linear unit: a_k = z_k sigmoid(z_{k + n}), n half of the units.  Dauphin et al. 2016, arXiv:1612.08083."""
    for k in range(len(a)):
        a[k] = z[k] / (1 + exp(-z[k + len(a)]))


@glu.backward
def glu_backward(z, da, dz):
    for k in range(len(da)):
        gate = 1 / (1 + exp(-z[k + len(da)]))
        dz[k] = da[k] * gate
        dz[k + len(da)] = da[k] * z[k] * gate * (1 - gate)


@activation(init="he_normal")
def noisy_relu(z, u, width: NonNegative = 1.0):
    """Noisy relu: max(z + width (u - 1/2), 0), in predictions max(z, 0).  Nair and Hinton 2010."""
    noisy = z + width * (u - 0.5)
    return 0 if noisy < 0 else noisy


@activation(surrogate=True)
def binary(z):
    """Binary: the sign of z; straight through where |z| < 1.  Hubara et al. 2016, arXiv:1602.02830."""
    return -1 if z < 0 else (1 if z > 0 else z)


@binary.derivative
def binary_slope(z):
    return 1 if abs(z) < 1 else 0


@activation(surrogate=True)
def quantised(z, levels: int = 4):
    """Quantised: z within [0, 1], rounded to `levels` steps; straight through.  Zhou et al. 2016, arXiv:1606.06160."""
    bounded = 0 if z < 0 else (1 if z > 1 else z)
    return bounded + stop_gradient((bounded * levels + 0.5 - (bounded * levels + 0.5) % 1) / levels - bounded)


@loss(surrogate=True)
def beta_variance(y, t, beta: Fraction = 0.5):
    """Beta-NLL of a normal distribution around 0 with variance v = exp(y): v^beta, a constant, times the likelihood.

    y is kept from -30 on, since v^beta / v would become 0 / 0.  Seitzer, Tavakoli, Antic and Martius 2022,
    arXiv:2203.09168.
    """
    bounded = -30 if y < -30 else y
    return stop_gradient(exp(beta * bounded)) * 0.5 * (bounded + t * t * exp(-bounded))
