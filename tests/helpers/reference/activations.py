"""Twins of the activations: a = f(z), and dz from da.

z, a, da, dz: (B, O), or any one shape where f is of one unit.
"""

from __future__ import annotations

import math

import numpy as np

from reference.products import Array

at_the_limits = np.errstate(over="ignore", invalid="ignore")  # exp(1000) = inf and 0 * inf = NaN are meant


def identity(z: Array) -> Array:
    """a = z."""
    return z


def identity_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da."""
    return da


@at_the_limits
def sigmoid(z: Array) -> Array:
    """a = 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def sigmoid_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da a (1 - a)."""
    return da * a * (1 - a)


def tanh(z: Array) -> Array:
    """a = tanh(z)."""
    return np.tanh(z)


def tanh_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da (1 - a^2), factored so that it keeps its digits where a is near 1."""
    return da * (1 - a) * (1 + a)


def relu(z: Array) -> Array:
    """a = max(z, 0)."""
    return np.maximum(z, 0)


def relu_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da where z > 0, else 0."""
    return da * (z > 0)


@at_the_limits
def leaky_relu(z: Array, alpha: float = 0.01) -> Array:
    """a = z where z > 0, else alpha z."""
    return np.where(z > 0, z, alpha * z)


def leaky_relu_backward(da: Array, z: Array, a: Array, alpha: float = 0.01) -> Array:
    """dz = da where z > 0, else alpha da."""
    return da * np.where(z > 0, 1, alpha)


def prelu(z: Array, alpha: float | Array = 0.25) -> Array:
    """a = z for z >= 0, else alpha z."""
    return np.where(z < 0, alpha * z, z)


def prelu_backward(da: Array, z: Array, a: Array, alpha: float | Array = 0.25) -> Array:
    """dz = da for z > 0, else alpha da."""
    return da * np.where(z > 0, 1.0, alpha)


def prelu_sums(da: Array, z: Array, a: Array, alpha: float | Array = 0.25) -> tuple[Array]:
    """The gradient to alpha of each unit: the sum over rows of da z where z < 0."""
    return ((da * np.where(z < 0, z, 0.0)).reshape(-1, z.shape[-1]).sum(0),)


def rrelu(z: Array, lower: float = 1 / 8, upper: float = 1 / 3, u: float | Array = 0.5) -> Array:
    """a = z for z >= 0, else (lower + u (upper - lower)) z."""
    return np.where(z < 0, (lower + u * (upper - lower)) * z, z)


def rrelu_backward(
    da: Array, z: Array, a: Array, lower: float = 1 / 8, upper: float = 1 / 3, u: float | Array = 0.5
) -> Array:
    """dz = da for z > 0, else (lower + u (upper - lower)) da."""
    return da * np.where(z > 0, 1.0, lower + u * (upper - lower))


@at_the_limits
def elu(z: Array, alpha: float = 1.0) -> Array:
    """a = z where z > 0, else alpha (exp(z) - 1)."""
    return np.where(z > 0, z, alpha * np.expm1(z))


@at_the_limits
def elu_backward(da: Array, z: Array, a: Array, alpha: float = 1.0) -> Array:
    """dz = da where z > 0, else da alpha exp(z)."""
    return da * np.where(z > 0, 1, alpha * np.exp(z))


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


def selu(z: Array) -> Array:
    """a = s elu(z) with its own alpha."""
    return SELU_SCALE * elu(z, SELU_ALPHA)


def selu_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = s da where z > 0, else da s alpha exp(z)."""
    return SELU_SCALE * elu_backward(da, z, a, SELU_ALPHA)


@at_the_limits
def celu(z: Array, alpha: float = 1.0) -> Array:
    """a = z where z > 0, else alpha (exp(z / alpha) - 1)."""
    return np.where(z > 0, z, alpha * np.expm1(z / alpha))


@at_the_limits
def celu_backward(da: Array, z: Array, a: Array, alpha: float = 1.0) -> Array:
    """dz = da where z > 0, else da exp(z / alpha)."""
    return da * np.where(z > 0, 1, np.exp(z / alpha))


def relu6(z: Array) -> Array:
    """a = min(max(z, 0), 6)."""
    return np.clip(z, 0, 6)


def relu6_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da where 0 < z < 6, else 0."""
    return da * ((z > 0) & (z < 6))


def threshold(z: Array, threshold: float = 1.0, fill: float = 0.0) -> Array:
    """a = z where z > threshold, else fill."""
    return np.where(z <= threshold, fill, z)


def threshold_backward(da: Array, z: Array, a: Array, threshold: float = 1.0, fill: float = 0.0) -> Array:
    """dz = da where z > threshold, else 0."""
    return da * (z > threshold)


def softplus(z: Array, beta: float = 1.0) -> Array:
    """a = log(1 + exp(beta z)) / beta."""
    return np.logaddexp(0, beta * z) / beta


def softplus_backward(da: Array, z: Array, a: Array, beta: float = 1.0) -> Array:
    """dz = da sigmoid(beta z)."""
    return da * sigmoid(beta * z)


@at_the_limits
def squareplus(z: Array, beta: float = 4.0) -> Array:
    """a = (z + sqrt(z^2 + beta)) / 2, below 0 with numerator and denominator times sqrt(z^2 + beta) - z."""
    r = np.hypot(z, np.sqrt(beta))
    return np.where(z < 0, beta / (r + np.abs(z)), z + r) / 2


@at_the_limits
def squareplus_backward(da: Array, z: Array, a: Array, beta: float = 4.0) -> Array:
    """dz = da (1 + z / sqrt(z^2 + beta)) / 2."""
    return da * (1 + np.where(np.isinf(z), np.sign(z), z / np.hypot(z, np.sqrt(beta)))) / 2


def log_sigmoid(z: Array) -> Array:
    """a = -log(1 + exp(-z))."""
    return -np.logaddexp(0, -z)


def log_sigmoid_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da sigmoid(-z)."""
    return da * sigmoid(-z)


@at_the_limits
def exponential(z: Array) -> Array:
    """a = exp(z)."""
    return np.exp(z)


def exponential_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da a."""
    return da * a


@at_the_limits
def gated(z: Array, gate: Array) -> Array:
    """z times a gate; 0 where the gate is shut, also at -inf."""
    return np.where(gate == 0, 0, z * gate)


def silu(z: Array, beta: float = 1.0) -> Array:
    """a = z sigmoid(beta z)."""
    return gated(z, sigmoid(beta * z))


def silu_backward(da: Array, z: Array, a: Array, beta: float = 1.0) -> Array:
    """dz = da (s + beta z s (1 - s)), s = sigmoid(beta z)."""
    s = sigmoid(beta * z)
    return da * (s + beta * gated(z, s * sigmoid(-beta * z)))


def normal_distribution(z: Array) -> Array:
    """P(z) = erfc(-z / sqrt(2)) / 2."""
    return np.vectorize(math.erfc, otypes=[float])(-z / np.sqrt(2)) / 2


def gelu(z: Array) -> Array:
    """a = z P(z), with the normal distribution's function P."""
    return gated(z, normal_distribution(z))


@at_the_limits
def gelu_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da (P(z) + z p(z)), with the normal density p."""
    return da * (normal_distribution(z) + gated(z, np.exp(-z * z / 2) / np.sqrt(2 * np.pi)))


@at_the_limits
def gelu_tanh(z: Array) -> Array:
    """a = z (1 + tanh(u)) / 2 = z sigmoid(2 u), u = sqrt(2 / pi) (z + 0.044715 z^3)."""
    return gated(z, sigmoid(2 * np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


@at_the_limits
def gelu_tanh_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da (s + z s (1 - s) 2 du/dz), s = sigmoid(2 u)."""
    u, slope = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3), np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)
    s = sigmoid(2 * u)
    return da * (s + gated(2 * z * slope, s * sigmoid(-2 * u)))


def mish(z: Array) -> Array:
    """a = z tanh(log(1 + exp(z)))."""
    return gated(z, np.tanh(softplus(z)))


@at_the_limits
def mish_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da (g + z sigmoid(z) / cosh(log(1 + exp(z)))^2), g = tanh(log(1 + exp(z)))."""
    return da * (np.tanh(softplus(z)) + gated(z, sigmoid(z) / np.cosh(softplus(z)) ** 2))


def hard_silu(z: Array) -> Array:
    """a = z hard_sigmoid(z)."""
    return gated(z, hard_sigmoid(z))


def hard_silu_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = 0 where z < -3, da where z > 3, else da (2 z + 3) / 6."""
    return da * np.where(z < -3, 0, np.where(z > 3, 1, (2 * z + 3) / 6))


@at_the_limits
def softsign(z: Array) -> Array:
    """a = z / (1 + |z|)."""
    return np.where(np.isinf(z), np.sign(z), z / (1 + np.abs(z)))


def softsign_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da / (1 + |z|)^2."""
    return da / (1 + np.abs(z)) ** 2


def arctan(z: Array) -> Array:
    """a = arctan(z)."""
    return np.arctan(z)


def arctan_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da / (1 + z^2)."""
    return da / (1 + z * z)


def hard_sigmoid(z: Array) -> Array:
    """a = min(max(z + 3, 0), 6) / 6."""
    return np.clip(z + 3, 0, 6) / 6


def hard_sigmoid_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da / 6 where |z| < 3, else 0."""
    return da * (np.abs(z) < 3) / 6


def hard_tanh(z: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """a = min(max(z, min_val), max_val)."""
    return np.clip(z, min_val, max_val)


def hard_tanh_backward(da: Array, z: Array, a: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """dz = da between the bounds, else 0."""
    return da * ((z > min_val) & (z < max_val))


def hard_shrink(z: Array, lambd: float = 0.5) -> Array:
    """a = z where |z| > lambd, else 0."""
    return np.where(np.abs(z) <= lambd, 0, z)


def hard_shrink_backward(da: Array, z: Array, a: Array, lambd: float = 0.5) -> Array:
    """dz = da where |z| > lambd, else 0."""
    return da * (np.abs(z) > lambd)


def soft_shrink(z: Array, lambd: float = 0.5) -> Array:
    """a = sign(z) max(|z| - lambd, 0)."""
    return np.sign(z) * np.maximum(np.abs(z) - lambd, 0)


def soft_shrink_backward(da: Array, z: Array, a: Array, lambd: float = 0.5) -> Array:
    """dz = da where |z| > lambd, else 0."""
    return da * (np.abs(z) > lambd)


def tanh_shrink(z: Array) -> Array:
    """a = z - tanh(z), near 0 (z cosh(z) - sinh(z)) / cosh(z) = sum_k 2 k z^(2 k + 1) / (2 k + 1)! / cosh(z)."""
    near = np.where(np.abs(z) < 1, z, 0)
    total = sum(near ** (2 * k + 1) * (2 * k / math.factorial(2 * k + 1)) for k in range(12, 0, -1))
    return np.where(np.abs(z) < 1, total / np.cosh(near), z - np.tanh(z))


def tanh_shrink_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da tanh(z)^2."""
    return da * np.tanh(z) ** 2


@at_the_limits
def sine(z: Array) -> Array:
    """a = sin(z)."""
    return np.sin(z)


@at_the_limits
def sine_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da cos(z)."""
    return da * np.cos(z)


def softmax(z: Array) -> Array:
    """a_k = exp(z_k) / sum_j exp(z_j) in each row.  z: (B, K)."""
    return np.exp(log_softmax(z))


def softmax_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = J da in each row, with the Jacobian J = diag(a) - a a'."""
    jacobian = a[:, :, None] * (np.eye(a.shape[1]) - a[:, None, :])
    return np.einsum("bkj,bj->bk", jacobian, da)


def log_softmax(z: Array) -> Array:
    """log softmax(z) = z - log sum_j exp(z_j) in each row."""
    return z - np.logaddexp.reduce(z, axis=1, keepdims=True)


def log_softmax_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da - softmax(z) sum_j da_j in each row."""
    return da - softmax(z) * da.sum(axis=1, keepdims=True)


def softmin(z: Array) -> Array:
    """a = softmax(-z)."""
    return softmax(-z)


def softmin_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = -softmax's."""
    return -softmax_backward(da, -z, a)


def sparsemax(z: Array) -> Array:
    """a_k = max(z_k - tau, 0) in each row: of the n largest, the most that stay above (their sum - 1) / n = tau."""
    ordered = -np.sort(-z, axis=1)
    sums, counts = np.cumsum(ordered, axis=1), np.arange(1, z.shape[1] + 1)
    support = np.sum(1 + counts * ordered > sums, axis=1, keepdims=True)
    tau = (np.take_along_axis(sums, support - 1, axis=1) - 1) / support
    return np.maximum(z - tau, 0)


def sparsemax_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da less its mean over the places with a > 0, in those places, else 0."""
    support = a > 0
    mean = (da * support).sum(axis=1, keepdims=True) / support.sum(axis=1, keepdims=True)
    return support * (da - mean)


def chained_sigmoid(z: Array) -> Array:
    """a_k = sigmoid(z_0) ... sigmoid(z_k)."""
    return np.cumprod(sigmoid(z), axis=-1)


def chained_sigmoid_backward(da: Array, z: Array, a: Array) -> Array:
    """dz_j = (1 - sigmoid(z_j)) sum_{k >= j} a_k da_k."""
    return sigmoid(-z) * np.cumsum((a * da)[..., ::-1], axis=-1)[..., ::-1]
