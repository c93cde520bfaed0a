"""Plans: the sizes and components of a network."""

from __future__ import annotations

import pytest
from networks import make_plan


def test_sizes() -> None:
    plan = make_plan([5, 17, 64, 3])
    assert [(layer.inputs, layer.outputs) for layer in plan.layers] == [(5, 17), (17, 64), (64, 3)]
    assert (plan.inputs, plan.outputs) == (5, 3)
    assert plan.parameters == 5 * 17 + 17 + 17 * 64 + 64 + 64 * 3 + 3


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
