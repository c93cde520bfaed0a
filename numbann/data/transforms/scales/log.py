"""The scale "log": the logarithm of one more than a number's size, with its sign, for columns of very unequal sizes."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.transform import Transform


class Scale(Transform):
    """Computes sign(x) log(1 + |x|).  Another scale may follow: ["log", "standard"]."""

    def apply(self, values: np.ndarray) -> None:
        np.copyto(values, np.copysign(np.log1p(np.abs(values)), values))
