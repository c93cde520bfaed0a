"""Initial tensors come from initializers, whose arrays are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from networks import make_plan

from numbann.components.component import Component, Configured
from numbann.errors import TrainingError
from numbann.network.initial import initial_tensors


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda shape, random: random.random(3), r"\(3,\) and type float64"),
        (lambda shape, random: random.random(shape[::-1]), r"\(5, 4\) and type float64"),
        (lambda shape, random: 0.5, r"\(\) and type float64"),
        (lambda shape, random: None, r"\(\) and type object"),
        (lambda shape, random: np.full(shape, "1"), r"\(4, 5\) and type <U1"),
        (lambda shape, random: np.full(shape, 1j), r"\(4, 5\) and type complex128"),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(function: Callable[..., Any], given: str) -> None:
    made = Configured(Component("initializer", "odd", function), {})
    message = rf'initializer "odd" returned an array of shape {given} for layer 1; numbers of shape \(4, 5\) are needed'
    with pytest.raises(TrainingError, match=message + r" \(.*test_initial\.py:\d+\)"):
        initial_tensors(make_plan([4, 5, 2], between=[{"bias_init": made}]), 0)
