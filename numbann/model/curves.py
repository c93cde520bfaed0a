"""Curves that tell how good probabilities are: ROC, precision and recall, and calibration.  NumPy alone.

positive (N,): whether a row is of the class.  chance (N,): the probability or score of it.  weight (N,): what a row
counts; None: all rows count alike.  Definitions are scikit-learn's (2024):
https://scikit-learn.org/stable/modules/model_evaluation.html, https://scikit-learn.org/stable/modules/calibration.html.
"""

from __future__ import annotations

from math import nan

import numpy as np

from numbann.records import dataclass

BINS = 10
SURE = 1.96  # standard deviations of a normal distribution within which 95 % of it lie


@dataclass(frozen=True)
class Roc:
    """The share of positive rows that is found, against that of the others taken for positive, by falling thresholds.

    false, true, threshold (P,): a point of the curve says yes to chances from the threshold on; the first says none.
    area: under the curve; NaN if there is but one class.
    """

    false: np.ndarray
    true: np.ndarray
    threshold: np.ndarray
    area: float


@dataclass(frozen=True)
class PrecisionRecall:
    """How many of those that are taken for positive are, against how many of the positive are found.

    precision, recall, threshold (P,): by falling thresholds; the first says yes to the largest chance alone.
    average: the average precision; NaN if there is no positive row.  share: that of the positive rows, which chance
    scores.
    """

    precision: np.ndarray
    recall: np.ndarray
    threshold: np.ndarray
    average: float
    share: float


@dataclass(frozen=True)
class Calibration:
    """What happened, against what was said, by bins of equal width of the chance that hold rows.

    said, happened (P,): the mean chance, and the share of positive rows.  low, high (P,): where the share is, with a
    confidence of 95 % (Wilson's interval).  rows (P,): how many the bin has.  edges (P, 2): of the bin.
    """

    said: np.ndarray
    happened: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rows: np.ndarray
    edges: np.ndarray


def roc(positive: np.ndarray, chance: np.ndarray, weight: np.ndarray | None = None) -> Roc:
    """Return the ROC curve.  Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747."""
    threshold, hits, alarms = _counts(positive, chance, weight)
    true, false = _share(np.append(0.0, hits)), _share(np.append(0.0, alarms))
    return Roc(false, true, np.append(np.inf, threshold), float(np.trapezoid(true, false)))


def precision_recall(positive: np.ndarray, chance: np.ndarray, weight: np.ndarray | None = None) -> PrecisionRecall:
    """Return precision and recall.  Davis and Goadrich 2006, https://doi.org/10.1145/1143844.1143874."""
    threshold, hits, alarms = _counts(positive, chance, weight)
    said = hits + alarms
    precision = np.divide(hits, said, out=np.zeros_like(said), where=said > 0)
    recall = _share(hits)
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return PrecisionRecall(precision, recall, threshold, average, float(hits[-1] / said[-1]) if said[-1] else nan)


def calibration(positive: np.ndarray, chance: np.ndarray, bins: int = BINS) -> Calibration:
    """Return how often a chance comes true.  Niculescu-Mizil and Caruana 2005, https://doi.org/10.1145/1102351.1102430.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953, has the interval.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], chance)
    rows = np.bincount(place, minlength=bins)
    held = rows > 0
    said, happened = (
        np.bincount(place, values, bins)[held] / rows[held] for values in (chance, np.asarray(positive, np.float64))
    )
    low, high = wilson(happened, rows[held])
    return Calibration(said, happened, low, high, rows[held], np.stack([edges[:-1], edges[1:]], 1)[held])


def wilson(share: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return between which values a share of some rows lies, with a confidence of 95 %."""
    spread = SURE * SURE / rows
    middle, scale = share + spread / 2, 1 + spread
    reach = SURE * np.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return np.clip((middle - reach) / scale, 0.0, share), np.clip((middle + reach) / scale, share, 1.0)


def _counts(
    positive: np.ndarray, chance: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each chance, falling, and the weight of rows of the class and of others that have it or a larger one."""
    chance, positive = np.asarray(chance, np.float64), np.asarray(positive, bool)
    weight = np.ones(len(chance)) if weight is None else np.asarray(weight, np.float64)
    order = np.argsort(-chance, kind="stable")
    order = order[weight[order] > 0]
    lasts = np.append(np.flatnonzero(np.diff(chance[order])), len(order) - 1)
    hits, alarms = (np.cumsum(weight[order] * of[order])[lasts] for of in (positive, ~positive))
    return chance[order][lasts], hits, alarms


def _share(counts: np.ndarray) -> np.ndarray:
    """Return counts that grow as shares of the last one; NaN if that is 0."""
    return counts / counts[-1] if counts[-1] else np.full_like(counts, nan)
