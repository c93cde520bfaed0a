"""Optimizers that update a whole matrix of weights at once, in plain NumPy."""

from __future__ import annotations

from numbann.components.declare import optimizer
from numbann.components.parameter import Fraction, NonNegative, Positive


@optimizer(form="matrix")
def lamb(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-6,
    weight_decay: NonNegative = 0.01,
):
    """LAMB: w - learning_rate |w| / |r| r, where r = m_hat / (sqrt(v_hat) + epsilon) + weight_decay w is AdamW's step.

    |.| is the norm of all weights of a layer, or of its biases.  The factor |w| / |r| is 1 if one of the norms is zero.

    Example: lamb(w=[3, 4], g=[0.5, -0.5], learning_rate=0.1) = [2.634, 4.341]
    Use: very large batches, which need large rates.
    For: each layer moves by the same share of its size.
    Against: it is not compiled; on small networks adamw is several times faster.
    Trouble: a layer that starts near zero hardly moves; start with init he_normal or xavier_normal.
    Reference: You et al. 2019, https://arxiv.org/abs/1904.00962; as optax.lamb.
    """
    m += (1 - beta1) * (g - m)
    v += (1 - beta2) * (g * g - v)
    r = (m / (1 - beta1**step)) / ((v / (1 - beta2**step)) ** 0.5 + epsilon) + weight_decay * w
    size, length = _norm(w), _norm(r)
    w -= learning_rate * (size / length if size > 0 and length > 0 else 1.0) * r


def _norm(x):
    """Return the square root of the sum of squares, in double precision."""
    return float((x * x).sum(dtype="float64")) ** 0.5
