"""A picture of what each unit of the first layer looks for, where the inputs are the pixels of images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isqrt
from typing import Any

from numbann_cli.pictures.canvas import SIGNED, WIDTH, figure
from numbann_cli.pictures.look import Look

MOST_UNITS, ACROSS = 48, 8
SMALLEST = 5  # pixels a side
OF_ARRAYS = ("idx", "npz", "npy")


def weights(looks: Sequence[Look]) -> Any:
    """Draw the weights of units of the first layer as images."""
    (look, *others) = looks
    if others or look.metrics is None:
        return None
    import numpy as np

    first = look.model.models[0]
    side = _side(look.spec["data"]["format"], first)
    if side is None:
        return None
    w = first.weights[0][0]
    chosen = np.sort(np.argsort(-np.linalg.norm(w, axis=0), kind="stable")[:MOST_UNITS])
    down = -(-len(chosen) // ACROSS)
    sheet = np.full((down * (side + 1) - 1, ACROSS * (side + 1) - 1), np.nan)
    for place, unit in enumerate(chosen):
        top, left = (place // ACROSS) * (side + 1), (place % ACROSS) * (side + 1)
        sheet[top : top + side, left : left + side] = w[:, unit].reshape(side, side)
    largest = float(np.quantile(np.abs(w[:, chosen]), 0.998)) or 1.0
    made = figure(0.45 + down * 0.85, WIDTH)
    axes = made.subplots()
    image = axes.imshow(sheet, cmap=SIGNED, vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set_axis_off()
    made.colorbar(image, label="weight", shrink=0.8)
    some = (
        f"the {len(chosen)} of {w.shape[1]} units with the largest weights" if len(chosen) < w.shape[1] else "all units"
    )
    axes.set_title(f"Weights of the first layer, {side} x {side} pixels ({some})")
    return made


def _side(format: str, model: Any) -> int | None:
    """Return the side of square images, None where the inputs are none: they are numbered, and as many as pixels."""
    features, inputs = model.features, model.weights[0][0].shape[0]
    side = isqrt(len(features))
    if side * side != len(features) or len(features) != inputs or side < SMALLEST:
        return None
    numbers = [re.fullmatch(r"(\D*)(\d+)(\D*)", name) for name in features]
    first = numbers[0]
    if first is None:
        return None
    start = int(first[2])
    alike = all(
        one and (one[1], one[3], int(one[2])) == (first[1], first[3], start + k) for k, one in enumerate(numbers)
    )
    return side if alike or format in OF_ARRAYS else None
