"""Losses for classes.  They take logits and include the link, which is faster and does not overflow."""

from __future__ import annotations

from math import exp, log, log1p

from numbann.components.declare import loss
from numbann.components.parameter import Fraction, Positive
from numbann.mathematics.rows import row_dot, row_max, row_sum


@loss(form="row", link="softmax")
def softmax_cross_entropy(y, label, dy, label_smoothing: Fraction = 0.0):
    """Cross-entropy of softmax(y) with a class: -log softmax(y)[label].  y, dy: one row (K,); label in 0..K-1.

    Values in [0, inf).  With label_smoothing s the target is (1 - s) for the class plus s / K for every class.  dy =
    softmax(y) - target.

    Example: softmax_cross_entropy(y=[2, 1, 0], label=0) = 0.408; softmax_cross_entropy(y=[2, 1, 0], label=2) = 2.408
    Use: one class out of several; the default.
    For: the gradient is prediction minus truth, large where the network is wrong, and outputs are probabilities.
    Against: one confident mistake costs much, since it is unbounded; it assumes that exactly one class is right.
    Trouble: give it logits: with a softmax layer of your own before it, it learns slowly.  Where many labels are wrong,
    set label_smoothing to 0.1; where classes are rare, see `class_weight`.
    Reference: Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28; smoothing: Szegedy et al. 2016,
    https://arxiv.org/abs/1512.00567; as torch.nn.CrossEntropyLoss.
    """
    largest = row_max(y)
    for k in range(len(y)):
        dy[k] = exp(y[k] - largest)
    total = row_sum(dy)
    spread = label_smoothing / len(y)
    log_total = log(total) + largest
    value = (1 - label_smoothing) * (log_total - y[label])
    if label_smoothing > 0:
        value += label_smoothing * log_total - spread * row_sum(y)
    for k in range(len(y)):
        dy[k] = dy[k] / total - spread
    dy[label] -= 1 - label_smoothing
    return value


@loss(form="row", link="softmax", target="distribution")
def soft_cross_entropy(y, t, dy):
    """Cross-entropy of softmax(y) with probabilities: -sum_k t_k log softmax(y)_k.  y, t, dy: one row (K,); sum t = 1.

    Values in [0, inf).  dy = softmax(y) sum_k t_k - t.

    Example: soft_cross_entropy(y=[2, 1, 0], t=[0.7, 0.2, 0.1]) = 0.808
    Use: targets that are probabilities of classes: votes of several people, another model's predictions.
    For: uses all of what the targets say, not only the most likely class.
    Against: a column for each class; its smallest value is the entropy of the targets and not 0.
    Trouble: targets that do not sum to 1 weigh their row by the sum; divide by it first.  To see 0 at the optimum, take
    kl_divergence.
    Reference: Hinton, Vinyals and Dean 2015, https://arxiv.org/abs/1503.02531; as torch.nn.CrossEntropyLoss with class
    probabilities.
    """
    largest = row_max(y)
    for k in range(len(y)):
        dy[k] = exp(y[k] - largest)
    total = row_sum(dy)
    mass, along = row_sum(t), row_dot(t, y)
    value = mass * (log(total) + largest) - along
    for k in range(len(y)):
        dy[k] = dy[k] * mass / total - t[k]
    return value


@loss(link="sigmoid", target="binary", aliases=("binary_cross_entropy",))
def sigmoid_cross_entropy(y, t, positive_weight: Positive = 1.0, label_smoothing: Fraction = 0.0):
    """Cross-entropy of sigmoid(y) with t in [0, 1]: -p t log s - (1 - t) log(1 - s), s = sigmoid(y).  y is a logit.

    Values in [0, inf).  p is the positive_weight, the weight of a yes relative to a no.  With label_smoothing q the
    target is t (1 - q) + q / 2.  Evaluated as c log(1 + exp(-|y|)) with c = 1 + (p - 1) t, plus y (1 - t) or, for y <
    0, -p t y, which does not overflow.  Derivative s - t - (p - 1) t (1 - s).

    Example: sigmoid_cross_entropy(y=[2, -2], t=[1, 1]) = [0.127, 2.127]
    Use: two classes, and several yes/no labels in a row; the default there.
    For: gives the probability of yes, and the gradient is prediction minus truth.
    Against: unbounded: one confident mistake can outweigh many rows.
    Trouble: a rare yes is missed: set positive_weight above 1, or move the threshold; but then s is no longer a
    calibrated probability.  Where many labels are wrong, set label_smoothing to 0.1; it costs calibration, too.
    Reference: Cox 1958, https://doi.org/10.1111/j.2517-6161.1958.tb00292.x; as torch.nn.BCEWithLogitsLoss with its
    pos_weight.
    """
    smooth = t + label_smoothing * (0.5 - t)
    more = (positive_weight - 1) * smooth
    return (-y * (smooth + more) if y < 0 else y - y * smooth) + (1 + more) * log1p(exp(-abs(y)))


@sigmoid_cross_entropy.derivative
def sigmoid_cross_entropy_derivative(y, t, positive_weight, label_smoothing):
    e = exp(-abs(y))
    s = (e if y < 0 else 1) / (1 + e)
    smooth = t + label_smoothing * (0.5 - t)
    return s - smooth - (positive_weight - 1) * smooth * (1 - s)


@loss(form="row", link="softmax", target="distribution")
def kl_divergence(y, t, dy):
    """Kullback-Leibler divergence: sum_k t_k (log t_k - log softmax(y)_k).  y, t, dy: one row (K,); sum t = 1.

    Values in [0, inf).  dy = softmax(y) sum_k t_k - t, as for soft_cross_entropy, from which it differs by the entropy
    of t.

    Example: kl_divergence(y=[2, 1, 0], t=[0.7, 0.2, 0.1]) = 0.0058
    Use: as soft_cross_entropy, where the value itself should mean something.
    For: 0 if and only if the prediction is the target; the same gradient.
    Against: a logarithm of each target, for the same training.
    Trouble: it is not symmetric: it punishes too small a probability where the target is large, and hardly the
    opposite.
    Reference: Kullback and Leibler 1951, https://doi.org/10.1214/aoms/1177729694; as torch.nn.KLDivLoss of
    log_softmax(y), summed over classes ("batchmean").
    """
    value = soft_cross_entropy(y, t, dy)
    for k in range(len(t)):
        if t[k] > 0:
            value += t[k] * log(t[k])
    return value
