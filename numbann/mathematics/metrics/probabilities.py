"""Metrics of the probabilities of classes."""

from __future__ import annotations

from math import nan
from typing import Annotated, Any

from annotated_types import Ge

from numbann.components.declare import metric
from numbann.mathematics.metrics.moments import average

Count = Annotated[int, Ge(1)]
TINY = 2.0**-52  # the smallest distance from 1 in double precision


@metric
def top_3(t, probability, weight):
    """Top 3: the share of rows whose class is among the 3 most probable; of equal probabilities, later classes win.

    Values in [0, 1].

    Example: top_3(t=[0, 3], probability=[[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]) = 0; top_3(t=[1, 2],
    probability=[[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]) = 1
    Use: lists of suggestions, and many similar classes.
    For: a near miss counts as right.
    Against: it does not say how near the first one is.
    Trouble: with 3 classes or fewer it is 1; take accuracy.
    Reference: Russakovsky et al. 2014, https://arxiv.org/abs/1409.0575.
    """
    return _top(t, probability, weight, 3)


@metric
def top_5(t, probability, weight):
    """Top 5: the share of rows whose class is among the 5 most probable.

    Values in [0, 1].

    Example: top_5(t=[0, 5], probability=[[0.01, 0.09, 0.1, 0.2, 0.3, 0.3], [0, 0, 0, 0, 0.4, 0.6]]) = 0.5
    Use: very many similar classes.
    For: a near miss counts as right.
    Against: it does not say how near the first one is.
    Trouble: with 5 classes or fewer it is 1; take top_3 or accuracy.
    Reference: Russakovsky et al. 2014, https://arxiv.org/abs/1409.0575.
    """
    return _top(t, probability, weight, 5)


@metric(better="lower")
def log_loss(t, probability, weight):
    """Log loss: the mean of -log p, where p is the probability of a row's class, kept 2^-52 away from 0 and 1.

    Values in [0, 36.1); 0 is perfect, and log K what equal probabilities score.

    Example: log_loss(t=[0, 1], probability=[[0.9, 0.1], [0.2, 0.8]]) = 0.164; log_loss(t=[0, 1], probability=[[0.9,
    0.1], [0.99, 0.01]]) = 2.355
    Use: where probabilities are used themselves, to weigh costs.
    For: it measures the probabilities and not only their order; lowest for the true ones.
    Against: no unit that people know.
    Trouble: one confident mistake costs up to 36; if it rises while accuracy does, the network is too sure: stop
    earlier, or set label_smoothing.
    Reference: Good 1952, https://doi.org/10.1111/j.2517-6161.1952.tb00104.x.
    """
    import numpy as np

    chosen = np.asarray(probability, np.float64)[np.arange(len(t)), np.asarray(t, np.int64)]
    return float(average(-np.log(np.clip(chosen, TINY, 1 - TINY)), weight))


@metric(multilabel=True)
def roc_auc(t, probability, weight):
    """ROC AUC: how often a row of the positive class gets a larger probability than one of another; a tie counts half.

    Values in [0, 1]; chance scores 0.5.  For several classes, the mean over each against the rest; for yes/no labels,
    the mean over the labels.  Those that no row or every row has are left out; if none is left, it is NaN.

    Example: roc_auc(t=[0, 0, 1, 1], probability=[[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]) = 0.75
    Use: to compare models before a threshold is chosen.
    For: only the order of the probabilities matters, and no class size.
    Against: it says nothing of the probabilities' values.
    Trouble: with a rare positive class it looks too good; see pr_auc.
    Reference: Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747.
    """
    return _one_against_rest(t, probability, weight, _roc_area)


@metric(aliases=("average_precision",), multilabel=True)
def pr_auc(t, probability, weight):
    """Average precision: the sum over falling thresholds of (R_n - R_(n-1)) P_n, of precision P and recall R.

    Values in [0, 1].  For several classes or yes/no labels, a mean as in roc_auc; NaN if t has one class.

    Example: pr_auc(t=[0, 0, 1, 1], probability=[[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]) = 0.833
    Use: a rare positive class: search, alarms.
    For: it looks at the top of the list, where false alarms are.
    Against: chance scores the class's share of the rows and not a fixed number.
    Trouble: values from data with other shares cannot be compared; use the same rows.
    Reference: Davis and Goadrich 2006, https://doi.org/10.1145/1143844.1143874.
    """
    return _one_against_rest(t, probability, weight, _average_precision)


@metric(better="lower")
def calibration_error(t, probability, weight, bins: Count = 15):
    """Expected calibration error: sum_b w_b |accuracy_b - confidence_b|, over bins of rows with like confidence.

    Values in [0, 1]; 0 where of the rows with a confidence of 0.8 four of five are right.  A row's confidence is its
    largest probability; w_b is the share of rows in a bin, and the bins are of equal width.

    Example: calibration_error(t=[0, 1, 1, 1], probability=[[0.8, 0.2], [0.2, 0.8], [0.2, 0.8], [0.8, 0.2]]) = 0.05
    Use: to see whether probabilities mean what they say.
    For: in the unit of a probability.
    Against: it depends on the number of bins.
    Trouble: a model that always predicts the classes' shares scores well; look at log_loss beside it.
    Reference: Naeini, Cooper and Hauskrecht 2015, https://doi.org/10.1609/aaai.v29i1.9602; Guo, Pleiss, Sun and
    Weinberger 2017, https://arxiv.org/abs/1706.04599.
    """
    import numpy as np

    confidence, label = np.max(probability, axis=1).astype(np.float64), np.argmax(probability, axis=1)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    excess = np.bincount(place, weight * ((label == t) - confidence), bins)
    return float(np.abs(excess).sum() / weight.sum())


def _top(t: Any, probability: Any, weight: Any, k: int) -> float:
    """The share of rows whose class is among the k most probable."""
    import numpy as np

    best = np.argsort(probability, axis=1, kind="stable")[:, -k:]
    return float(average((best == np.asarray(t)[:, None]).any(1), weight))


def _one_against_rest(t: Any, probability: Any, weight: Any, area: Any) -> float:
    """The area of class 1 of two, or the mean area over the classes, or yes/no labels, that t has."""
    classes = [1] if probability.shape[1] == 2 and t.ndim == 1 else range(probability.shape[1])
    positives = [(k, t == k if t.ndim == 1 else t[:, k] == 1) for k in classes]
    given = [(k, positive) for k, positive in positives if 0 < (counted := positive[weight > 0]).sum() < len(counted)]
    areas = [area(positive, probability[:, k], weight) for k, positive in given]
    return sum(areas) / len(areas) if areas else nan


def _falling(positive: Any, score: Any, weight: Any) -> tuple[Any, Any]:
    """The weight of the positive and of the other rows down to each distinct score, from the highest on."""
    import numpy as np

    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    return tuple((weight * rows)[order].cumsum()[ends] for rows in (positive, ~positive))


def _roc_area(positive: Any, score: Any, weight: Any) -> float:
    import numpy as np

    hits, others = (np.concatenate([[0], counts]) for counts in _falling(positive, score, weight))
    return float(((hits[1:] + hits[:-1]) * np.diff(others)).sum() / (2 * hits[-1] * others[-1]))


def _average_precision(positive: Any, score: Any, weight: Any) -> float:
    import numpy as np

    hits, others = _falling(positive, score, weight)
    said = hits + others
    return float((np.diff(hits, prepend=0) * hits / (said + (said == 0))).sum() / hits[-1])
