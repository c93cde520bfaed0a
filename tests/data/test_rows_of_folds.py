"""Folds: even, in the proportion of classes, whole groups, or each after what it is trained on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from numbann.data.split import fold_groups, fold_in_order, fold_rows
from numbann.errors import DataError


@pytest.mark.parametrize(("rows", "count"), [(10, 2), (11, 5), (7, 7), (1003, 8)])
def test_folds_are_even_and_have_every_row_once(rows: int, count: int) -> None:
    found = fold_rows(rows, count, seed=1)
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(rows))
    assert {len(fold) for fold in found} <= {rows // count, rows // count + 1}
    assert all(np.all(np.diff(fold) > 0) for fold in found)


def test_classes_are_in_proportion() -> None:
    classes = np.repeat([0, 1, 2], [90, 23, 4])
    for fold in fold_rows(len(classes), 5, seed=0, classes=classes):
        for label, size in enumerate([90, 23, 4]):
            assert abs((classes[fold] == label).sum() - size / 5) < 1


def test_seed_and_repetition_decide() -> None:
    def first(*key: int) -> bytes:
        return fold_rows(50, 5, *key)[0].tobytes()

    assert first(3, 0) == first(3, 0)
    assert len({first(3, 0), first(3, 1), first(4, 0)}) == 3


def test_groups_stay_whole() -> None:
    groups = np.random.default_rng(0).integers(0, 40, 600)
    found = fold_groups(groups, 5, 0, 0, "shop")
    assert sorted(np.concatenate(found).tolist()) == list(range(600))
    of = [set(groups[fold].tolist()) for fold in found]
    assert sum(map(len, of)) == len(set(groups.tolist()))
    assert max(map(len, found)) - min(map(len, found)) < 30


def test_in_order_each_comes_after_what_it_is_trained_on() -> None:
    order = np.random.default_rng(0).permutation(23)
    place = np.argsort(order)
    found = fold_in_order(order, 4)
    assert len(found) == 5
    for before, after in pairwise(found):
        assert place[before].max() < place[after].min()


def test_too_few() -> None:
    with pytest.raises(DataError, match="3 rows cannot be 5 folds; take fewer"):
        fold_rows(3, 5, 0)
    with pytest.raises(DataError, match='2 groups of "shop" cannot be 3 folds'):
        fold_groups(np.array([0, 1, 1]), 3, 0, 0, "shop")
    with pytest.raises(DataError, match="3 rows cannot be 3 folds, each after rows to train on"):
        fold_in_order(np.arange(3), 3)
