"""All randomness, from counters: the same numbers for the same seed, purpose and place, on any device."""

from __future__ import annotations

from ctypes import c_int64, c_ssize_t, c_void_p

import numpy as np

from numbann.simd import jit
from numbann.simd import shuffle as shuffling

WEIGHTS, SHUFFLE, NOISE, SAMPLE, BIASES = 0, 1, 2, 3, 4  # purposes; SAMPLE: of rows, where not all are taken


def generator(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """The generator of one place, such as an epoch or a layer, for one purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, purpose, *place))))


def shuffle_epoch(order: np.ndarray, seed: int, epoch: int) -> None:
    """Fill in the order (N,), int64, in which an epoch visits the rows."""
    key = np.random.SeedSequence((seed, SHUFFLE, epoch)).generate_state(1, np.uint64).view(np.int64)
    shuffle = jit.function(shuffling.shuffle, shuffling.shuffle_signature, None, c_void_p, c_ssize_t, c_int64)
    shuffle(order.ctypes.data, len(order), int(key[0]))


def noise_keys(seed: int, epoch: int, count: int) -> np.ndarray:
    """The keys of an epoch's noise: one for each layer and purpose, int64."""
    return np.random.SeedSequence((seed, NOISE, epoch)).generate_state(count, np.uint64).view(np.int64)
