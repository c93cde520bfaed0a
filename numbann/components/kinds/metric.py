"""Metrics: scores of predictions, in NumPy."""

from __future__ import annotations

from typing import Any

from numbann.components.component import Function
from numbann.components.kinds.draft import declared


def metric(
    function: Function | None = None, /, *, better: str = "higher", multilabel: bool = False, **names: Any
) -> Any:
    """Declare a metric: `t`, `weight` and `label`, `probability` or `value` -> number; better: "higher" or "lower".

    Any other argument without a default is what a loss gives under that name, such as `mean` and `variance`.

    multilabel: it also takes T yes/no labels: `t` and `label` (N, T), 1 for yes, and `probability` (N, T) of yes.
    """
    return declared("metric", "elementwise", {"better": better, "multilabel": multilabel}, names, function)
