"""Splits rows into parts: shuffled by the seed and, if asked for, in the same proportion for every class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numbann.data.contract import HELD_BACK
from numbann.data.wording import counted
from numbann.errors import DataError


def split_rows(
    rows: int, shares: Mapping[str, float], seed: int, classes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Sorted row numbers of each part; `classes` (N,) are class indices to stratify by."""
    counts = {part: _count(rows, share, part) for part, share in shares.items() if share > 0}
    if sum(counts.values()) >= rows:
        raise DataError(
            f"validation and test take all of the {counted(rows, 'row')}, none is left to train on; take less",
            key="data.split",
        )
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(rows)
    parts = {}
    for part in (name for name in reversed(HELD_BACK) if name in counts):
        taken = _take(order, counts[part], classes)
        parts[part] = np.sort(order[taken])
        order = np.delete(order, taken)
    return {"train": np.sort(order), **parts}


def _count(rows: int, share: float, part: str) -> int:
    count = int(rows * share + 0.5)
    if count == 0:
        raise DataError(
            f"a share of {share} of {counted(rows, 'row')} is no row; give 0, or more", key=f"data.split.{part}"
        )
    return count


def _take(order: np.ndarray, count: int, classes: np.ndarray | None) -> np.ndarray:
    """Positions in `order` of the rows to take: the first ones, of each class if there are classes."""
    if classes is None:
        return np.arange(count)
    class_of = classes[order]
    by_class = np.argsort(class_of, kind="stable")
    sizes = np.bincount(class_of)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    quotas = class_quotas(sizes, count)
    return np.concatenate([by_class[start : start + quota] for start, quota in zip(starts, quotas, strict=True)])


def class_quotas(sizes: np.ndarray, count: int) -> np.ndarray:
    """`count` rows shared out over classes in proportion: whole parts first, then the largest remainders.

    A class keeps at least one row where it can; if that leaves too few, the quotas fall short of `count`.
    """
    exact = sizes * (count / sizes.sum())
    quotas = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(quotas - exact, kind="stable")
    open_classes = by_remainder[(sizes - quotas)[by_remainder] > 1]
    quotas[open_classes[: count - quotas.sum()]] += 1
    return quotas
