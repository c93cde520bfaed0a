"""Plans: sizes and offsets of a network in memory, before there is any memory."""

from __future__ import annotations

import itertools

import pytest
from networks import make_plan

from numbann.network.plan import Plan


def places(plan: Plan) -> list[tuple[int, int]]:
    """First and last element of each layer's weights and of its bias."""
    found = []
    for layer in plan.layers:
        found.append((layer.weights, layer.weights + layer.inputs_padded * layer.columns))
        found.append((layer.bias, layer.bias + layer.columns))
    return found


@pytest.mark.parametrize(("dtype", "lanes"), [("float32", 16), ("float64", 8)])
def test_layers_lie_one_after_another_in_whole_vectors(dtype: str, lanes: int) -> None:
    plan = make_plan([5, 17, 64, 3], dtype=dtype)
    assert plan.lanes == lanes
    found = places(plan)
    assert found[0][0] == 0
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(found))
    assert found[-1][1] == plan.arena
    assert plan.stride > plan.arena
    for layer in plan.layers:
        for padded, real in ((layer.inputs_padded, layer.inputs), (layer.columns, layer.outputs)):
            assert padded % lanes == 0
            assert real <= padded < real + lanes


def test_sizes() -> None:
    plan = make_plan([5, 17, 64, 3])
    assert [(layer.inputs, layer.outputs) for layer in plan.layers] == [(5, 17), (17, 64), (64, 3)]
    assert (plan.inputs, plan.outputs) == (5, 3)
    assert plan.parameters == 5 * 17 + 17 + 17 * 64 + 64 + 64 * 3 + 3


def test_rows_of_a_power_of_two_are_kept_apart() -> None:
    """Rows as long as a multiple of 512 would all fall into the same sets of the cache."""
    rows = {layer.outputs: layer.row for layer in make_plan([5, 512, 513, 1024, 100], dtype="float32").layers}
    assert rows == {512: 528, 513: 528, 1024: 1040, 100: 112}


def test_an_identity_is_not_applied() -> None:
    activations = [layer.activation for layer in make_plan([2, 3, 1], "tanh").layers]
    assert activations[0] is not None
    assert activations[0].name == "tanh"
    assert activations[1] is None


@pytest.mark.parametrize(
    ("loss", "link"),
    [("mse", None), ("softmax_cross_entropy", "softmax"), ("sigmoid_cross_entropy", "sigmoid")],
)
def test_the_link_is_kept_for_predictions(loss: str, link: str | None) -> None:
    plan = make_plan([2, 3], loss=loss)
    assert (plan.link.name if plan.link else None) == link
    assert plan.layers[-1].activation is None


def test_flops_of_a_step() -> None:
    """Forward, gradient and delta: three products a layer, but the first has no delta; two operations for each term."""
    assert make_plan([5, 7, 3]).step_flops(10) == 2 * 10 * (2 * 5 * 7 + 3 * 7 * 3)


def test_it_prints_itself() -> None:
    text = str(make_plan([5, 7, 3], "tanh", "softmax_cross_entropy", "adam", batch=32, dtype="float32"))
    assert text == "5 -> 7 -> 3 (tanh, none), 66 parameters, float32; softmax_cross_entropy, adam, batch 32"
    assert str(make_plan([2, 1])).endswith("mse, sgd, batch full")
