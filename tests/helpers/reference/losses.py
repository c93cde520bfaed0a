"""Twins of the losses: each row's value (B,), and dy = dvalue/dy (B, K).  A batch's loss is the mean over rows."""

from __future__ import annotations

import math

import numpy as np

from reference.activations import at_the_limits, log_softmax, sigmoid, softmax
from reference.products import Array


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


@at_the_limits
def gaussian_nll(y: Array, t: Array, epsilon: float = 1e-6) -> tuple[Array, Array]:
    """value = mean_k (log v_k + (m_k - t_k)^2 / v_k) / 2, v = exp(s) + epsilon; y: (B, 2 T) is m, then s."""
    m, s = np.split(y, 2, axis=1)
    v, e = np.exp(s) + epsilon, m - t
    dy = np.hstack((e / v, (1 - e**2 / v) / (1 + epsilon * np.exp(-s)) / 2))
    return ((np.log(v) + e**2 / v) / 2).mean(axis=1), dy / t.shape[1]


def cosine_similarity(y: Array, t: Array, epsilon: float = 1e-8) -> tuple[Array, Array]:
    """value = 1 - y't / (|y| |t|), each length at least epsilon."""
    length = np.linalg.norm(y, axis=1, keepdims=True)
    size, unit = np.maximum(length, epsilon), t / np.maximum(np.linalg.norm(t, axis=1, keepdims=True), epsilon)
    c = (y / size * unit).sum(axis=1, keepdims=True)
    return 1 - c[:, 0], (np.where(length < epsilon, 0, c * y / size) - unit) / size


def mape(y: Array, t: Array, epsilon: float = 1e-8) -> tuple[Array, Array]:
    """value = mean_k |y - t| / max(|t|, epsilon)."""
    size = np.maximum(np.abs(t), epsilon)
    return (np.abs(y - t) / size).mean(axis=1), np.sign(y - t) / size / y.shape[1]


def msle(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k (log(1 + max(y, 0)) - log(1 + t))^2."""
    positive = np.maximum(y, 0)
    e = np.log1p(positive) - np.log1p(t)
    return (e * e).mean(axis=1), np.where(y < 0, 0, 2 * e / (1 + positive)) / y.shape[1]


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


def sigmoid_cross_entropy(
    y: Array, t: Array, positive_weight: float = 1.0, label_smoothing: float = 0.0
) -> tuple[Array, Array]:
    """value = mean_k of -p t log s - (1 - t) log(1 - s) with s = sigmoid(y), dy = ((1 - t) s - p t (1 - s)) / K.

    As log s = -log(1 + exp(-y)), the value of one output is p t log(1 + exp(-y)) + (1 - t) log(1 + exp(y)).
    """
    t = t * (1 - label_smoothing) + label_smoothing / 2
    value = positive_weight * t * np.logaddexp(0, -y) + (1 - t) * np.logaddexp(0, y)
    dy = (1 - t) * sigmoid(y) - positive_weight * t * sigmoid(-y)
    return value.mean(axis=1), dy / y.shape[1]


@at_the_limits
def corn(y: Array, label: Array) -> tuple[Array, Array]:
    """value = -log P(label), with sigmoid(y_k) the chance to be above k for one not below it.

    dy = sigmoid(y) - [label > k] for k <= label, else 0.
    """
    k = np.arange(y.shape[1])
    asked, above = k <= label[:, None], k < label[:, None]
    terms = np.logaddexp(0, np.where(above, -y, y))
    return (asked * terms).sum(axis=1), asked * (sigmoid(y) - above)


def quantiles(y: Array, t: Array, lower: float = 0.05, upper: float = 0.95) -> tuple[Array, Array]:
    """value = the mean of three quantile losses, at m - softplus(b), m and m + softplus(a); y: (B, 3 T) is m, b, a."""
    m, b, a = np.split(y, 3, axis=1)
    ends = [(m - np.logaddexp(0, b), lower), (m, 0.5), (m + np.logaddexp(0, a), upper)]
    low, middle, high = (quantile(at, t, q)[0] for at, q in ends)
    to_low, to_middle, to_high = (
        np.where(at == t, -q / t.shape[1], quantile(at, t, q)[1])
        for at, q in ends  # as it is derived at the kink
    )
    dy = np.hstack((to_low + to_middle + to_high, -to_low * sigmoid(b), to_high * sigmoid(a)))
    return (low + middle + high) / 3, dy / 3


@at_the_limits
def tweedie(y: Array, t: Array, power: float = 1.5) -> tuple[Array, Array]:
    """value = mean_k of exp(y (2 - p)) / (2 - p) - t exp(y (1 - p)) / (1 - p), p = power; each dy is their difference
    without the denominators."""
    first, second = np.exp(y * (2 - power)), np.where(t == 0, 0, t * np.exp(y * (1 - power)))
    value = first / (2 - power) - second / (1 - power)
    return value.mean(axis=1), (first - second) / y.shape[1]


@at_the_limits
def weibull(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k of exp(z) - event (log k + z - log time), z = k (log time - l), k = exp(s), s <= 5.

    Above z = 30 exp goes on as a line.  y: (B, 2 T) is l, then s; t: (B, 2 T) is time, then event.
    """
    (scale, shape), (time, event) = np.split(y, 2, axis=1), np.split(t, 2, axis=1)
    held, log_time = np.minimum(shape, 5), np.log(np.maximum(time, 1e-30))
    k, z = np.exp(held), np.exp(held) * (log_time - scale)
    near = np.exp(np.minimum(z, 30))
    value = near * (1 + np.maximum(z - 30, 0)) - event * (held + z - log_time)
    dy = np.hstack((k * (event - near), (shape < 5) * (z * near - event * (1 + z))))
    return value.mean(axis=1), dy / time.shape[1]


@at_the_limits
def cox(y: Array, t: Array) -> tuple[Array, Array]:
    """value = event (risk + y), risk_i = log sum_{j: time_j >= time_i} exp(-y_j); dy is that of the sum of all rows."""
    hazard, (time, event) = -y[:, 0], t.T
    there = np.where(time >= time[:, None], hazard, -np.inf)
    risk = np.logaddexp.reduce(there, axis=1)
    dy = event - event @ np.exp(there - risk[:, None])
    return event * (risk + y[:, 0]), dy[:, None]


@at_the_limits
def ranknet(y: Array, t: Array) -> tuple[Array, Array]:
    """value_i = mean_j of log(1 + exp(y_j - y_i)) where t_j < t_i; all rows are one group."""
    n = len(y)
    ahead, before = y[:, None] - y, (t[:, None] > t) / (n * y.shape[1])
    slope = before / (1 + np.exp(ahead))
    return (before * np.logaddexp(0, -ahead)).sum((1, 2)), slope.sum(0) - slope.sum(1)


def _lgamma(x: Array) -> Array:
    return np.vectorize(math.lgamma, otypes=[float])(x)


def _digamma(x: Array) -> Array:
    """The series at x + 30, less 1 / x, ..., 1 / (x + 29)."""
    y = x + 30
    series = 1 / (12 * y**2) - 1 / (120 * y**4) + 1 / (252 * y**6) - 1 / (240 * y**8)
    return np.log(y) - 1 / (2 * y) - series - sum(1 / (x + k) for k in range(30))


@at_the_limits
def beta_nll(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k of lgamma(a) + lgamma(b) - lgamma(p) - (a - 1) log t - (b - 1) log(1 - t); y: (B, 2 T) is z, s.

    a = p sigmoid(z), b = p sigmoid(-z) and p = exp(s) are at least 1e-30, s <= 9.
    """
    z, s = np.split(y, 2, axis=1)
    p = np.maximum(np.exp(np.minimum(s, 9)), 1e-30)
    a, b = np.maximum(p * sigmoid(z), 1e-30), np.maximum(p * sigmoid(-z), 1e-30)
    value = _lgamma(a) + _lgamma(b) - _lgamma(p) - (a - 1) * np.log(t) - (b - 1) * np.log1p(-t)
    to_a, to_b = (a > 1e-30) * (_digamma(a) - np.log(t)), (b > 1e-30) * (_digamma(b) - np.log1p(-t))
    to_s = (s <= 9) * (p > 1e-30) * (a * to_a + b * to_b - p * _digamma(p))
    return value.mean(axis=1), np.hstack((p * sigmoid(z) * sigmoid(-z) * (to_a - to_b), to_s)) / t.shape[1]


@at_the_limits
def negative_binomial_nll(y: Array, t: Array, epsilon: float = 1e-3) -> tuple[Array, Array]:
    """value = mean_k of lgamma(r) + lgamma(t + 1) - lgamma(t + r) + (t + r) softplus(m + d) - t (m + d), r = exp(-d).

    y: (B, 2 T) is m, d; d is kept between log epsilon and 60.
    """
    m, given = np.split(y, 2, axis=1)
    d = np.clip(given, np.log(epsilon), 60)
    r, z = np.exp(-d), m + d
    value = _lgamma(r) + _lgamma(t + 1) - _lgamma(t + r) + (t + r) * np.logaddexp(0, z) - t * z
    to_z = (t + r) * sigmoid(z) - t
    to_d = (d == given) * (r * (_digamma(t + r) - _digamma(r) - np.logaddexp(0, z)) + to_z)
    return value.mean(axis=1), np.hstack((to_z, to_d)) / t.shape[1]


@at_the_limits
def evidential(y: Array, t: Array, regularizer: float = 0.01) -> tuple[Array, Array]:
    """value = mean_k of (log(pi / n) + log o) / 2 + (a + 1 / 2) log(1 + n e^2 / o) + lgamma(a) - lgamma(a + 1 / 2)
    + regularizer |e| (2 n + a), o = 2 b (1 + n); y: (B, 4 T) is the mean, then n, a - 1, b before softplus."""
    mean, *others = np.split(y, 4, axis=1)
    n, a, b = (1e-6 + np.logaddexp(0, other) for other in others)
    a, e = a + 1, mean - t
    o = 2 * b * (1 + n)
    w = n * e**2 / o
    value = (np.log(np.pi / n) + np.log(o)) / 2 + (a + 0.5) * np.log1p(w) + _lgamma(a) - _lgamma(a + 0.5)
    value += regularizer * np.abs(e) * (2 * n + a)
    to_mean = (2 * a + 1) * n * e / o / (1 + w) + regularizer * np.sign(e) * (2 * n + a)
    to_n = ((a + 0.5) * w / (1 + w) - 0.5) / n / (1 + n) + 2 * regularizer * np.abs(e)
    to_a = np.log1p(w) + _digamma(a) - _digamma(a + 0.5) + regularizer * np.abs(e)
    to_b = (0.5 - (a + 0.5) * w / (1 + w)) / b
    slopes = [slope * sigmoid(other) for slope, other in zip((to_n, to_a, to_b), others, strict=True)]
    return value.mean(axis=1), np.hstack((to_mean, *slopes)) / t.shape[1]
