"""What stands between dense layers: norms, dropout, residual connections, trained and noisy activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import reference
from differences import check_gradient
from networks import make_engine, make_plan, same_tensors, train_alike

from numbann.engine.shared.random import noise_keys
from numbann.network.chain import Layer
from numbann.network.plan import Plan
from numbann.network.steps import AddInputs, Drop, Norm

LAYER, BATCH, RESIDUAL = {"norm": "layer"}, {"norm": "batch"}, {"residual": True}
EVALUATED = [  # what training and evaluation compute alike
    ([3, 5, 5, 2], [LAYER]),
    ([4, 4, 4, 2], [RESIDUAL, RESIDUAL]),
    ([4, 4, 4, 2], [{**LAYER, **RESIDUAL}, {**LAYER, **RESIDUAL}]),
    ([3, 70, 70, 2], [LAYER, {**LAYER, **RESIDUAL}]),
]
MIXED: list[dict[str, Any]] = [
    {"norm": "batch", "dropout": 0.2},
    {"norm": "layer", "residual": True},
    {"norm": "batch", "residual": True, "alpha_dropout": 0.1},
]


@pytest.mark.parametrize("activation", ["tanh", "softplus", "softmax"])
@pytest.mark.parametrize(("sizes", "between"), EVALUATED)
def test_gradients(sizes: list[int], between: list[Mapping[str, Any]], activation: str) -> None:
    check_gradient(make_plan(sizes, activation, between=between))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["tanh", "prelu", "rrelu", "softmax"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (64, 150), (1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, activation: str, dtype: str) -> None:
    made = make_plan([70, 70, 70, 130, 5], activation, optimizer="adam", batch=batch, dtype=dtype, between=MIXED[:2])
    train_alike(made, rows)


def test_going_on_from_parameters_and_state() -> None:
    made = make_plan([5, 8, 8, 8, 2], "prelu", optimizer="adam", batch=4, between=MIXED)
    (one, _, _), (other, _, _) = make_engine(made, 10), make_engine(made, 10, seed=1)
    rates = np.full(3, 0.01)
    with one, other:
        one.epoch(0, rates)
        other.set_parameters(one.parameters())
        other.restore(one.state())
        assert one.epoch(1, rates) == other.epoch(1, rates)
        assert same_tensors(one.parameters(), other.parameters())


def test_a_look_into_the_network_changes_nothing() -> None:
    made = make_plan([5, 8, 8, 8, 2], "rrelu", optimizer="adam", batch=4, between=MIXED)
    (one, x, t), (other, _, _) = make_engine(made, 10), make_engine(made, 10)
    with one, other:
        for engine in (one, other):
            engine.epoch(0, np.full(3, 0.01))
        facts = one.probe(x, t)
        assert all(np.isfinite(fact.dw).all() and np.abs(fact.dw).max() > 0 for fact in facts)
        assert one.epoch(1, np.full(3, 0.01)) == other.epoch(1, np.full(3, 0.01))
        assert same_tensors(one.parameters(), other.parameters())


# ---- training, where it differs from evaluation


def outputs_in_training(made: Plan, tensors: Mapping[str, np.ndarray], x: np.ndarray, epoch: int = 0) -> np.ndarray:
    """The outputs (B, O) of the first step of an epoch in NumPy."""
    keys = noise_keys(made.seed, epoch, 2 * len(made.layers))
    for k, layer in enumerate(made.layers):
        one = {name.removeprefix(f"layers.{k}."): tensor for name, tensor in tensors.items()}
        below, x = x, reference.dense_forward(x, one["weight"], one["bias"])
        chain = layer.training
        if norm := chain.step(Norm):
            normalize = reference.batch_norm if norm.batch else reference.layer_norm
            x = normalize(x, one["norm.scale"], one["norm.shift"])
        noise = [reference.draws(key, *x.shape) for key in keys[2 * k : 2 * k + 2]]
        if layer.activation:
            values = dict(layer.activation.values)
            values |= {name: one[f"activation.{name}"] for name in layer.activation.component.learnable}
            values |= {"u": noise[0]} if "u" in layer.activation.component.roles else {}
            x = getattr(reference, layer.activation.name)(x, **values)
        if drop := chain.step(Drop):
            x = (reference.alpha_dropout if drop.shift else reference.dropout)(x, noise[1], drop.rate)
        x = x + below if chain.step(AddInputs) else x
    return x


@pytest.mark.parametrize("activation", ["tanh", "prelu", "rrelu", "softmax"])
@pytest.mark.parametrize("between", [*([each] for each in MIXED), MIXED], ids=str)
@pytest.mark.parametrize(("batch", "threads"), [(9, 1), (9, 2), (1100, 2)])
def test_a_step_is_that_of_numpy(activation: str, between: Any, batch: int, threads: int) -> None:
    """The loss of a step, and its gradient by differences along random directions, are those of the twin."""
    made = make_plan([6, 6, 6, 6, 2], activation, batch=None, between=between)
    engine, x, t = make_engine(made, batch, threads)

    def loss(tensors: Mapping[str, np.ndarray]) -> float:
        return float(np.mean((outputs_in_training(made, tensors, x) - t) ** 2))

    with engine:
        before = engine.parameters()
        assert engine.epoch(0, np.ones(1)) == pytest.approx(loss(before), rel=1e-12)
        after = engine.parameters()
    random = np.random.default_rng(0)
    trained = [name for name in before if not name.endswith((".mean", ".variance"))]
    for _ in range(5):
        along = {name: random.standard_normal(before[name].shape) for name in trained}
        above, below = (
            loss({**before, **{name: before[name] + sign * 1e-7 * along[name] for name in trained}}) for sign in (1, -1)
        )
        slope = sum(float(((before[name] - after[name]) * along[name]).sum()) for name in trained)
        assert slope == pytest.approx((above - below) / 2e-7, rel=1e-5, abs=1e-7)


def test_running_statistics() -> None:
    """After each batch they move a tenth of the way to its mean and unbiased variance, and predictions use them."""
    made = make_plan([4, 3, 2], "tanh", between=[BATCH])
    engine, x, _ = make_engine(made, 50)
    with engine:
        first = engine.parameters()
        h = reference.dense_forward(x, first["layers.0.weight"], first["layers.0.bias"])
        engine.epoch(0, np.full(1, 0.1))
        found = engine.parameters()
        np.testing.assert_allclose(found["layers.0.norm.mean"], 0.1 * h.mean(0), rtol=1e-12)
        np.testing.assert_allclose(found["layers.0.norm.variance"], 0.9 + 0.1 * h.var(0, ddof=1), rtol=1e-12)
        w, b, scale, shift, mean, variance = (
            found[f"layers.0.{name}"]
            for name in ("weight", "bias", "norm.scale", "norm.shift", "norm.mean", "norm.variance")
        )
        a = np.tanh(scale * (reference.dense_forward(x, w, b) - mean) / np.sqrt(variance + 1e-5) + shift)
        expected = reference.dense_forward(a, found["layers.1.weight"], found["layers.1.bias"])
        np.testing.assert_allclose(engine.predict(x), expected, rtol=1e-12)
        np.testing.assert_allclose(engine.predict(x[:3]), expected[:3], rtol=1e-12)


def test_a_last_batch_of_one_row_leaves_the_variance() -> None:
    made = make_plan([4, 3, 2], "tanh", batch=7, between=[BATCH])
    engine, _, _ = make_engine(made, 8)
    with engine:
        engine.epoch(0, np.full(2, 0.01))
        assert all(np.isfinite(tensor).all() for tensor in engine.parameters().values())


# ---- random numbers


def test_draws_are_uniform_and_independent() -> None:
    """Mean, variance, and the correlation of neighbours in row, column and key."""
    u = reference.draws(123456789, 500, 400)
    assert abs(u.mean() - 0.5) < 0.003
    assert abs(u.var() - 1 / 12) < 0.001
    others = [(u[1:], u[:-1]), (u[:, 1:], u[:, :-1]), (u, reference.draws(123456790, 500, 400))]
    for one, other in others:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01


def test_dropout_keeps_the_mean_and_alpha_dropout_the_variance_of_selu() -> None:
    z = np.random.default_rng(0).standard_normal((500, 400))
    a, u = reference.selu(z), reference.draws(1, 500, 400)
    assert abs(reference.dropout(a, u, 0.3).mean() - a.mean()) < 0.01
    kept = reference.alpha_dropout(a, u, 0.3)
    assert abs(kept.mean()) < 0.01
    assert kept.var() == pytest.approx(1.0, abs=0.02)


def test_every_epoch_draws_anew() -> None:
    made = make_plan([6, 50, 2], "identity", batch=None, between=[{"dropout": 0.5}])
    engine, _, _ = make_engine(made, 20)
    with engine:
        losses = {engine.epoch(k, np.zeros(1)) for k in range(5)}
        assert engine.epoch(0, np.zeros(1)) in losses
    assert len(losses) == 5


# ---- against PyTorch


def test_training_is_that_of_pytorch() -> None:
    """Twenty steps of norms, a residual connection and prelu under Adam, and the predictions after them."""
    torch = pytest.importorskip("torch")
    between: list[Mapping[str, Any]] = [BATCH, {**LAYER, **RESIDUAL}]
    made = make_plan([5, 8, 8, 2], "prelu", optimizer="adam", batch=None, between=between)
    engine, x, t = make_engine(made, 30)
    inputs, targets = torch.tensor(x), torch.tensor(t)
    with engine:
        parts = [torch_layer(torch, k, layer, engine.parameters()) for k, layer in enumerate(made.layers)]
        parameters = [parameter for part in parts for parameter in part.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=1e-3)

        def outputs() -> Any:
            first = parts[0](inputs)
            return parts[2](first + parts[1](first))

        for step in range(20):
            optimizer.zero_grad()
            value = torch.nn.functional.mse_loss(outputs(), targets)
            value.backward()
            optimizer.step()
            assert engine.epoch(step, np.full(1, 1e-3)) == pytest.approx(value.item(), rel=1e-9)
        for part in parts:
            part.eval()
        np.testing.assert_allclose(engine.predict(x), outputs().detach().numpy(), rtol=1e-8)


def torch_layer(torch: Any, k: int, layer: Layer, tensors: Mapping[str, np.ndarray]) -> Any:
    """A layer of PyTorch with the same parameters."""
    linear = torch.nn.Linear(layer.inputs, layer.outputs, dtype=torch.float64)
    linear.weight.data = torch.tensor(tensors[f"layers.{k}.weight"].T.copy())
    linear.bias.data = torch.tensor(tensors[f"layers.{k}.bias"])
    step = layer.training.step(Norm)
    kind = torch.nn.BatchNorm1d if step and step.batch else torch.nn.LayerNorm
    norm = [kind(layer.outputs, dtype=torch.float64)] if step else []
    activation = [torch.nn.PReLU(layer.outputs, dtype=torch.float64)] if layer.activation else []
    return torch.nn.Sequential(linear, *norm, *activation)
