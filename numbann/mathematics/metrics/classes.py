"""Metrics of predicted classes, and of yes/no labels."""

from __future__ import annotations

from math import nan, sqrt
from typing import Any

from numbann.components.declare import metric
from numbann.errors import DataError
from numbann.mathematics.metrics.moments import average, variance


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
    return float(average(right if right.ndim == 1 else right.all(1), weight))


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
    return float(average(t != label, weight).mean())


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
    found = average((t - label) ** 2, weight)
    middle = average(t, weight), average(label, weight)
    chance = variance(t, weight) + variance(label, weight) + (middle[0] - middle[1]) ** 2
    return float(1 - found / chance) if chance > 0 else nan


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
