"""Which loops of functions of rows are divided among the lanes of a warp, as text; no numba-cuda is needed."""

from __future__ import annotations

import pytest
from rows_of_all_shapes import FUNCTIONS, component_of

from numbann.compile.precision import Lowered
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.cuda.compile.target import CUDA

ONE_AFTER_ANOTHER = ["chained_sigmoid"]  # each element needs the one before
DIVIDED = {
    "running_sum": 0,
    "polynomial": 1,
    "neighbours": 1,
    "reversed_row": 1,
    "last_of_all": 0,
    "shares": 0,
    "early": 2,
}


def text_of(component: Component) -> str:
    """What a component's function becomes."""
    lowered = Lowered("float32", target=CUDA, component=component)
    lowered.add(component.function)
    return lowered.text


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_only_loops_whose_iterations_are_alone(function: type) -> None:
    assert text_of(component_of(function)).count("lanes.share") == DIVIDED[function.__name__]


def test_every_loop_over_elements_of_a_built_in_component() -> None:
    for kind in ("activation", "loss"):
        for entry in built_in().entries(kind):
            if entry.component.form == "row" and entry.component.name not in ONE_AFTER_ANOTHER:
                assert "for k in range(" not in text_of(entry.component), entry.component.name
