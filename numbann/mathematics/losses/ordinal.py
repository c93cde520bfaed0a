"""Losses for ordered classes: y_k is about whether the class is above the class k, so that K classes take K - 1."""

from __future__ import annotations

from math import exp, log1p

from numbann.components.declare import loss


@loss(form="row", link="chained_sigmoid", target="order")
def corn(y, label, dy):
    """Ordered classes (CORN): -log P(label), where sigmoid(y_k) is the chance to be above k for one not below it.

    Values in [0, inf).  y, dy: one row (K - 1,); label in 0..K-1.  P(above k) is s_0 s_1 ... s_k, s = sigmoid(y), which
    the link gives, so that the classes' probabilities always add up.  Evaluated as sum_{k <= label} log(1 +
    exp(-|y_k|)), plus |y_k| where the sign is wrong.  dy_k = s_k - [label > k] for k <= label, else 0.

    Example: corn(y=[2, 1], label=2) = 0.440; corn(y=[2, 1], label=0) = 2.127
    Use: grades, ages and stars, where a near miss is better than a far one.
    For: uses the order of the classes, and one output less; predicted is the median.
    Against: late classes learn from few rows, since classes above the label say nothing of it.
    Trouble: classes must be in their order: name them so that it is, or give numbers.  Without an order, take
    softmax_cross_entropy.
    Reference: Shi, Cao and Raschka 2021, https://arxiv.org/abs/2111.08851, whose batch mean counts each of these terms
    alike.
    """
    value = 0
    for k in range(len(y)):
        e = exp(-abs(y[k]))
        asked, above = (1 if k <= label else 0), (1 if k < label else 0)
        value += asked * (log1p(e) + (-above * y[k] if y[k] < 0 else (1 - above) * y[k]))
        dy[k] = asked * ((e if y[k] < 0 else 1) / (1 + e) - above)
    return value
