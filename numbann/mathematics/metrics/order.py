"""Metrics of the order of rows: by survival, and within groups."""

from __future__ import annotations

from math import nan
from typing import Annotated, Any

from annotated_types import Ge

from numbann.components.declare import metric

Count = Annotated[int, Ge(1)]


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
