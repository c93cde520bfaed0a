"""A missing number is an error."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.transform import MissingNumber, Transform


class Missing(Transform):
    """MissingNumber with the place of the first one."""

    def apply(self, values: np.ndarray) -> None:
        missing = np.isnan(values)
        if missing.any():
            raise MissingNumber(*np.argwhere(missing)[0])
