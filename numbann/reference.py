"""The obvious NumPy twin of every kernel and component: whole arrays, textbook formulas, one screen each.

Tests compare compiled code with it, and a reader sees in it what numbann computes.  It shares no line with the
components, knows no registry and is not made to be fast.

Letters: B rows, I inputs, O outputs, K classes; x, w, b, z = x w + b, a = f(z), y logits, t target, dw = dL/dw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

Array = np.ndarray
at_the_limits = np.errstate(over="ignore", invalid="ignore")  # exp(1000) = inf and 0 * inf = NaN are meant

# ---- products


def matmul(a: Array, b: Array) -> Array:
    """a b: a (B, I), b (I, O) -> (B, O)."""
    return np.einsum("bi,io->bo", a, b)


def dense_forward(x: Array, w: Array, b: Array) -> Array:
    """z = x w + b: x (B, I), w (I, O), b (O,) -> (B, O)."""
    return matmul(x, w) + b


def dense_backward(x: Array, w: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx = dy w' (B, I), dw = x' dy (I, O) and db, the sum of dy's rows (O,), for dy (B, O)."""
    return matmul(dy, w.T), matmul(x.T, dy), dy.sum(axis=0)


# ---- activations: a = f(z), and dz from da.  z, a, da, dz: (B, O), or any one shape where f is of one unit


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
    return np.where(z < 0, beta / (r - z), z + r) / 2


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
    """a = z - tanh(z)."""
    return z - np.tanh(z)


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


# ---- losses: each row's value (B,), and dy = dvalue/dy (B, K).  A batch's loss is the mean of the rows' values


def mse(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k (y_k - t_k)^2, dy = 2 (y - t) / K."""
    return ((y - t) ** 2).mean(axis=1), 2 * (y - t) / y.shape[1]


def mae(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k |y_k - t_k|, dy = sign(y - t) / K."""
    return np.abs(y - t).mean(axis=1), np.sign(y - t) / y.shape[1]


def huber(y: Array, t: Array, delta: float = 1.0) -> tuple[Array, Array]:
    """value = mean_k of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), e = y - t; dy = e within +-delta."""
    e = y - t
    value = np.where(np.abs(e) <= delta, e * e / 2, delta * (np.abs(e) - delta / 2))
    return value.mean(axis=1), np.clip(e, -delta, delta) / y.shape[1]


def smooth_l1(y: Array, t: Array, beta: float = 1.0) -> tuple[Array, Array]:
    """huber with delta beta, over beta."""
    value, dy = huber(y, t, beta)
    return value / beta, dy / beta


def log_cosh(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k log cosh(y_k - t_k), dy = tanh(y - t) / K."""
    e = np.abs(y - t)
    small = np.log1p(2 * np.sinh(np.minimum(e, 1) / 2) ** 2)
    value = np.where(e < 1, small, np.logaddexp(e, -e) - np.log(2))
    return value.mean(axis=1), np.tanh(y - t) / y.shape[1]


def quantile(y: Array, t: Array, quantile: float = 0.5) -> tuple[Array, Array]:
    """value = mean_k max(q (t - y), (q - 1) (t - y)); dy = -q below t, 1 - q above."""
    e = t - y
    slope = np.where(e > 0, -quantile, np.where(e < 0, 1 - quantile, 0))
    return np.maximum(quantile * e, (quantile - 1) * e).mean(axis=1), slope / y.shape[1]


def mape(y: Array, t: Array, epsilon: float = 1e-8) -> tuple[Array, Array]:
    """value = mean_k |y - t| / max(|t|, epsilon)."""
    size = np.maximum(np.abs(t), epsilon)
    return (np.abs(y - t) / size).mean(axis=1), np.sign(y - t) / size / y.shape[1]


def msle(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k (log(1 + max(y, 0)) - log(1 + t))^2."""
    positive = np.maximum(y, 0)
    e = np.log1p(positive) - np.log1p(t)
    return (e * e).mean(axis=1), (y >= 0) * 2 * e / (1 + positive) / y.shape[1]


@at_the_limits
def poisson_nll(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k of exp(y) - t y, dy = (exp(y) - t) / K."""
    return (np.exp(y) - t * y).mean(axis=1), (np.exp(y) - t) / y.shape[1]


def hinge(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k max(1 - s y, 0), s = 2 t - 1."""
    s = 2 * t - 1
    return np.maximum(1 - s * y, 0).mean(axis=1), np.where(s * y < 1, -s, 0) / y.shape[1]


def squared_hinge(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k max(1 - s y, 0)^2, s = 2 t - 1."""
    s = 2 * t - 1
    m = np.maximum(1 - s * y, 0)
    return (m * m).mean(axis=1), -2 * s * m / y.shape[1]


def multi_margin(y: Array, label: Array, margin: float = 1.0) -> tuple[Array, Array]:
    """value = sum_{k != label} max(margin - y_label + y_k, 0) / K; label: (B,)."""
    own = np.eye(y.shape[1])[label]
    m = np.maximum(margin - (own * y).sum(axis=1, keepdims=True) + y, 0) * (1 - own)
    missed = (m > 0).astype(float)
    return m.sum(axis=1) / y.shape[1], (missed - own * missed.sum(axis=1, keepdims=True)) / y.shape[1]


def sigmoid_focal(y: Array, t: Array, gamma: float = 2.0, alpha: float = 0.25) -> tuple[Array, Array]:
    """value = mean_k of c w^gamma h, c = alpha t + (1 - alpha) (1 - t), w = s (1 - t) + (1 - s) t, h: cross-entropy."""
    s, rest = sigmoid(y), sigmoid(-y)
    w, c = s * (1 - t) + rest * t, alpha * t + (1 - alpha) * (1 - t)
    h = t * np.logaddexp(0, -y) + (1 - t) * np.logaddexp(0, y)
    pull = gamma * h * (2 * t - 1) * s * rest / np.where(w == 0, 1, w)
    dy = c * w**gamma * (s * (1 - t) - rest * t - pull)
    return (c * w**gamma * h).mean(axis=1), dy / y.shape[1]


def softmax_focal(y: Array, label: Array, gamma: float = 2.0) -> tuple[Array, Array]:
    """value = -(1 - p)^gamma log p with p = softmax(y)[label], dy = dvalue/dp p (own - softmax(y)); label: (B,)."""
    own = np.eye(y.shape[1])[label]
    p, log_p = softmax(y), (own * log_softmax(y)).sum(axis=1)
    rest = (p * (1 - own)).sum(axis=1)
    p_own = (p * own).sum(axis=1)
    c = rest**gamma * (1 - gamma * p_own * log_p / np.where(rest == 0, 1, rest))
    return -(rest**gamma) * log_p, c[:, None] * (p * (1 - own) - rest[:, None] * own)


def kl_divergence(y: Array, t: Array) -> tuple[Array, Array]:
    """value = sum_k t_k (log t_k - log softmax(y)_k), dy as of soft_cross_entropy."""
    value, dy = soft_cross_entropy(y, t)
    return value + (t * np.log(np.where(t > 0, t, 1))).sum(axis=1), dy


def softmax_cross_entropy(y: Array, label: Array, label_smoothing: float = 0.0) -> tuple[Array, Array]:
    """value = -sum_k t_k log softmax(y)_k, where t is (1 - s) for the label plus s / K everywhere; label: (B,)."""
    classes = y.shape[1]
    return soft_cross_entropy(y, (1 - label_smoothing) * np.eye(classes)[label] + label_smoothing / classes)


def soft_cross_entropy(y: Array, t: Array) -> tuple[Array, Array]:
    """value = -sum_k t_k log softmax(y)_k, dy = softmax(y) sum_k t_k - t.  t: (B, K)."""
    return -(t * log_softmax(y)).sum(axis=1), softmax(y) * t.sum(axis=1, keepdims=True) - t


def sigmoid_cross_entropy(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k of -t log s - (1 - t) log(1 - s) with s = sigmoid(y), dy = (s - t) / K.

    As log s = -log(1 + exp(-y)), the value of one output is t log(1 + exp(-y)) + (1 - t) log(1 + exp(y)).
    """
    value = t * np.logaddexp(0, -y) + (1 - t) * np.logaddexp(0, y)
    return value.mean(axis=1), (sigmoid(y) - t) / y.shape[1]


# ---- optimizers: w and the states after a step; all arrays of one shape, step counts from 1


def sgd_step(
    w: Array, g: Array, buffer: Array, step: int, learning_rate: float = 0.01, momentum: float = 0.0,
    dampening: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Gradient descent as torch.optim.SGD: the first gradient fills the buffer, undampened."""
    g = g + weight_decay * w
    buffer = g if step == 1 else momentum * buffer + (1 - dampening) * g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * direction, buffer


def momentum_step(
    w: Array, g: Array, buffer: Array, learning_rate: float = 0.01, momentum: float = 0.9, nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Gradient descent with momentum: the buffer is sum_k momentum^k g_(step - k)."""
    g = g + weight_decay * w
    buffer = momentum * buffer + g
    return w - learning_rate * (g + momentum * buffer if nesterov else buffer), buffer


def adam_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Adam, in the order of torch.optim.Adam: one rate for the step, the root corrected before epsilon joins it."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    rate = learning_rate / (1 - beta1**step)
    return w - rate * m / (np.sqrt(v) / np.sqrt(1 - beta2**step) + epsilon), m, v


def rmsprop_step(
    w: Array, g: Array, v: Array, mean: Array, buffer: Array, learning_rate: float = 0.01, rho: float = 0.99,
    epsilon: float = 1e-8, momentum: float = 0.0, centered: bool = False, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """RMSProp as torch.optim.RMSprop, whose alpha is rho; centered divides by the deviation, not the mean square."""
    g = g + weight_decay * w
    v = v + (1 - rho) * (g**2 - v)
    mean = mean + (1 - rho) * (g - mean)
    deviation = np.sqrt(v - mean**2) if centered else np.sqrt(v)
    buffer = momentum * buffer + g / (deviation + epsilon)
    return w - learning_rate * buffer, v, mean, buffer


def nesterov_step(
    w: Array, g: Array, buffer: Array, learning_rate: float = 0.01, momentum: float = 0.9, weight_decay: float = 0.0
) -> tuple[Array, Array]:
    """Momentum with a look ahead: the step that the next buffer would take if the gradient stayed away."""
    return momentum_step(w, g, buffer, learning_rate, momentum, True, weight_decay)


def adagrad_step(
    w: Array, g: Array, total: Array, learning_rate: float = 0.01, epsilon: float = 1e-10, weight_decay: float = 0.0
) -> tuple[Array, Array]:
    """AdaGrad: the gradient over the root of the sum of all squares so far."""
    g = g + weight_decay * w
    total = total + g**2
    return w - learning_rate * (g / (np.sqrt(total) + epsilon)), total


def adadelta_step(
    w: Array, g: Array, v: Array, d: Array, learning_rate: float = 1.0, rho: float = 0.9, epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdaDelta: the root mean square of the steps over that of the gradients, epsilon inside both roots."""
    g = g + weight_decay * w
    v = v + (1 - rho) * (g**2 - v)
    delta = np.sqrt((d + epsilon) / (v + epsilon)) * g
    return w - learning_rate * delta, v, d + (1 - rho) * (delta**2 - d)


def amsgrad_step(
    w: Array, g: Array, m: Array, v: Array, largest: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """AMSGrad as torch.optim.Adam with amsgrad: the correction at the start is applied to the maximum."""
    _, m, v = adam_step(w, g, m, v, step, learning_rate, beta1, beta2, epsilon, weight_decay)
    largest = np.maximum(largest, v)
    size = np.sqrt(largest) / np.sqrt(1 - beta2**step) + epsilon
    return w - learning_rate / (1 - beta1**step) * m / size, m, v, largest


def adamw_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdamW: the weights shrink first, then Adam moves them."""
    moved, m, v = adam_step(w, g, m, v, step, learning_rate, beta1, beta2, epsilon)
    return moved - learning_rate * weight_decay * w, m, v


def adamax_step(
    w: Array, g: Array, m: Array, u: Array, step: int, learning_rate: float = 2e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdaMax: Adam with a fading maximum in the place of the root mean square."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    u = np.maximum(beta2 * u, np.abs(g) + epsilon)
    return w - learning_rate / (1 - beta1**step) * m / u, m, u


def nadam_step(
    w: Array, g: Array, m: Array, v: Array, product: Array, step: int, learning_rate: float = 2e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, momentum_decay: float = 4e-3, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """NAdam as torch.optim.NAdam; product holds the product of all mu so far for every weight."""
    g = g + weight_decay * w
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (step, step + 1))
    product = (np.ones_like(product) if step == 1 else product) * mu
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    size = np.sqrt(v / (1 - beta2**step)) + epsilon
    here, next_one = (1 - mu) / (1 - product) * g / size, ahead / (1 - product * ahead) * m / size
    return w - learning_rate * here - learning_rate * next_one, m, v, product


def radam_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """RAdam as torch.optim.RAdam: the mean alone until its size can be trusted."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    m_hat, left = m / (1 - beta1**step), 1 - beta2**step
    most = 2 / (1 - beta2) - 1
    rho = most - 2 * step * beta2**step / left
    if rho <= 5:
        return w - learning_rate * m_hat, m, v
    r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    return w - learning_rate * r * m_hat * np.sqrt(left) / (np.sqrt(v) + epsilon), m, v


def adabelief_step(
    w: Array, g: Array, m: Array, s: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-16, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdaBelief: Adam whose v is of the gradient's distance from its mean."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    s = s + (1 - beta2) * ((g - m) ** 2 - s) + epsilon
    return w - learning_rate * m / (1 - beta1**step) / (np.sqrt(s / (1 - beta2**step)) + epsilon), m, s


def adan_step(
    w: Array, g: Array, m: Array, d: Array, v: Array, previous: Array, step: int, learning_rate: float = 1e-3,
    beta1: float = 0.98, beta2: float = 0.92, beta3: float = 0.99, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """Adan: means of the gradient and of its change, over the size of the gradient ahead."""
    g = g + weight_decay * w
    change = g - (g if step == 1 else previous)
    m = m + (1 - beta1) * (g - m)
    d = d + (1 - beta2) * (change - d)
    v = v + (1 - beta3) * ((g + beta2 * change) ** 2 - v)
    direction = m / (1 - beta1**step) + beta2 * d / (1 - beta2**step)
    return w - learning_rate * direction / (np.sqrt(v / (1 - beta3**step)) + epsilon), m, d, v, g


def lion_step(
    w: Array, g: Array, m: Array, learning_rate: float = 1e-4, beta1: float = 0.9, beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Lion: the sign of a mean that trusts the new gradient more than m does; decay goes beside it."""
    direction = np.sign(g + beta1 * (m - g))
    return w * (1 - learning_rate * weight_decay) - learning_rate * direction, g + beta2 * (m - g)


def rprop_step(
    w: Array, g: Array, previous: Array, size: Array, step: int, learning_rate: float = 0.01, eta_minus: float = 0.5,
    eta_plus: float = 1.2, min_step: float = 1e-6, max_step: float = 50.0, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Rprop as torch.optim.Rprop: after a change of sign the gradient is forgotten."""
    g = g + weight_decay * w
    agreement = np.sign(g * previous)
    size = np.full_like(size, learning_rate) if step == 1 else size
    size = np.clip(size * np.choose(np.asarray(agreement, int) + 1, [eta_minus, 1.0, eta_plus]), min_step, max_step)
    g = np.where(agreement < 0, 0.0, g)
    return w - size * np.sign(g), g, size


# ---- a network


@dataclass(frozen=True)
class Layer:
    """A dense layer and its activation: w (I, O), b (O,), a = f(z), dz = backward(da, z, a)."""

    w: Array
    b: Array
    activation: Callable[..., Array] = identity
    backward: Callable[..., Array] = identity_backward


Gradient = tuple[Array, Array]
Loss = Callable[[Array, Array], tuple[Array, Array]]
Update = Callable[..., tuple[Array, ...]]


def forward(layers: Sequence[Layer], x: Array) -> Array:
    """The network's output (B, O) for x (B, I)."""
    for layer in layers:
        x = layer.activation(dense_forward(x, layer.w, layer.b))
    return x


def gradients(layers: Sequence[Layer], x: Array, t: Array, loss: Loss) -> tuple[float, list[Gradient]]:
    """The mean loss over rows, and its gradient (dw, db) for each layer."""
    inputs, before, after = [], [], []
    for layer in layers:
        inputs.append(x)
        before.append(dense_forward(x, layer.w, layer.b))
        after.append(layer.activation(before[-1]))
        x = after[-1]
    values, dy = loss(x, t)
    da, found = dy / len(x), []
    for layer, x, z, a in zip(reversed(layers), reversed(inputs), reversed(before), reversed(after), strict=True):
        da, dw, db = dense_backward(x, layer.w, layer.backward(da, z, a))
        found.append((dw, db))
    return float(values.mean()), found[::-1]


def zero_states(layers: Sequence[Layer], count: int) -> list[list[list[Array]]]:
    """The states that an optimizer starts from: for each layer, for w and for b, `count` arrays of zeros."""
    return [[[np.zeros_like(p) for _ in range(count)] for p in (layer.w, layer.b)] for layer in layers]


def training_step(
    layers: Sequence[Layer], x: Array, t: Array, loss: Loss, update: Update, states: Sequence[Sequence[Sequence[Array]]]
) -> tuple[float, list[Layer], list[list[list[Array]]]]:
    """One step of a network: its loss before, the layers after, and the states after.

    update(w, g, *states) -> (w, *states) is an optimizer's step with its parameters bound.
    """
    value, found = gradients(layers, x, t, loss)
    moved_layers, moved_states = [], []
    for layer, (dw, db), (w_states, b_states) in zip(layers, found, states, strict=True):
        w, *w_after = update(layer.w, dw, *w_states)
        b, *b_after = update(layer.b, db, *b_states)
        moved_layers.append(replace(layer, w=w, b=b))
        moved_states.append([w_after, b_after])
    return value, moved_layers, moved_states
