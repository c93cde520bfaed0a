"""All randomness, from counters: the same numbers for the same seed, purpose and place, on any device."""

from __future__ import annotations

import numpy as np

WEIGHTS, SHUFFLE = 0, 1  # purposes


def generator(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """The generator of one place, such as an epoch or a layer, for one purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, purpose, *place))))


def epoch_order(seed: int, epoch: int, rows: int, batch: int) -> np.ndarray:
    """The order in which an epoch visits the rows: shuffled, unless all of them are one batch."""
    if batch >= rows:
        return np.arange(rows)
    return generator(seed, SHUFFLE, epoch).permutation(rows)
