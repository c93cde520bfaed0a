"""A check of rows that costs little: rows that it does not know to be right go through scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np

PLAIN = np.dtype(np.float32), np.dtype(np.float64)


def are_plain(estimator: Any, x: Any) -> bool:
    """Whether x is what scikit-learn would let through as it is: a finite array of floats, as wide as what was fitted.

    Then predictions need no other check, and give no warning.
    """
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
