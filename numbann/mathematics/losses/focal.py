"""Focal losses: cross-entropies in which a row counts less the better it is classified."""

from __future__ import annotations

from math import exp, log, log1p

from numbann.components.declare import loss
from numbann.components.parameter import NonNegative, Positive
from numbann.mathematics.losses.classification import sigmoid_cross_entropy
from numbann.mathematics.rows import row_max, row_sum


@loss(link="sigmoid", target="binary")
def sigmoid_focal(y, t, gamma: NonNegative = 2.0, alpha: Positive = 0.25):
    """Focal loss of sigmoid(y): c w^gamma sigmoid_cross_entropy(y, t), w = s (1 - t) + (1 - s) t, s = sigmoid(y).

    Values in [0, inf).  w is the error of the prediction, and c = alpha t + (1 - alpha) (1 - t).  Derivative c w^gamma
    (s - t - gamma sigmoid_cross_entropy (2 t - 1) s (1 - s) / w).  gamma 0 is the cross-entropy, times c.

    Example: sigmoid_focal(y=[2, -2], t=[1, 1]) = [0.00045, 0.413]
    Use: yes or no where yes is very rare and most rows are easy.
    For: easy rows hardly count, so they cannot drown the hard ones.
    Against: two numbers to choose, and s is no longer a calibrated probability.
    Trouble: wrong labels are hard rows for ever, and get most of the attention; lower gamma, or take
    sigmoid_cross_entropy with a positive_weight.
    Reference: Lin, Goyal, Girshick, He and Dollar 2017, https://arxiv.org/abs/1708.02002; as
    torchvision.ops.sigmoid_focal_loss.
    """
    e = exp(-abs(y))
    s, rest = (e if y < 0 else 1) / (1 + e), (1 if y < 0 else e) / (1 + e)
    return (alpha * t + (1 - alpha) * (1 - t)) * (s * (1 - t) + rest * t) ** gamma * sigmoid_cross_entropy(y, t, 1, 0)


@sigmoid_focal.derivative
def sigmoid_focal_derivative(y, t, gamma, alpha):
    e = exp(-abs(y))
    s, rest = (e if y < 0 else 1) / (1 + e), (1 if y < 0 else e) / (1 + e)
    w = s * (1 - t) + rest * t
    pull = gamma * sigmoid_cross_entropy(y, t, 1, 0) * (2 * t - 1) * s * rest
    return 0 if w == 0 else (alpha * t + (1 - alpha) * (1 - t)) * w**gamma * (s * (1 - t) - rest * t - pull / w)


@loss(form="row", link="softmax")
def softmax_focal(y, label, dy, gamma: NonNegative = 2.0):
    """Focal loss of p = softmax(y)[label]: -(1 - p)^gamma log p.  y, dy: one row (K,); label in 0..K-1.

    Values in [0, inf).  dy_k = c (softmax(y)_k - [k = label]) with c = (1 - p)^gamma (1 - gamma p log p / (1 - p)); 1 -
    p is summed from the other classes, so that it keeps its digits.  gamma 0 is the cross-entropy.

    Example: softmax_focal(y=[2, 1, 0], label=0) = 0.046; softmax_focal(y=[2, 1, 0], label=2) = 1.994
    Use: several classes, some of them rare, and many easy rows.
    For: rows that are classified well hardly count.
    Against: one more number to choose, and probabilities that are too cautious.
    Trouble: wrong labels get most of the attention; lower gamma, or take softmax_cross_entropy with `class_weight`.
    Reference: Lin, Goyal, Girshick, He and Dollar 2017, https://arxiv.org/abs/1708.02002.
    """
    largest = row_max(y)
    for k in range(len(y)):
        dy[k] = exp(y[k] - largest)
    own = dy[label]
    dy[label] = 0
    others = row_sum(dy)
    total = others + own
    rest = others / total
    log_p = y[label] - largest - log(total) if rest > 0.5 else log1p(-rest)
    c = 0 if rest == 0 else rest**gamma * (1 - gamma * own / total * log_p / rest)
    for k in range(len(y)):
        dy[k] = c * dy[k] / total
    dy[label] = -c * rest
    return -(rest**gamma) * log_p
