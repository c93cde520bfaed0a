"""Schedules: the course of the learning rate, in plain Python."""

from __future__ import annotations

from typing import Any

from numbann.components.component import Function
from numbann.components.kinds.draft import declared


def schedule(function: Function | None = None, /, **names: Any) -> Any:
    """Declare a schedule: roles step steps epoch epochs monitor -> factor of the rate, or (factor, *states)."""
    return declared("schedule", "elementwise", {}, names, function)
