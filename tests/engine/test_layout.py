"""The layout of the CPU's memory: offsets and padding, before there is any memory."""

from __future__ import annotations

import itertools

import pytest
from networks import make_plan

from numbann.engine.cpu.layout import Layout


def places(layout: Layout) -> list[tuple[int, int]]:
    """First and last element of each layer's weights and of its bias."""
    found = []
    for k, layer in enumerate(layout.layers):
        found.append((layer.weights, layer.weights + layer.inputs_padded * layer.columns))
        bias = layout.vectors[f"layers.{k}.bias"].start
        found.append((bias, bias + layer.columns))
    return found


@pytest.mark.parametrize(("dtype", "lanes"), [("float32", 16), ("float64", 8)])
def test_layers_lie_one_after_another_in_whole_vectors(dtype: str, lanes: int) -> None:
    layout = Layout(make_plan([5, 17, 64, 3], dtype=dtype))
    assert layout.lanes == lanes
    found = places(layout)
    assert found[0][0] == 0
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(found))
    assert found[-1][1] == layout.arena
    assert layout.stride > layout.arena
    for layer in layout.layers:
        for padded, real in ((layer.inputs_padded, layer.inputs), (layer.columns, layer.outputs)):
            assert padded % lanes == 0
            assert real <= padded < real + lanes


def test_rows_of_a_power_of_two_are_kept_apart() -> None:
    """Rows as long as a multiple of 512 would all fall into the same sets of the cache."""
    rows = {layer.outputs: layer.row for layer in Layout(make_plan([5, 512, 513, 1024, 100], dtype="float32")).layers}
    assert rows == {512: 528, 513: 528, 1024: 1040, 100: 112}
