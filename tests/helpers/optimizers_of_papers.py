"""Optimizers and schedules from papers, as plugin writers write them from the documentation: a plugin in one file."""

from __future__ import annotations

from math import cos, log2, pi, sqrt

import numpy as np

from numbann import Fraction, NonNegative, Positive, hookimpl, optimizer, schedule


@optimizer
def sophia(
    w,
    g,
    m,
    h,
    batch_size,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.965,
    beta2: Fraction = 0.99,
    rho: Positive = 0.04,
    weight_decay: NonNegative = 0.1,
):
    """Sophia by squares: w - learning_rate (clip(m / (rho batch_size h), 1) + weight_decay w).  Liu et al. 2023."""
    m = beta1 * m + (1 - beta1) * g
    h = beta2 * h + (1 - beta2) * g * g
    step = m / (rho * batch_size * h + 1e-15)
    step = 1 if step > 1 else (-1 if step < -1 else step)
    return w - learning_rate * (step + weight_decay * w), m, h


@optimizer(predicts="slow")
def lookahead_adam(
    w,
    g,
    m,
    v,
    slow,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    alpha: Fraction = 0.5,
):
    """Lookahead: Adam, and at every fifth step w and slow become slow + alpha (w - slow).  Zhang et al. 2019."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    w = w - learning_rate * (m / (1 - beta1**step)) / (sqrt(v / (1 - beta2**step)) + epsilon)
    slow = slow + alpha * (w - slow) if step % 5 == 0 else slow
    return slow if step % 5 == 0 else w, m, v, slow


@optimizer(form="matrix", shapes={"rows": "I1", "columns": "1O"})
def adafactor(
    w,
    g,
    rows,
    columns,
    step,
    learning_rate: Positive = 0.01,
    decay: float = -0.8,
    least: Positive = 1e-3,
    largest: Positive = 1.0,
    weight_decay: NonNegative = 0.0,
):
    """Adafactor: g / sqrt(v), v = rows columns / mean(rows), in steps of a share of w.  Shazeer and Stern 2018."""
    new, tiny = step**decay, float(np.finfo(w.dtype).eps)
    rate = max(least, float(np.linalg.norm(w)) / sqrt(w.size)) * min(learning_rate, 1 / sqrt(step))
    rows += new * ((g * g).mean(1, keepdims=True) - rows)
    columns += new * ((g * g).mean(0, keepdims=True) - columns)
    v = rows * columns / max(float(rows.mean()), tiny)
    direction = g / np.sqrt(np.maximum(v, tiny * tiny))
    w *= 1 - learning_rate * weight_decay
    w -= rate / max(1.0, float(np.linalg.norm(direction)) / sqrt(w.size) / largest) * direction


@optimizer(form="matrix", shapes={"far": "1", "total": "1"})
def dog(w, g, first, far, total, step, learning_rate: Positive = 1.0, start: Positive = 1e-4):
    """DoG: w - far / sqrt(total) g: the farthest from the start over all gradients.  Ivgi, Hinder and Carmon 2023."""
    if step == 1:
        first[:] = w
    apart, square, size = yield ((w - first) ** 2).sum(), (g * g).sum(), (first**2).sum()
    far[:] = max(float(far[0]), sqrt(apart), start * (1 + sqrt(size)))
    total += square
    w -= learning_rate * far / (total**0.5 + 1e-8) * g


@optimizer(form="matrix")
def centred(w, g, learning_rate: Positive = 0.1):
    """Centred: descent along g minus its mean over the network, as gradients of a layer in Yong et al. 2020."""
    total, count = yield g.sum(), g.size
    w -= learning_rate * (g - total / count)


@schedule
def coslog4(step, steps):
    """Coslog: (1 - cos(2 pi log2(1 + 15 step / steps))) / 2, four waves.  Holzmueller et al. 2024."""
    return (1 - cos(2 * pi * log2(1 + 15 * step / steps))) / 2


@schedule
def wsd(step, steps, warm: Fraction = 0.1, last: Fraction = 0.2):
    """Warm-up, stable, decay: a rise to 1, then 1, then a fall to 0.  Hu et al. 2024."""
    share = step / steps
    return min(1.0, share / warm if warm else 1.0, (1 - share) / last if last else 1.0)


@hookimpl
def numbann_register(register):
    for component in (sophia, lookahead_adam, adafactor, dog, centred, coslog4, wsd):
        register(component)
