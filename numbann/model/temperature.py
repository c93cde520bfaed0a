"""Temperature: the number by which logits are divided so that probabilities are as sure as they are right.

Guo, Pleiss, Sun and Weinberger 2017, https://arxiv.org/abs/1706.04599.  N rows, K classes, T yes/no labels.
"""

from __future__ import annotations

import numpy as np

HOTTEST = 10.0  # the highest temperature; the lowest is its inverse
HALVINGS = 40
LEAST = 2.0**-25  # what a probability of float32 is at least away from 0 and 1


def find_temperature(y: np.ndarray, t: np.ndarray, link: str, weight: np.ndarray | None = None) -> float:
    """Return the temperature at which probabilities have the least log loss.

    y: probabilities (N, K) of softmax, or (N, T) of sigmoid.  t: the classes (N,), or targets of y's shape.  weight
    (N,): how much a row counts.

    The log loss is a convex function of b = 1 / temperature.  Its slope is the mean over rows of sum_k p_k l_k - l_t: l
    the logits, p the probabilities at b.  The slope's zero is found by bisection.
    """
    logits, given = _logits(y, t, link)
    rows = np.ones(len(y)) if weight is None else weight
    share = np.repeat(rows, len(logits) // len(y))

    def slope(b: float) -> float:
        p = np.exp(b * logits - (b * logits).max(axis=1, keepdims=True))
        mean = (p * logits).sum(axis=1) / p.sum(axis=1)
        return float(((mean - given) * share).sum())

    low, high = 1 / HOTTEST, HOTTEST
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low * high) ** -0.5


def _logits(y: np.ndarray, t: np.ndarray, link: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of all classes, a yes/no label as two classes in a row of its own, and those of the targets."""
    p = np.asarray(y, np.float64)
    if link == "sigmoid":
        p, yes = np.clip(p.reshape(-1), LEAST, 1 - LEAST), np.asarray(t, np.float64).reshape(-1)
        logits = np.log(np.stack((1 - p, p), axis=1))
        return logits, (1 - yes) * logits[:, 0] + yes * logits[:, 1]
    logits = np.log(np.maximum(p, np.finfo(np.float32).tiny))
    return logits, logits[np.arange(len(p)), t] if t.ndim == 1 else (t * logits).sum(axis=1)
