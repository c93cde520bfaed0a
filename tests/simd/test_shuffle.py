"""Orders drawn from a key: permutations, the same as in plain Python, and without a preference for any place."""

from __future__ import annotations

import numpy as np
import pytest

from numbann.engine.shared.random import shuffle_epoch

MASK = (1 << 64) - 1


def hashed(key: int, counter: int) -> int:
    """SplitMix64's finisher in Python's integers."""
    x = (key + counter * 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def twin(count: int, key: int) -> list[int]:
    """The same order in Python."""
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = ((hashed(key, i) >> 32) * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return order


def drawn(count: int, seed: int, epoch: int) -> np.ndarray:
    order = np.empty(count, np.int64)
    shuffle_epoch(order, seed, epoch)
    return order


@pytest.mark.parametrize("count", [1, 2, 3, 100, 5000])
def test_it_is_the_order_of_the_twin(count: int) -> None:
    key = int(np.random.SeedSequence((7, 1, 3)).generate_state(1, np.uint64)[0])
    assert drawn(count, 7, 3).tolist() == twin(count, key)


def test_every_row_comes_to_every_place() -> None:
    """Chi-square of rows by places over many epochs: 81 degrees of freedom, so below 130 but for one in 2000."""
    counts, epochs = np.zeros((10, 10)), 3000
    for epoch in range(epochs):
        counts[drawn(10, 0, epoch), np.arange(10)] += 1
    expected = epochs / 10
    assert ((counts - expected) ** 2 / expected).sum() < 130
