"""The random numbers of an epoch, the same on any device: the order of its rows, and the keys of its noise."""

from __future__ import annotations

from ctypes import c_int64, c_ssize_t, c_void_p

import numpy as np

from numbann.network.random import NOISE, SHUFFLE
from numbann.simd.named import shuffle as shuffling
from numbann.simd.objects import function


def shuffle_epoch(order: np.ndarray, seed: int, epoch: int, *stripe: int) -> None:
    """Fill in the order (N,), int64, in which an epoch visits the rows, or those of a stripe."""
    key = np.random.SeedSequence((seed, SHUFFLE, epoch, *stripe)).generate_state(1, np.uint64).view(np.int64)
    shuffle = function(shuffling.shuffle, None, c_void_p, c_ssize_t, c_int64)
    shuffle(order.ctypes.data, len(order), int(key[0]))


def noise_keys(seed: int, epoch: int, count: int) -> np.ndarray:
    """The keys of an epoch's noise, int64: one for each layer and purpose."""
    return np.random.SeedSequence((seed, NOISE, epoch)).generate_state(count, np.uint64).view(np.int64)
