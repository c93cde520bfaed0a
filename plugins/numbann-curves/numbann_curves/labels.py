"""Losses of logits for classes and for yes/no labels, for rare or wrong labels."""

from __future__ import annotations

from math import exp, expm1, log, log1p
from typing import Annotated

from annotated_types import Ge, Gt, Le

from numbann import Fraction, NonNegative, hookimpl, loss, row_max, row_sum

Share = Annotated[float, Gt(0), Le(1)]
AtLeastMinus1 = Annotated[float, Ge(-1)]


@loss(link="sigmoid", target="binary")
def asymmetric(y, t, gamma_yes: NonNegative = 1.0, gamma_no: NonNegative = 4.0, margin: Fraction = 0.05):
    """Asymmetric: -t (1 - s)^gamma_yes log s - (1 - t) m^gamma_no log(1 - m), s = sigmoid(y), m = max(s - margin, 0).

    For several labels, most of them no: easy noes count little, and below the margin not at all.  s is not a calibrated
    probability.  Derivative t (1 - s)^gamma_yes (gamma_yes s log s - 1 + s) + (1 - t) s (1 - s) m^gamma_no
    (1 / (1 - m) - gamma_no log(1 - m) / m); its second term is 0 where m is 0.  Ridnik et al. 2020,
    https://arxiv.org/abs/2009.14119.
    """
    e = exp(-abs(y))
    s, rest = (e if y < 0 else 1) / (1 + e), (1 if y < 0 else e) / (1 + e)
    log_s, log_rest = (y if y < 0 else 0) - log1p(e), (0 if y < 0 else -y) - log1p(e)
    m = s - margin
    no = exp(gamma_no * log(m)) * _log_left(y, m, rest + margin) if m > 0 else 0
    return -t * exp(gamma_yes * log_rest) * log_s - (1 - t) * no


@asymmetric.derivative
def asymmetric_derivative(y, t, gamma_yes, gamma_no, margin):
    e = exp(-abs(y))
    s, rest = (e if y < 0 else 1) / (1 + e), (1 if y < 0 else e) / (1 + e)
    log_s, log_rest = (y if y < 0 else 0) - log1p(e), (0 if y < 0 else -y) - log1p(e)
    yes = exp(gamma_yes * log_rest) * ((0 if s == 0 else gamma_yes * s * log_s) - rest)
    m = s - margin
    grown = 1 if margin == 0 else rest / (rest + margin)
    pull = s * exp(gamma_no * log(m)) * (grown - gamma_no * rest * _log_left(y, m, rest + margin) / m) if m > 0 else 0
    return t * yes + (1 - t) * pull


def _log_left(y, m, left):
    """log(1 - m); left is 1 - m, with full precision for m near 1."""
    return log1p(-m) if m < 0.5 else (log(left) if left > 0 else -y)


@loss(form="row", link="softmax")
def poly1_cross_entropy(y, label, dy, epsilon: AtLeastMinus1 = 1.0):
    """Poly-1 cross-entropy: -log p + epsilon (1 - p), p = softmax(y)[label].  y, dy: one row (K,); label in 0..K-1.

    dy_k = (1 + epsilon p) (softmax(y)_k - [k = label]).  epsilon is the extra weight of the first term of the
    cross-entropy's series in 1 - p: 0 is the cross-entropy, 2 is the paper's for ImageNet; a value below 0 suits rare
    classes.  Leng et al. 2022, https://arxiv.org/abs/2204.12511.
    """
    largest = _fill_powers(y, dy)
    own = dy[label]
    dy[label] = 0
    others = row_sum(dy)
    total, rest = others + own, others / (others + own)
    factor = 1 + epsilon * own / total
    for k in range(len(y)):
        dy[k] = factor * (dy[k] / total)
    dy[label] = -factor * rest
    return epsilon * rest - _log_share(y[label] - largest, total, rest)


@loss(form="row", link="softmax")
def generalized_cross_entropy(y, label, dy, q: Share = 0.7):
    """Generalised cross-entropy: (1 - p^q) / q, p = softmax(y)[label].  y, dy: one row (K,); label in 0..K-1.

    dy_k = p^q (softmax(y)_k - [k = label]).  For data with many wrong labels.  It lies between the cross-entropy (q to
    0) and the absolute error (q = 1).  Rows far from their label have small gradients, so training starts slowly.
    Zhang and Sabuncu 2018, https://arxiv.org/abs/1805.07836.
    """
    largest = _fill_powers(y, dy)
    own = dy[label]
    dy[label] = 0
    others = row_sum(dy)
    total, rest = others + own, others / (others + own)
    grown = q * _log_share(y[label] - largest, total, rest)
    power = exp(grown)
    for k in range(len(y)):
        dy[k] = power * (dy[k] / total)
    dy[label] = -power * rest
    return -expm1(grown) / q


def _fill_powers(y, dy):
    """Fill dy with exp(y_k - max y), and return max y."""
    largest = row_max(y)
    for k in range(len(y)):
        dy[k] = exp(y[k] - largest)
    return largest


def _log_share(above, total, rest):
    """log(exp(above) / total); rest is 1 minus that share, with full precision where it is small."""
    return above - log(total) if rest > 0.5 else log1p(-rest)


@hookimpl
def numbann_register(register):
    for component in (asymmetric, poly1_cross_entropy, generalized_cross_entropy):
        register(component)
