"""Checks of rows and targets that cost little: what they do not know to be right goes through scikit-learn's own.

They let through what scikit-learn would as it is, without a warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

PLAIN = np.dtype(np.float32), np.dtype(np.float64)


def are_rows(x: Any) -> bool:
    """Whether x is a finite array (N, I) of floats, with rows and columns."""
    return type(x) is np.ndarray and x.dtype in PLAIN and x.ndim == 2 and x.size > 0 and bool(np.isfinite(x).all())


def are_plain(estimator: Any, x: Any) -> bool:
    """Whether rows are as wide as what the estimator was fitted to, and neither have names."""
    known = vars(estimator)
    fits = "coefs_" in known and "feature_names_in_" not in known and getattr(x, "ndim", 0) == 2
    return fits and x.shape[1] == known["n_features_in_"] and are_rows(x)


def are_plain_values(y: Any, rows: int) -> bool:
    """Whether y is a finite array (rows,) of numbers."""
    return type(y) is np.ndarray and y.dtype.kind in "fiu" and y.shape == (rows,) and bool(np.isfinite(y).all())


def note_columns(estimator: Any, x: np.ndarray) -> None:
    """Let an estimator know how many columns there are, without names, as scikit-learn's checks do.

    These would first look for plugins of data frames, which takes some of the time of a process's first fit.
    """
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = x.shape[1]


def learn(estimator: Any, x: Any, y: Any) -> np.ndarray | None:
    """Learn the classes of labels y (N,), and encode them as `encode` does; None for rows or labels to check."""
    if not are_rows(x) or not _are_labels(y, len(x)):
        return None
    classes = np.array([*np.unique(y)])  # texts no wider than they are
    if not 1 < len(classes) <= len(y) / 2:  # of fewer rows for each scikit-learn warns
        return None
    note_columns(estimator, x)
    known = estimator._label_binarizer = LabelBinarizer()  # fitted, without its checks of labels
    known.classes_, known.sparse_input_ = classes, False
    known.y_type_ = "multiclass" if len(classes) > 2 else "binary"
    estimator.classes_ = classes
    return _one_hot(np.searchsorted(classes, y), len(classes))


def encode(estimator: Any, x: Any, y: Any) -> np.ndarray | None:
    """Labels y (N,) as scikit-learn encodes them, (N, K) or of two classes (N, 1); None for rows or labels to check."""
    if "classes_" not in vars(estimator) or not are_plain(estimator, x):
        return None
    kind, classes = estimator._label_binarizer.y_type_, estimator._label_binarizer.classes_
    if kind != "multiclass" and (kind, len(classes)) != ("binary", 2):
        return None
    if not _are_labels(y, len(x)) or y.dtype.kind != classes.dtype.kind:
        return None
    places = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    return None if (classes[places] != y).any() else _one_hot(places, len(classes))


def _are_labels(y: Any, rows: int) -> bool:
    """Whether y is an array (rows,) of truth values, whole numbers or texts."""
    return type(y) is np.ndarray and y.dtype.kind in "biuU" and y.shape == (rows,)


def _one_hot(places: np.ndarray, classes: int) -> np.ndarray:
    """The places of classes (N,) as truth values: (N, K), or of two classes (N, 1)."""
    return places[:, None] == (np.arange(classes) if classes > 2 else 1)
