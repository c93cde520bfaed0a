"""Optimizers whose steps have a length that the layer, or the network, sets, in plain NumPy."""

from __future__ import annotations

import numpy as np

from numbann import Fraction, NonNegative, Positive, hookimpl, optimizer


@optimizer(form="matrix")
def lars(
    w,
    g,
    buffer,
    learning_rate: Positive = 1.0,
    momentum: Fraction = 0.9,
    trust: Positive = 0.001,
    weight_decay: NonNegative = 0.0,
):
    """LARS: w - buffer, buffer = momentum buffer + learning_rate trust |w| / (|g| + weight_decay |w|) r.

    r = g + weight_decay w, and |.| is the norm of all weights of a layer, or of its biases: each layer moves by the
    same share of its size.  The factor trust |w| / ... is 1 where w or g is zero, as biases are at first.  For very
    large batches, with warmup_epochs and rates of 1 to 30.  You, Gitman and Ginsburg 2017,
    https://arxiv.org/abs/1708.03888.
    """
    size, length = _norm(w), _norm(g)
    factor = trust * size / (length + weight_decay * size) if size > 0 and length > 0 else 1.0
    buffer[:] = momentum * buffer + learning_rate * factor * (g + weight_decay * w)
    w -= buffer


@optimizer(form="matrix", shapes={"d": "1", "numerator": "1"})
def prodigy(
    w,
    g,
    first,
    m,
    v,
    s,
    d,
    numerator,
    step,
    learning_rate: Positive = 1.0,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    d0: Positive = 1e-6,
    growth: Positive = 1.0,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.0,
):
    """Prodigy: AdamW with the rate learning_rate d, where d, a bound of the distance to the solution, finds itself.

    d is the largest value so far of growth r / |s|_1, over the whole network: r sums learning_rate d^2 <g, first - w>,
    and s sums learning_rate d^2 g, both fading by sqrt(beta2).  m and v are Adam's means of d g and d^2 g^2, without
    hats.  d begins at d0 and never falls; leave learning_rate at 1, with the schedule cosine or constant.  Mishchenko
    and Defazio 2023, https://arxiv.org/abs/2306.06101; as prodigyopt.Prodigy.
    """
    if step == 1:
        first[:], d[:] = w, d0
    before, kept = float(d[0]), beta2**0.5
    rate = learning_rate * before
    m += (beta1 - 1) * m + before * (1 - beta1) * g
    v += (beta2 - 1) * v + before**2 * (1 - beta2) * g * g
    s += (kept - 1) * s + before / d0 * rate * g
    gained, total = yield before / d0 * rate * float((g * (first - w)).sum(dtype="float64")), _size(s)
    if total == 0:  # no gradient so far
        return
    numerator[:] = kept * numerator + gained
    d[:] = max(before, growth * float(numerator[0]) / total)
    w -= rate * (m / (np.sqrt(v) + d * epsilon) + weight_decay * w)


def _norm(x):
    """Return the square root of the sum of squares, in double precision."""
    return float((x * x).sum(dtype="float64")) ** 0.5


def _size(x):
    """Return the sum of absolute values, in double precision."""
    return float(abs(x).sum(dtype="float64"))


@hookimpl
def numbann_register(register):
    for component in (lars, prodigy):
        register(component)
