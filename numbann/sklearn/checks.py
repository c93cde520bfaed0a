"""Checks of rows and targets that cost little: what they do not know to be right goes through scikit-learn's own.

They let through what scikit-learn would as it is, without a warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

PLAIN = np.dtype(np.float32), np.dtype(np.float64)


def are_plain(estimator: Any, x: Any) -> bool:
    """Whether rows are a finite array of floats, as wide as what the estimator was fitted to, without names."""
    known = vars(estimator)
    return (
        type(x) is np.ndarray
        and x.dtype in PLAIN
        and x.ndim == 2
        and len(x) > 0
        and "coefs_" in known
        and "feature_names_in_" not in known
        and x.shape[1] == known["n_features_in_"]
        and bool(np.isfinite(x).all())
    )


def are_plain_values(y: Any, rows: int) -> bool:
    """Whether y is a finite array (rows,) of numbers."""
    return type(y) is np.ndarray and y.dtype.kind in "fiu" and y.shape == (rows,) and bool(np.isfinite(y).all())


def encode(estimator: Any, x: Any, y: Any) -> np.ndarray | None:
    """Labels y (N,) as scikit-learn encodes them, (N, K) or of two classes (N, 1); None for rows or labels to check."""
    if "classes_" not in vars(estimator) or not are_plain(estimator, x):
        return None
    kind, classes = estimator._label_binarizer.y_type_, estimator._label_binarizer.classes_
    several = kind == "multiclass"
    if not several and (kind, len(classes)) != ("binary", 2):
        return None
    if type(y) is not np.ndarray or y.shape != (len(x),):
        return None
    if y.dtype.kind not in "biuU" or y.dtype.kind != classes.dtype.kind:
        return None
    places = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    if (classes[places] != y).any():
        return None
    return places[:, None] == (np.arange(len(classes)) if several else 1)
