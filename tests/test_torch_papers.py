"""Activations with trained parameters, of rows and of other widths: some steps of training as PyTorch makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import activations_of_papers as papers
import numpy as np
import pytest
from networks import make_engine, make_plan

from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import freeze

torch = pytest.importorskip("torch")
F = torch.nn.functional
STEPS, RATE, ROWS = 5, 0.005, 9


def pade(z: Any, own: dict[str, Any]) -> Any:
    over = sum(own[f"a{k}"] * z**k for k in range(6))
    return over / (1 + abs(sum(own[f"b{k}"] * z**k for k in range(1, 5))))


def snake(z: Any, own: dict[str, Any]) -> Any:
    return z + torch.sin(own["frequency"] * z) ** 2 / own["frequency"]


def xielu(z: Any, own: dict[str, Any]) -> Any:
    above = F.softplus(own["above"]) * z * z + 0.5 * z
    below = (0.5 + F.softplus(own["below"])) * (torch.expm1(z.clamp(max=0)) - z) + 0.5 * z
    return torch.where(z > 0, above, below)


def entmax15(z: Any, own: dict[str, Any]) -> Any:
    """By sorting, as the authors compute it."""
    x = z / 2
    ordered = x.sort(dim=1, descending=True).values
    count = torch.arange(1, z.shape[1] + 1, dtype=z.dtype)
    mean, mean_square = ordered.cumsum(1) / count, (ordered**2).cumsum(1) / count
    tau = mean - ((1 - count * (mean_square - mean**2)) / count).clamp(min=0).sqrt()
    chosen = tau.gather(1, (tau <= ordered).sum(1, keepdim=True) - 1)
    return (x - chosen).clamp(min=0) ** 2


CASES: dict[str, Callable[..., Any]] = {
    "pade": pade,
    "snake": snake,
    "xielu": xielu,
    "entmax15": entmax15,
    "glu": lambda z, own: F.glu(z, dim=1),
}


def steps_there(start: dict[str, Any], layers: int, x: Any, t: Any, activation: Callable[..., Any]) -> dict[str, Any]:
    """All tensors after some steps of descent in PyTorch."""
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    for _ in range(STEPS):
        h = torch.tensor(x)
        for k in range(layers):
            h = h @ tensors[f"layers.{k}.weight"] + tensors[f"layers.{k}.bias"]
            prefix = f"layers.{k}.activation."
            own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            h = activation(h, own) if k + 1 < layers else h
        ((h - torch.tensor(t)) ** 2).mean().backward()
        with torch.no_grad():
            for tensor in tensors.values():
                tensor -= RATE * tensor.grad
                tensor.grad = None
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


@pytest.mark.parametrize("name", CASES)
def test_some_steps(name: str) -> None:
    registry = built_in().copy()
    registry.register(freeze(getattr(papers, name)), Origin("a test", "", ""))
    made = make_plan([8, 12, 6, 1], name, "mse", registry=registry)
    engine, x, t = make_engine(made, ROWS)
    with engine:
        start = engine.parameters()
        for step in range(STEPS):
            engine.epoch(step, np.full(1, RATE))
        found = engine.parameters()
    expected = steps_there(start, 3, x, t, CASES[name])
    for tensor, value in expected.items():
        np.testing.assert_allclose(found[tensor], value, rtol=1e-10, atol=1e-12, err_msg=tensor)
