"""Splits rows into parts: shuffled by the seed and, if asked for, in the same proportion for every class.

Or by a column: in its order, by its groups, or as it says.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numbann.data.contract import HELD_BACK
from numbann.data.wording import counted, quoted
from numbann.errors import DataError

SAMPLING = 0x726F7773  # the second half of the key of random numbers that choose a sample; that of a split is 0
FOLDING = 0x666F6C64  # the same for folds, and the number of the repetition is added


def split_rows(
    rows: int, shares: Mapping[str, float], seed: int, classes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Sorted row numbers of each part; `classes` (N,) are class indices to stratify by."""
    counts = _counts(rows, shares)
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(rows)
    parts = {}
    for part in (name for name in reversed(HELD_BACK) if name in counts):
        taken = _take(order, counts[part], classes)
        if not len(taken) and classes is not None:
            _, sizes = np.unique(classes, return_counts=True)
            once = f"{(sizes == 1).sum()} of {len(sizes)} labels occur once"
            what = f'{once}, so that no row is left for {part}; is the target a number ("task": "regression")'
            raise DataError(f'{what} or an identifier? Or set "stratify": false', key="data.split.stratify")
        parts[part] = np.sort(order[taken])
        order = np.delete(order, taken)
    return {"train": np.sort(order), **parts}


def split_in_order(rows: int, shares: Mapping[str, float], order: np.ndarray) -> dict[str, np.ndarray]:
    """Sorted row numbers of each part: the last rows in this order (N,) are the test part, before them validation."""
    parts, end = {}, rows
    for part, count in reversed(_counts(rows, shares).items()):
        parts[part] = np.sort(order[end - count : end])
        end -= count
    return {"train": np.sort(order[:end]), **parts}


def split_groups(groups: np.ndarray, shares: Mapping[str, float], seed: int, name: str) -> dict[str, np.ndarray]:
    """Sorted row numbers of each part, whole groups each.  groups (N,): the group of each row, from 0.

    Groups are shuffled by the seed.  A part takes those that bring it nearer to its share, one at least.
    """
    sizes, counts = np.bincount(groups), _counts(len(groups), shares)
    if len(sizes) <= len(counts):
        what = (
            f"{counted(len(sizes), 'group')} of {quoted(name)} cannot be {len(counts) + 1} parts; hold back fewer parts"
        )
        raise DataError(what, key="data.split.group")
    order, chosen = np.random.Generator(np.random.Philox(key=seed)).permutation(len(sizes)).tolist(), {}
    for number, (part, count) in enumerate(reversed(counts.items())):
        taken: list[int] = []
        for group in order[: len(order) - (len(counts) - number)]:  # one is left for each part to come
            held = int(sizes[taken].sum())
            if not taken or abs(held + sizes[group] - count) < abs(held - count):
                taken.append(group)
        chosen[part] = taken
        order = [group for group in order if group not in taken]
    parts = {part: np.flatnonzero(np.isin(groups, taken)) for part, taken in chosen.items()}
    return {"train": np.flatnonzero(np.isin(groups, order)), **parts}


def fold_rows(
    rows: int, count: int, seed: int, repetition: int = 0, classes: np.ndarray | None = None
) -> list[np.ndarray]:
    """Sorted row numbers of each of `count` folds; `classes` (N,) are class indices, spread evenly over the folds."""
    if rows < count:
        raise DataError(f"{counted(rows, 'row')} cannot be {count} folds; take fewer", key="ensemble.folds")
    order = _folding(seed, repetition).permutation(rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    return [np.sort(order[fold::count]) for fold in range(count)]


def fold_groups(groups: np.ndarray, count: int, seed: int, repetition: int, name: str) -> list[np.ndarray]:
    """Sorted row numbers of each fold, whole groups each.  groups (N,): the group of each row, from 0.

    Groups are shuffled by the seed; then each, the largest first, goes to the fold with the fewest rows.
    """
    sizes = np.bincount(groups)
    if len(sizes) < count:
        what = f"{counted(len(sizes), 'group')} of {quoted(name)} cannot be {count} folds; take fewer"
        raise DataError(what, key="ensemble.folds")
    order = _folding(seed, repetition).permutation(len(sizes))
    held, fold_of = np.zeros(count, np.int64), np.empty(len(sizes), np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[group] = held.argmin()
        held[fold_of[group]] += sizes[group]
    return [np.flatnonzero(fold_of[groups] == fold) for fold in range(count)]


def fold_in_order(order: np.ndarray, count: int) -> list[np.ndarray]:
    """Sorted row numbers of count + 1 stretches of an order (N,), the first of which is there to train alone."""
    if len(order) <= count:
        what = f"{counted(len(order), 'row')} cannot be {count} folds, each after rows to train on; take fewer"
        raise DataError(what, key="ensemble.folds")
    return [np.sort(stretch) for stretch in np.array_split(order, count + 1)]


def _folding(seed: int, repetition: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, FOLDING + repetition]))


def sample_rows(rows: int, asked: float, seed: int, classes: np.ndarray | None) -> np.ndarray:
    """Sorted row numbers of a random sample.  asked: a number, or a share; classes (N,): kept in proportion."""
    count, order = _asked(rows, asked), _sampling(seed).permutation(rows)
    if classes is None:
        return np.sort(order[:count])
    taken = order[_take(order, count, classes)]
    rest = np.setdiff1d(order, taken, assume_unique=True)  # of classes that keep a row for themselves
    return np.sort(np.concatenate((taken, rest[: count - len(taken)])))


def sample_groups(groups: np.ndarray, asked: float, seed: int) -> np.ndarray:
    """Sorted row numbers of some groups at random, the fewest with as many rows.  groups (N,): of each row, from 0."""
    sizes = np.bincount(groups)
    order = _sampling(seed).permutation(len(sizes))
    last = np.searchsorted(np.cumsum(sizes[order]), _asked(len(groups), asked))
    return np.flatnonzero(np.isin(groups, order[: last + 1]))


def _asked(rows: int, asked: float) -> int:
    return min(rows, asked if isinstance(asked, int) else max(1, int(rows * asked + 0.5)))


def _sampling(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, SAMPLING]))


def _counts(rows: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Return how many rows each part takes that is held back."""
    counts = {part: _count(rows, shares[part], part) for part in HELD_BACK if shares.get(part, 0) > 0}
    if sum(counts.values()) >= rows:
        raise DataError(
            f"validation and test take all of the {counted(rows, 'row')}, none is left to train on; take less",
            key="data.split",
        )
    return counts


def _count(rows: int, share: float, part: str) -> int:
    count = int(rows * share + 0.5)
    if count == 0:
        raise DataError(
            f"a share of {share} of {counted(rows, 'row')} is no row; give data.split.{part} 0, or more",
            key=f"data.split.{part}",
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
