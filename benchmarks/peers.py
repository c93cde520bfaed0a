"""What numbann is timed against: scikit-learn's MLP, set up to do the same work."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

import numpy as np


def sklearn_epoch_seconds(widths: Sequence[int], batch: int, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
    """Seconds an epoch of MLPClassifier (ReLU, Adam, float32), the median of `epochs` after one to warm up."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden_layer_sizes=widths, batch_size=batch, solver="adam", learning_rate_init=1e-3, alpha=0.0)
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(epochs + 1):
            start = time.perf_counter()
            model.partial_fit(x, y, classes=np.unique(y))
            seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))
