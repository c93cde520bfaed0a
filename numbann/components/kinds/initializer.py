"""Initializers: the first weights, in NumPy."""

from __future__ import annotations

from typing import Any

from numbann.components.component import Function
from numbann.components.kinds.draft import declared


def initializer(function: Function | None = None, /, **names: Any) -> Any:
    """Declare an initializer: `shape` = (I, O) and `random`, a NumPy Generator -> array.

    It may ask for `layer`, from 1 to `layers`, and for `x` (B, I), a sample of the layer's inputs; one of biases for
    `z` = x w (B, O).
    """
    return declared("initializer", "elementwise", {}, names, function)
