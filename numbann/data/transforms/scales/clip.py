"""Numbers from -3 to 3: small ones stay nearly as they are, large ones come close to the bounds."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.transform import Transform


class Scale(Transform):
    """x / sqrt(1 + (x / 3)^2).

    Meant to follow "robust": Holzmueller, Grinsztajn and Steinwart 2024, https://arxiv.org/abs/2407.04491.
    """

    def apply(self, values: np.ndarray) -> None:
        values /= np.hypot(1.0, values / 3.0)  # which does not overflow
