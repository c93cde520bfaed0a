"""Random numbers from counters: the same seed, purpose and place give the same numbers on any device."""

from __future__ import annotations

import numpy as np

# purposes; SAMPLE: a part of the rows, MODELS: the seeds of the models of an ensemble, TRIALS: those of a sweep
WEIGHTS, SHUFFLE, NOISE, SAMPLE, BIASES, VECTORS, MODELS, TRIALS = range(8)


def generator(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """The generator of one place, such as an epoch or a layer, for one purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, purpose, *place))))
