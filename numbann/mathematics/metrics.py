"""Metrics: plain NumPy functions that score predictions in the target's own unit.

t (N,) or (N, O) is the target, label (N,) the predicted class, probability (N, K) the probability of each class, value
(N, O) the prediction, and weight (N,) the weight of each row: a row of weight 2 counts as two rows.  Classes are
numbered from 0; of two, class 1 is the positive one.  For T yes/no labels, t and label (N, T) are 1 for yes and 0 for
no, and probability (N, T) is the probability of yes.  Other names are what a loss gives (N, O), such as mean and
variance.  Definitions are scikit-learn's, including its sample_weight:
https://scikit-learn.org/stable/modules/model_evaluation.html (2024).  NumPy is imported inside the functions, so that
names can be looked up without it.
"""

from __future__ import annotations

from math import erf, nan, pi, sqrt
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from numbann.components.declare import metric
from numbann.errors import DataError

TINY = 2.0**-52  # the smallest distance from 1 in double precision
Count = Annotated[int, Ge(1)]
Share = Annotated[float, Gt(0), Lt(1)]

# ---- classes


@metric(multilabel=True)
def accuracy(t, label, weight):
    """Accuracy: the share of rows whose class is predicted, in [0, 1]; for yes/no labels, all of a row.

    Example: accuracy(t=[0, 1, 1, 0], label=[0, 1, 0, 0]) = 0.75
    Use: classes of similar size; the default.
    For: everybody understands it.
    Against: it counts all mistakes alike and ignores probabilities.
    Trouble: it hides rare classes: where 99 % of rows have one class, always predicting it scores 0.99; see
    balanced_accuracy or f1.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    right = t == label
    return float(_average(right if right.ndim == 1 else right.all(1), weight))


@metric(better="lower", multilabel=True)
def hamming_loss(t, label, weight):
    """Hamming loss: the share of yes/no labels that are predicted wrongly; for classes, the share of rows.

    Values in [0, 1]; 0 is perfect.

    Example: hamming_loss(t=[[1, 0, 0], [0, 1, 1]], label=[[1, 0, 1], [0, 1, 0]]) = 0.333
    Use: several yes/no labels for each row.
    For: a row of which one label is wrong is better than one of which all are.
    Against: for classes it is 1 - accuracy.
    Trouble: where most labels are no, a model without any skill scores low; see f1_macro.
    Reference: Schapire and Singer 1999, https://doi.org/10.1023/A:1007614523901.
    """
    return float(_average(t != label, weight).mean())


@metric
def balanced_accuracy(t, label, weight):
    """Balanced accuracy: the mean over the classes in t of the share of their rows that is predicted.

    Values in [0, 1]; guessing scores 1 / K.

    Example: balanced_accuracy(t=[0, 0, 0, 1], label=[0, 0, 0, 0]) = 0.5
    Use: classes of unequal size.
    For: each class counts the same, so that always predicting the largest gains nothing.
    Against: false alarms of a large class hardly show.
    Trouble: a single row of a very rare class changes it a lot; look at the confusion matrix, too.
    Reference: Brodersen, Ong, Stephan and Buhmann 2010, https://doi.org/10.1109/ICPR.2010.764.
    """
    hits, given, _ = _counts(t, label, weight)
    return float((hits[given > 0] / given[given > 0]).mean())


@metric
def precision(t, label, weight):
    """Precision: of the rows predicted as the positive of two classes, the share that is; 0 if there are none.

    Values in [0, 1].

    Example: precision(t=[1, 1, 0, 0], label=[1, 0, 1, 0]) = 0.5
    Use: problems where a false alarm is costly.
    For: says how far a yes can be trusted.
    Against: it ignores rows that are missed: see recall.
    Trouble: a model that says yes once, and rightly, scores 1; look at f1, or at recall beside it.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _positive(t, label, weight, _precisions)


@metric(multilabel=True)
def precision_macro(t, label, weight):
    """Precision, macro: the mean over classes of the share of rows predicted as a class that belong to it.

    Values in [0, 1].

    Example: precision_macro(t=[0, 1, 1, 2], label=[0, 1, 2, 2]) = 0.833
    Use: several classes where a wrong name is costly.
    For: each class counts the same, whatever its size.
    Against: it ignores rows that are missed: see recall_macro.
    Trouble: a class that is never predicted counts as 0; give it weight by `class_weight`, or take precision_weighted.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _mean(t, label, weight, _precisions, weighted=False)


@metric(multilabel=True)
def precision_micro(t, label, weight):
    """Precision, micro: the share of all predicted labels that are right; for classes, it is the accuracy.

    Values in [0, 1].

    Example: precision_micro(t=[[1, 0, 0], [0, 1, 1]], label=[[1, 0, 1], [0, 1, 0]]) = 0.667
    Use: several yes/no labels, where each label that is given counts the same.
    For: one number from all counts; no class divides by zero.
    Against: frequent labels decide it.
    Trouble: rare labels may be always wrong; look at precision_macro.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _pooled(t, label, weight, _precisions)


@metric(multilabel=True)
def precision_weighted(t, label, weight):
    """Precision, weighted: the same mean with each class weighted by its number of rows in t.

    Values in [0, 1].

    Example: precision_weighted(t=[0, 1, 1, 2], label=[0, 1, 2, 2]) = 0.875
    Use: several classes, counted as often as they occur.
    For: closer to what a user sees than precision_macro.
    Against: rare classes hardly count.
    Trouble: it looks good while rare classes are wrong; look at precision_macro.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _mean(t, label, weight, _precisions, weighted=True)


@metric
def recall(t, label, weight):
    """Recall: of the rows of the positive of two classes, the share that is predicted; 0 if there are none.

    Values in [0, 1].

    Example: recall(t=[1, 1, 1, 0], label=[1, 0, 1, 0]) = 0.667
    Use: problems where a missed row is costly: illness, fraud.
    For: says how much is found.
    Against: it ignores false alarms: see precision.
    Trouble: always predicting the positive class scores 1; look at f1, or at precision beside it.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _positive(t, label, weight, _recalls)


@metric(multilabel=True)
def recall_macro(t, label, weight):
    """Recall, macro: the mean, over the classes in t or label, of the share of their rows that is predicted.

    Values in [0, 1].

    Example: recall_macro(t=[0, 1, 1, 2], label=[0, 1, 2, 2]) = 0.833
    Use: several classes of unequal size, as balanced_accuracy.
    For: each class counts the same.
    Against: false alarms of a large class hardly show.
    Trouble: a class in few rows makes it jump; put more of them into the validation part.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _mean(t, label, weight, _recalls, weighted=False)


@metric(multilabel=True)
def recall_micro(t, label, weight):
    """Recall, micro: the share of all labels in t that are predicted; for classes, it is the accuracy.

    Values in [0, 1].

    Example: recall_micro(t=[[1, 0, 0], [0, 1, 1]], label=[[1, 1, 1], [0, 1, 0]]) = 0.667
    Use: several yes/no labels, where each label that is true counts the same.
    For: one number from all counts.
    Against: frequent labels decide it.
    Trouble: rare labels may be never found; look at recall_macro.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _pooled(t, label, weight, _recalls)


@metric(multilabel=True)
def recall_weighted(t, label, weight):
    """Recall, weighted: the same mean with each class weighted by its number of rows in t, which is the accuracy.

    Values in [0, 1].

    Example: recall_weighted(t=[0, 1, 1, 2], label=[0, 1, 2, 2]) = 0.75
    Use: to compare with reports that name it.
    For: beside precision_weighted, it is of the same form.
    Against: for classes it is the accuracy by another name.
    Trouble: it hides rare classes as accuracy does; take recall_macro.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _mean(t, label, weight, _recalls, weighted=True)


@metric
def f1(t, label, weight):
    """F1: 2 precision recall / (precision + recall) of the positive of two classes.

    Values in [0, 1]; 0 if no row of the positive class is found.

    Example: f1(t=[1, 1, 1, 0, 0], label=[1, 0, 1, 1, 0]) = 0.667
    Use: a rare positive class.
    For: high only if both precision and recall are.
    Against: it ignores correct predictions of the other class, and depends on which is positive.
    Trouble: at the threshold of 0.5 a good model may score 0; set `positive_weight` of the loss, or look at pr_auc,
    which needs no threshold.
    Reference: van Rijsbergen 1979, https://www.dcs.gla.ac.uk/Keith/Preface.html.
    """
    return _positive(t, label, weight, _f1s)


@metric(multilabel=True)
def f1_macro(t, label, weight):
    """F1, macro: the mean of the classes' F1, whatever their size.

    Values in [0, 1].

    Example: f1_macro(t=[0, 1, 1, 2], label=[0, 1, 2, 2]) = 0.778
    Use: several classes of unequal size, and several yes/no labels.
    For: each class counts the same, by what is found and what is right.
    Against: hard to read: no row has it.
    Trouble: one class that is never predicted takes 1 / K of it; look at the confusion matrix to see which.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _mean(t, label, weight, _f1s, weighted=False)


@metric(multilabel=True)
def f1_micro(t, label, weight):
    """F1, micro: F1 of the precision and recall of all labels together; for classes, it is the accuracy.

    Values in [0, 1].

    Example: f1_micro(t=[[1, 0, 0], [0, 1, 1]], label=[[1, 0, 1], [0, 1, 0]]) = 0.667
    Use: several yes/no labels, where each counts the same.
    For: one number from all counts.
    Against: frequent labels decide it.
    Trouble: rare labels may be never found; look at f1_macro.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _pooled(t, label, weight, _f1s)


@metric(multilabel=True)
def f1_weighted(t, label, weight):
    """F1, weighted: the mean of the classes' F1, weighted by their number of rows in t.

    Values in [0, 1].

    Example: f1_weighted(t=[0, 1, 1, 2], label=[0, 1, 2, 2]) = 0.75
    Use: several classes, counted as often as they occur.
    For: closer to what a user sees than f1_macro.
    Against: rare classes hardly count.
    Trouble: it looks good while rare classes are wrong; look at f1_macro.
    Reference: Sokolova and Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    return _mean(t, label, weight, _f1s, weighted=True)


@metric(aliases=("matthews_correlation",))
def matthews(t, label, weight):
    """Matthews: the correlation of t and label as one-hot rows, in [-1, 1]; 0 for guesses or if one never changes.

    Example: matthews(t=[1, 1, 1, 0, 0], label=[1, 0, 1, 1, 0]) = 0.167
    Use: classes of unequal size, where one number has to do.
    For: high only if every class is predicted well.
    Against: harder to explain than a share.
    Trouble: with few rows of a class it jumps; use more rows, or several seeds.
    Reference: Matthews 1975, https://doi.org/10.1016/0005-2795(75)90109-9; several classes: Gorodkin 2004,
    https://doi.org/10.1016/j.compbiolchem.2004.09.006.
    """
    hits, given, said = _counts(t, label, weight)
    if min((given > 0).sum(), (said > 0).sum()) < 2:
        return 0.0
    rows = given.sum()
    spread = (rows * rows - (said * said).sum()) * (rows * rows - (given * given).sum())
    return float((hits.sum() * rows - (said * given).sum()) / sqrt(spread))


@metric
def quadratic_kappa(t, label, weight):
    """Quadratic kappa: 1 - sum (i - j)^2 O_ij / sum (i - j)^2 E_ij, with O_ij the rows of class i predicted as class j.

    Values in [-1, 1]; 1 is perfect, 0 is chance.  E_ij is what chance would give: the rows of class i times those
    predicted as j, over all.  NaN if t and label have one class.

    Example: quadratic_kappa(t=[0, 1, 2, 3], label=[0, 1, 2, 2]) = 0.875; quadratic_kappa(t=[0, 1, 2, 3], label=[0, 1,
    2, 0]) = 0.1
    Use: ordered classes: grades, stars.
    For: a mistake counts by the square of its distance.
    Against: classes must be numbered in their order.
    Trouble: it rises with the spread of the classes in the data; compare models on the same rows only.
    Reference: Cohen 1968, https://doi.org/10.1037/h0026256.
    """
    import numpy as np

    t, label = np.asarray(t, np.float64), np.asarray(label, np.float64)
    found = _average((t - label) ** 2, weight)
    middle = _average(t, weight), _average(label, weight)
    chance = _variance(t, weight) + _variance(label, weight) + (middle[0] - middle[1]) ** 2
    return float(1 - found / chance) if chance > 0 else nan


def _average(values: Any, weight: Any) -> Any:
    """Return the weighted mean over rows of values (N,) or (N, O)."""
    return (weight * values.T).T.sum(0) / weight.sum()


def _counts(t: Any, label: Any, weight: Any) -> tuple[Any, Any, Any]:
    """For each class in t or label, or yes/no label: the weight of rows of it predicted so, of it, predicted so."""
    import numpy as np

    if t.ndim == 2:
        return weight @ (t * label), weight @ t, weight @ label
    t, label = np.asarray(t, np.int64), np.asarray(label, np.int64)
    size = int(max(t.max(), label.max())) + 1
    right = t == label
    counts = [np.bincount(rows, w, size) for rows, w in ((t[right], weight[right]), (t, weight), (label, weight))]
    present = np.bincount(t, minlength=size) + np.bincount(label, minlength=size) > 0
    return counts[0][present], counts[1][present], counts[2][present]


def _precisions(hits: Any, given: Any, said: Any) -> Any:
    return hits / (said + (said == 0))


def _recalls(hits: Any, given: Any, said: Any) -> Any:
    return hits / (given + (given == 0))


def _f1s(hits: Any, given: Any, said: Any) -> Any:
    either = given + said
    return 2 * hits / (either + (either == 0))


def _positive(t: Any, label: Any, weight: Any, score: Any) -> float:
    """Return the score of class 1 of two."""
    if max(t.max(), label.max()) > 1:
        raise DataError(
            "precision, recall and f1 are of two classes; for several take precision_macro, recall_macro, f1_macro, "
            "or ..._weighted",
            key="train.metrics",
        )
    hits, given, said = ((weight * rows).sum() for rows in (t * label, t, label))
    return float(score(hits, given, said)) if given + said > 0 else 0.0


def _mean(t: Any, label: Any, weight: Any, score: Any, weighted: bool) -> float:
    """Return the mean of the classes' scores."""
    counts = _counts(t, label, weight)
    scores = score(*counts)
    given = counts[1].sum()
    return float((scores * counts[1]).sum() / (given + (given == 0)) if weighted else scores.mean())


def _pooled(t: Any, label: Any, weight: Any, score: Any) -> float:
    """The score of all classes' or labels' counts together."""
    if t.ndim == 1:
        hits, given, said = weight @ (t == label), weight.sum(), weight.sum()
    else:
        hits, given, said = ((weight @ counted).sum() for counted in (t * label, t, label))
    return float(score(hits, given, said))


# ---- probabilities


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
    return float(_average(-np.log(np.clip(chosen, TINY, 1 - TINY)), weight))


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
    return float(_average((best == np.asarray(t)[:, None]).any(1), weight))


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


# ---- values


@metric(better="lower", aliases=("mean_absolute_error",))
def mae(t, value, weight):
    """Mean absolute error: mean |value - t|, in the target's unit.  Outliers count in proportion to their distance.

    Values in [0, inf).

    Example: mae(t=[1, 2, 4], value=[2, 2, 7]) = 1.333
    Use: how far off a prediction is, on average; the one to tell people.
    For: in the target's unit, and outliers count in proportion.
    Against: it does not show a few very large errors: see rmse.
    Trouble: a model trained by mse aims at means and may lose against the median; train with the loss mae, or compare
    by rmse.
    Reference: Willmott and Matsuura 2005, https://doi.org/10.3354/cr030079.
    """
    return float(_average(abs(value - t), weight).mean())


@metric(better="lower", aliases=("root_mean_squared_error",))
def rmse(t, value, weight):
    """Root mean squared error: sqrt(mean((value - t)^2)), mean over outputs, in the target's unit.

    Values in [0, inf); predicting the mean scores the target's standard deviation.

    Example: rmse(t=[1, 2, 4], value=[2, 2, 7]) = 1.826
    Use: regression; the default.
    For: in the target's unit, and large errors count more.
    Against: a few outliers decide it.
    Trouble: if it is much larger than mae, a few rows are far off: look at them, or train with huber.
    Reference: Chai and Draxler 2014, https://doi.org/10.5194/gmd-7-1247-2014.
    """
    return float((_average((value - t) ** 2, weight) ** 0.5).mean())


@metric(better="lower", aliases=("mean_absolute_percentage_error",))
def mape(t, value, weight):
    """Mean absolute percentage error: mean |value - t| / max(|t|, 2^-52), as a share: 0.1 is ten per cent.

    Values in [0, inf).

    Example: mape(t=[10, 200], value=[11, 180]) = 0.1
    Use: positive targets over several orders of magnitude.
    For: without a unit, and easy to tell.
    Against: too high a prediction can cost more than too low a one.
    Trouble: a target of 0 makes it enormous; leave such rows out, or take mae.
    Reference: de Myttenaere, Golden, Le Grand and Rossi 2016, https://arxiv.org/abs/1605.02541.
    """
    size = abs(t)
    return float(_average(abs(value - t) / (size + (TINY - size) * (size < TINY)), weight).mean())


@metric
def r2(t, value, weight):
    """Coefficient of determination: 1 - sum (t - value)^2 / sum (t - mean t)^2, mean over outputs; 1 is perfect.

    Values in (-inf, 1]; predicting the mean scores 0.  An output whose target never changes counts as 1 if it is
    predicted exactly, else as 0, as in scikit-learn.

    Example: r2(t=[1, 2, 4, 5], value=[1, 3, 4, 4]) = 0.8
    Use: regression; how much better than the mean a model is.
    For: without a unit, and with a natural zero.
    Against: it depends on the spread of the targets in the data.
    Trouble: below 0 the model is worse than the mean: it overfits, or new data differ; look at the training part's
    value.
    Reference: Kvalseth 1985, https://doi.org/10.1080/00031305.1985.10479448.
    """
    return _explained(_average((t - value) ** 2, weight), _variance(t, weight))


@metric
def explained_variance(t, value, weight):
    """Explained variance: 1 - var(t - value) / var(t), mean over outputs; 1 is perfect.

    Values in (-inf, 1].

    Example: explained_variance(t=[1, 2, 4, 5], value=[2, 3, 5, 6]) = 1; explained_variance(t=[1, 2, 4, 5], value=[1, 3,
    4, 4]) = 0.8
    Use: beside r2, to find a constant offset.
    For: it ignores one: predictions that are all too high by the same score 1.
    Against: it ignores one, which users will not.
    Trouble: if it is above r2, predictions are biased; train longer, or look whether the parts differ.
    Reference: Kvalseth 1985, https://doi.org/10.1080/00031305.1985.10479448.
    """
    return _explained(_variance(t - value, weight), _variance(t, weight))


# ---- what a loss gives beside predictions


@metric
def coverage(t, low, high, weight):
    """Coverage: the share of rows with low <= t <= high, mean over targets.

    Values in [0, 1]; between quantiles of 5 % and 95 % it should be 0.9.

    Example: coverage(t=[1, 2, 3, 9], low=[0, 1, 2, 3], high=[2, 3, 4, 5]) = 0.75
    Use: a loss that gives quantiles, such as quantiles.
    For: says whether intervals hold what they promise.
    Against: it ignores how wide they are.
    Trouble: a wide interval covers everything: compare the losses, too.  Too low a value on new rows is overfitting:
    stop earlier.
    Reference: Christoffersen 1998, https://doi.org/10.2307/2527341.
    """
    return float(_average((low <= t) & (t <= high), weight).mean())


@metric
def normal_coverage(t, mean, variance, weight, level: Share = 0.9):
    """Normal coverage: the share of rows with |t - mean| <= z sqrt(variance), z such that a normal one has this level.

    Values in [0, 1]; it should be `level`.

    Example: normal_coverage(t=[0, 1, 2, 3], mean=[0, 0, 0, 0], variance=[1, 1, 1, 1]) = 0.5
    Use: a loss that gives a mean and a variance, such as gaussian_nll.
    For: says whether error bars hold what they promise.
    Against: it takes the noise as normal, and ignores how wide the bars are.
    Trouble: too low a value on new rows is overfitting: stop earlier; too high a one may be heavy tails.
    Reference: Christoffersen 1998, https://doi.org/10.2307/2527341.
    """
    from statistics import NormalDist

    reach = NormalDist().inv_cdf(0.5 + level / 2)
    return float(_average((t - mean) ** 2 <= reach * reach * variance, weight).mean())


@metric
def concordance(time, event, value, weight):
    """Concordance (Harrell's C): of the pairs whose order is known, the share that is predicted in that order.

    Values in [0, 1]; 1 is perfect, 0.5 chance, NaN if no order is known.  The order of two rows is known if the end of
    the shorter time was seen, event 1; equal predictions count half.  Mean over targets.

    Example: concordance(time=[1, 2, 3], event=[1, 0, 1], value=[1, 3, 2]) = 1; concordance(time=[1, 2, 3], event=[1, 1,
    1], value=[1, 3, 2]) = 0.667
    Use: times that are censored, such as with weibull.
    For: only the order matters, so that any score of risk will do.
    Against: it says nothing of the times themselves.
    Trouble: it takes time in proportion to the square of the rows; measure on fewer.
    Reference: Harrell, Califf, Pryor, Lee and Rosati 1982, https://doi.org/10.1001/jama.1982.03320430047030.
    """
    columns = zip(time.T, event.T, value.T, strict=True)
    found = [_concordance(*column, weight) for column in columns]
    return sum(found) / len(found)


def _concordance(time: Any, event: Any, value: Any, weight: Any) -> float:
    """Return that of one target (N,)."""
    right, pairs = 0.0, 0.0
    for k in (event * weight).nonzero()[0]:
        longer = ((time > time[k]) | ((time == time[k]) & (event == 0))) * weight
        right += weight[k] * (longer @ (value > value[k]) + longer @ (value == value[k]) / 2)
        pairs += weight[k] * longer.sum()
    return float(right / pairs) if pairs else nan


@metric
def ndcg(t, value, group, weight, best: Count = 10, linear: bool = False):
    """NDCG: the mean over groups of DCG / ideal DCG, DCG = sum (2^t - 1) / log2(1 + place) over the `best` first rows.

    Values in [0, 1]; 1 is perfect.  A row's place is that of its value among its group's, from the largest on; the
    ideal has them by t.  `linear`: what a row gives is t, not 2^t - 1.  Rows of equal value share what their places
    give.  A group counts by the mean weight of its rows, and is left out if all of its rows have a t of 0.  NaN if all
    groups have, for a t below 0, and for a power of two beyond 2^1000.  Mean over targets.

    Example: ndcg(t=[3, 2, 0], value=[1, 2, 0], group=[0, 0, 0]) = 0.834; ndcg(t=[3, 2, 0, 1], value=[3, 2, 1, 0],
    group=[0, 0, 1, 1]) = 0.815
    Use: ranking within groups, with grades such as 0 to 4: documents of a query.
    For: what counts is the head of the order, where people look.
    Against: it takes grades as powers of two, so that one step up is worth as much as all below.
    Trouble: of targets that are no grades, such as prices, the largest alone decides; set `linear`.
    Reference: Jarvelin and Kekalainen 2002, https://doi.org/10.1145/582415.582418; ties: McSherry and Najork 2008,
    https://doi.org/10.1007/978-3-540-78646-7_38.
    """
    import numpy as np

    if t.min() < 0 or (t.max() > 1000 and not linear):
        return nan
    of, sizes = np.unique(group, return_inverse=True, return_counts=True)[1:]
    gain, each = (t if linear else 2.0**t - 1), np.bincount(of, weight) / sizes
    found = []
    for k in range(t.shape[1]):
        ideal = np.bincount(of, gain[:, k] * _discounts(of, sizes, t[:, k], best))
        reached = np.bincount(of, gain[:, k] * _discounts(of, sizes, value[:, k], best))
        counted = (ideal != 0) * each
        found.append((reached / (ideal + (ideal == 0))) @ counted / counted.sum() if counted.any() else nan)
    return sum(found) / len(found)


def _discounts(of: Any, sizes: Any, value: Any, best: int) -> Any:
    """Return what the place of each row (N,) gives; that of rows of equal value is the mean of their places."""
    import numpy as np

    order = np.lexsort((-value, of))
    place = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    gives = np.where(place < best, 1 / np.log2(place + 2), 0)
    first = (np.diff(of[order], prepend=-1) != 0) | (np.diff(value[order], prepend=0) != 0)
    starts = np.flatnonzero(first | (np.arange(len(of)) == 0))
    count = np.diff(starts, append=len(of))
    found = np.empty(len(of))
    found[order] = np.repeat(np.add.reduceat(gives, starts) / count, count)
    return found


@metric(better="lower")
def crps(t, mean, variance, weight):
    """CRPS of a normal distribution: s (e (2 F(e) - 1) + 2 f(e) - 1 / sqrt(pi)), e = (t - mean) / s, s^2 = variance.

    Values in [0, inf).  F and f are the standard normal distribution and its density.  For a variance of 0 it is the
    absolute error.

    Example: crps(t=[0, 2], mean=[0, 0], variance=[1, 1]) = 0.843; crps(t=[0, 2], mean=[0, 0], variance=[4, 4]) = 0.836
    Use: predictions with an error bar, such as those of gaussian_nll.
    For: mean and variance in one number, in the target's unit.
    Against: it takes the distribution as normal.
    Trouble: outliers count less than in the likelihood, so that the two may rank models differently; choose by what
    errors cost.
    Reference: Gneiting and Raftery 2007, https://doi.org/10.1198/016214506000001437.
    """
    import numpy as np

    s = np.sqrt(variance)
    e = (t - mean) / (s + (s == 0))
    inside = np.frompyfunc(erf, 1, 1)(e / sqrt(2)).astype(np.float64)
    found = s * (e * inside + np.exp(-e * e / 2) * sqrt(2 / pi) - 1 / sqrt(pi))
    return float(_average(np.where(s > 0, found, abs(t - mean)), weight).mean())


def _variance(values: Any, weight: Any) -> Any:
    return _average((values - _average(values, weight)) ** 2, weight)


def _explained(error: Any, spread: Any) -> float:
    """Return 1 - error / spread, mean over outputs; for an output without spread, 1 if there is no error, else 0."""
    constant = spread == 0
    scores = (1 - error / (spread + constant)) * ~constant + (constant & (error == 0))
    return float(scores.mean())
