"""Random numbers from counters: the same seed, purpose and place give the same numbers on any device."""

from __future__ import annotations

import numpy as np

WEIGHTS, SHUFFLE, NOISE, SAMPLE, BIASES, VECTORS = 0, 1, 2, 3, 4, 5  # purposes; SAMPLE: a part of the rows


def generator(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """The generator of one place, such as an epoch or a layer, for one purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, purpose, *place))))
