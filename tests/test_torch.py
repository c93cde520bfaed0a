"""Activations and losses against torch.nn.functional, values and gradients in float64, where PyTorch is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference

from numbann import get_loss

torch = pytest.importorskip("torch")
F = torch.nn.functional

Z = np.concatenate([np.linspace(-30.1, 30.2, 240), [-700.0, -1e-9, 1e-9, 700.0]])[:, None]  # none of them at a kink
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu6": F.relu6,
    "selu": F.selu,
    "celu": F.celu,
    "threshold": lambda z: F.threshold(z, 1.0, 0.0),
    "softplus": lambda z: F.softplus(z, threshold=1000),
    "log_sigmoid": F.logsigmoid,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "mish": F.mish,
    "hard_silu": F.hardswish,
    "softsign": F.softsign,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "hard_shrink": F.hardshrink,
    "soft_shrink": F.softshrink,
    "tanh_shrink": F.tanhshrink,
}
ROWS: dict[str, Callable[[Any], Any]] = {
    "log_softmax": lambda z: F.log_softmax(z, dim=1),
    "softmin": lambda z: F.softmin(z, dim=1),
}
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "mae": F.l1_loss,
    "huber": F.huber_loss,
    "smooth_l1": F.smooth_l1_loss,
    "poisson_nll": F.poisson_nll_loss,
    "multi_margin": F.multi_margin_loss,
    "kl_divergence": lambda y, t: F.kl_div(F.log_softmax(y, dim=1), t, reduction="batchmean"),
}


@pytest.mark.parametrize("name", [*ACTIVATIONS, *ROWS])
def test_activation(name: str) -> None:
    z = np.random.default_rng(0).normal(0, 5, (20, 7)) if name in ROWS else Z
    there = torch.tensor(z, requires_grad=True)
    a = {**ACTIVATIONS, **ROWS}[name](there)
    da = np.random.default_rng(1).standard_normal(z.shape)
    a.backward(torch.tensor(da))
    got = getattr(reference, name)(z)
    np.testing.assert_allclose(got, a.detach().numpy(), rtol=1e-12, atol=1e-14)
    backward = getattr(reference, f"{name}_backward")
    close = 1e-7 if name == "hard_sigmoid" else 1e-12  # torch keeps its slope 1/6 in single precision
    np.testing.assert_allclose(backward(da, z, got), there.grad.numpy(), rtol=close, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    random = np.random.default_rng(0)
    y = random.normal(0, 3, (20, 7))
    t = random.standard_normal((20, 7))
    if name == "multi_margin":
        t = random.integers(0, 7, 20)
    elif name == "poisson_nll":
        t = random.uniform(0, 5, (20, 7))
    elif name == "kl_divergence":
        t = random.dirichlet(np.ones(7), 20)
    there = torch.tensor(y, requires_grad=True)
    value = LOSSES[name](there, torch.tensor(t))
    value.backward()
    got, dy = getattr(reference, name)(y, t)
    assert got.mean() == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(dy / len(y), there.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("positive_weight", [1.0, 0.3, 7.0])
def test_positive_weight(positive_weight: float) -> None:
    random = np.random.default_rng(0)
    y, t = random.normal(0, 9, (40, 3)), random.uniform(0, 1, (40, 3)).round(1)
    there = torch.tensor(y, requires_grad=True)
    weight = torch.tensor(positive_weight, dtype=torch.float64)
    value = F.binary_cross_entropy_with_logits(there, torch.tensor(t), pos_weight=weight)
    value.backward()
    got, dy = get_loss("sigmoid_cross_entropy", positive_weight=positive_weight)(y, t)
    assert got == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(dy, there.grad.numpy(), rtol=1e-12, atol=1e-16)
    expected, slope = reference.sigmoid_cross_entropy(y, t, positive_weight)
    assert expected.mean() == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(slope / len(y), there.grad.numpy(), rtol=1e-12, atol=1e-16)
