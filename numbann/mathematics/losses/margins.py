"""Margin losses, which separate the scores of classes by a margin.  The scores are not probabilities."""

from __future__ import annotations

from numbann.components.declare import loss
from numbann.components.parameter import Positive


@loss(target="binary")
def hinge(y, t):
    """Hinge: max(1 - s y, 0) with s = 2 t - 1, so that t = 0, 1 are s = -1, 1.  y is a score; its sign is the class.

    Values in [0, inf).  Derivative -s for s y < 1, else 0.

    Example: hinge(y=[2, 0.5, -1], t=[1, 1, 1]) = [0, 0.5, 2]
    Use: two classes where only the decision counts, as in support vector machines.
    For: rows beyond the margin no longer count, so the model works on those that are in doubt.
    Against: y is a score and no probability.
    Trouble: for probabilities, or metrics of them such as log_loss, take sigmoid_cross_entropy.
    Reference: Cortes and Vapnik 1995, https://doi.org/10.1007/BF00994018.
    """
    m = 1 - (2 * t - 1) * y
    return 0 if m < 0 else m


@hinge.derivative
def hinge_derivative(y, t):
    m = 1 - (2 * t - 1) * y
    return 0 if m <= 0 else (1 - 2 * t if m > 0 else m)


@loss(target="binary")
def squared_hinge(y, t):
    """Squared hinge: max(1 - s y, 0)^2 with s = 2 t - 1.  y is a score; its sign is the class.

    Values in [0, inf).  Derivative -2 s max(1 - s y, 0).

    Example: squared_hinge(y=[2, 0.5, -1], t=[1, 1, 1]) = [0, 0.25, 4]
    Use: as hinge, where a smooth loss is wanted.
    For: no kink at the margin, and steps shrink as rows come near it.
    Against: rows far on the wrong side count by the square of their distance.
    Trouble: wrong labels dominate; take hinge or sigmoid_cross_entropy.
    Reference: Rosasco et al. 2004, https://doi.org/10.1162/089976604773135104.
    """
    m = 1 - (2 * t - 1) * y
    return 0 if m < 0 else m * m


@squared_hinge.derivative
def squared_hinge_derivative(y, t):
    m = 1 - (2 * t - 1) * y
    return 0 if m < 0 else (2 - 4 * t) * m


@loss(form="row")
def multi_margin(y, label, dy, margin: Positive = 1.0):
    """Margin over classes: sum_{k != label} max(margin - y_label + y_k, 0) / K.  y, dy: one row (K,); label in 0..K-1.

    Values in [0, inf).  dy_k = 1 / K where the margin is violated; dy_label is minus their sum.

    Example: multi_margin(y=[2, 1.5, 0], label=0) = 0.167
    Use: several classes where only the decision counts; a hinge for each other class.
    For: classes that are beaten by the margin no longer count.
    Against: the scores are not probabilities, and with many classes each counts little.
    Trouble: once all margins of the training rows are met it learns no more, though new rows may be wrong; raise
    margin, or take softmax_cross_entropy.
    Reference: Weston and Watkins 1999, https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf; as
    torch.nn.MultiMarginLoss with p = 1.
    """
    own, share = y[label], 1 / len(y)
    value, missed = 0, 0
    for k in range(len(y)):
        m = 0 if k == label else margin - own + y[k]
        dy[k] = 0 if m <= 0 else (share if m > 0 else m)
        value += 0 if m <= 0 else m
        missed += dy[k]
    dy[label] = -missed
    return value * share
