"""The split covers every row once, is fixed by its seed, and keeps the proportions of the classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numbann.data.split import class_quotas, split_rows
from numbann.errors import DataError

SHARES = {"validation": 0.15, "test": 0.15}


def test_parts_cover_every_row_once_and_are_sorted() -> None:
    parts = split_rows(101, SHARES, seed=3)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 71, "test": 15, "validation": 15}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(101))
    assert all((np.diff(rows) > 0).all() for rows in parts.values())


def test_the_seed_fixes_the_split() -> None:
    first, again, other = (split_rows(50, SHARES, seed)["test"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_no_share_no_part() -> None:
    assert list(split_rows(10, {"validation": 0, "test": 0.2}, seed=0)) == ["train", "test"]


def test_stratified_parts_have_the_proportions_of_the_whole() -> None:
    classes = np.repeat([0, 1, 2], [100, 40, 20])
    parts = split_rows(160, {"validation": 0.2, "test": 0.1}, seed=0, classes=classes)
    assert np.bincount(classes[parts["test"]]).tolist() == [10, 4, 2]
    assert np.bincount(classes[parts["validation"]]).tolist() == [20, 8, 4]


def test_a_class_of_one_row_is_trained_on() -> None:
    classes = np.array([0] * 30 + [1])
    for seed in range(20):
        assert 30 in split_rows(31, {"validation": 0.4, "test": 0.4}, seed, classes)["train"]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.floats(0.05, 0.5))
def test_quotas_never_exceed_a_class_nor_the_count(sizes: list[int], share: float) -> None:
    count = int(sum(sizes) * share)
    quotas = class_quotas(np.array(sizes), count)
    assert quotas.sum() <= count
    assert (quotas <= np.maximum(np.array(sizes) - 1, 0)).all()
    assert (quotas >= np.floor(np.array(sizes) * (count / sum(sizes)))).all()


@pytest.mark.parametrize(
    ("rows", "shares", "message", "key"),
    [
        (2, {"test": 0.1}, "is no row; give data.split.test 0, or more", "data.split.test"),
        (3, {"validation": 0.5, "test": 0.5}, "none is left to train on", "data.split"),
    ],
)
def test_shares_that_leave_a_part_empty_are_refused(rows: int, shares: dict, message: str, key: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        split_rows(rows, shares, seed=0)
    assert caught.value.key == key
