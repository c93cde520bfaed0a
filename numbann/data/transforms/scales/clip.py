"""The scale "clip": maps numbers smoothly to (-3, 3); small ones hardly change, large ones approach the bounds."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.transform import Transform


class Scale(Transform):
    """Computes x / sqrt(1 + (x / 3)^2).

    It is meant to follow "robust": Holzmueller, Grinsztajn and Steinwart 2024, https://arxiv.org/abs/2407.04491.
    """

    def apply(self, values: np.ndarray) -> None:
        values /= np.hypot(1.0, values / 3.0)  # hypot does not overflow where the square would
