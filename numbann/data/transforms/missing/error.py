"""The transform "error": refuses missing numbers."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.transform import MissingNumber, Transform


class Missing(Transform):
    """Raises MissingNumber with the place of the first missing number."""

    def apply(self, values: np.ndarray) -> None:
        missing = np.isnan(values)
        if missing.any():
            raise MissingNumber(*np.argwhere(missing)[0])
