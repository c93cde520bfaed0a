"""Initializers from papers, as plugin writers write them from the documentation alone: a plugin in one file."""

from __future__ import annotations

from math import ceil, log2, sqrt

import numpy as np

from numbann import Positive, hookimpl, initializer


@initializer
def torch_linear(shape, random):
    """As torch.nn.Linear: uniform in +-1 / sqrt(I), also for biases."""
    bound = 1 / sqrt(shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def zero(shape, layer):
    """ZerO: parts of the unit matrix, and of a Hadamard matrix where a layer becomes narrower.  Zhao et al. 2021."""
    inputs, outputs = shape
    if inputs <= outputs:
        return np.eye(inputs, outputs)
    bits = ceil(log2(inputs))
    hadamard = np.ones((1, 1))
    for _ in range(bits):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    return 2 ** (-(bits - 1) / 2) * hadamard[:inputs, :outputs]


@initializer
def siren(shape, random, layer, frequency: Positive = 30.0):
    """SIREN, for sin(z): uniform in +-frequency / I in the first layer, +-sqrt(6 / I) behind.  Sitzmann et al. 2020."""
    bound = frequency / shape[0] if layer == 1 else sqrt(6 / shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def fixup(shape, random, layer, layers):
    """Fixup: He's weights over sqrt(layers), and zeros in the last layer.  Zhang, Dauphin and Ma 2019."""
    if layer == layers:
        return np.zeros(shape)
    return random.normal(0, sqrt(2 / shape[0] / layers), shape)


@initializer
def lsuv(shape, random, x, tolerance: Positive = 0.01):
    """LSUV: orthogonal, divided by the deviation of x w until that is 1.  Mishkin and Matas 2015."""
    u, _, v = np.linalg.svd(random.standard_normal(shape), full_matrices=False)
    w = u @ v
    for _ in range(10):
        deviation = float((x @ w).std())
        if abs(deviation - 1) < tolerance or deviation == 0:
            break
        w /= deviation
    return w


@initializer
def unit_variance(shape, random, x):
    """RealMLP's weights: normal, each unit's then divided by the deviation of x w.  Holzmueller et al. 2024."""
    w = random.standard_normal(shape)
    return w / np.maximum((x @ w).std(0), 1e-6)


@initializer
def he5(shape, random, z):
    """RealMLP's biases: minus a random mean of x w over five rows, for each unit its own.  Holzmueller et al. 2024."""
    shares = random.exponential(1, (5, shape[1]))
    rows = random.integers(0, len(z), (5, shape[1]))
    return -(shares / shares.sum(0) * np.take_along_axis(z, rows, 0)).sum(0)


@hookimpl
def numbann_register(register):
    for component in (torch_linear, zero, siren, fixup, lsuv, unit_variance, he5):
        register(component)
