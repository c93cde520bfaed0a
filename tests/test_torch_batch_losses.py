"""Losses of whole batches: values and gradients as PyTorch's automatic differentiation has them, for a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import batch_losses_of_papers as papers
import numpy as np
import pytest

from numbann import get_loss

torch = pytest.importorskip("torch")
ROWS = 12


def cox(y: Any, t: Any) -> Any:
    """Over the risk set of each row, as the partial likelihood is printed."""
    (time, event), hazard = t.T, -y[:, 0]
    each = [event[k] * (torch.logsumexp(hazard[time >= time[k]], 0) - hazard[k]) for k in range(len(y))]
    return sum(each) / len(y)


def contrastive(y: Any, t: Any) -> Any:
    """Over all pairs of two rows, in both orders."""
    d = (((y[:, None] - y) ** 2).sum(2) + 1e-12).sqrt()
    same, apart = t == t.T, 1 - torch.eye(len(y), dtype=y.dtype)
    value = torch.where(same, d**2, (1 - d).clamp(min=0) ** 2)
    return (apart * value).sum() / (len(y) * (len(y) - 1))


def supervised_contrastive(y: Any, t: Any) -> Any:
    """L_out of the paper; rows without a friend have no part."""
    apart = ~torch.eye(len(y), dtype=bool)
    likeness = (y @ y.T / 0.5).masked_fill(~apart, -torch.inf)
    chance = (likeness - torch.logsumexp(likeness, 1, keepdim=True)).masked_fill(~apart, 0)
    friends = (t == t.T) & apart
    count = friends.sum(1)
    return (-(chance * friends).sum(1) / count.clamp(min=1)).sum() / len(y)


def concordance_loss(y: Any, t: Any) -> Any:
    joint = ((y - y.mean(0)) * (t - t.mean(0))).mean(0)
    ccc = 2 * joint / (y.var(0, correction=0) + t.var(0, correction=0) + (y.mean(0) - t.mean(0)) ** 2 + 1e-12)
    return (1 - ccc).mean()


def ranknet(y: Any, t: Any) -> Any:
    """The cross-entropy of each pair, of which one comes first."""
    return (torch.nn.functional.softplus(y.T - y) * (t > t.T)).sum() / len(y) ** 2


def listnet(y: Any, t: Any) -> Any:
    """The cross-entropy of two lists."""
    return -(torch.softmax(t, 0) * torch.log_softmax(y, 0)).sum() / len(y)


CASES: dict[str, tuple[Callable[..., Any], Any, int]] = {
    "cox": (cox, "cox", 1),
    "contrastive": (contrastive, papers.contrastive, 2),
    "supervised_contrastive": (supervised_contrastive, papers.supervised_contrastive, 3),
    "ranknet": (ranknet, "ranknet", 1),
    "listnet": (listnet, papers.listnet, 1),
    "concordance_loss": (concordance_loss, papers.concordance_loss, 2),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name: str) -> None:
    there, given, outputs = CASES[name]
    random = np.random.default_rng(0)
    y = random.normal(0, 1, (ROWS, outputs))
    t = np.column_stack([random.integers(1, 6, ROWS), random.integers(0, 2, ROWS)]).astype(float)
    t = t if name in ("cox", "concordance_loss") else t[:, :1]
    value, dy = get_loss(given)(y, t)
    ours = torch.tensor(y, requires_grad=True)
    expected = there(ours, torch.tensor(t)).sum()
    expected.backward()
    assert value == pytest.approx(float(expected.detach()), rel=1e-12)
    np.testing.assert_allclose(dy, ours.grad.numpy(), rtol=1e-10, atol=1e-14)
