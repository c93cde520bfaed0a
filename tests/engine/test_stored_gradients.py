"""Clipping, L1 and the average of the weights in steps: against NumPy and PyTorch, for any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference
from networks import (
    epoch_order,
    flat,
    make_data,
    make_engine,
    make_plan,
    same_bytes,
    same_tensors,
    set_weights,
    twin,
    twin_loss,
    weights_of,
)

from numbann.engine.cpu.engine import Engine
from numbann.network import plan

EVERY = {"clip_norm": 0.1, "clip_value": 0.02, "l1": 0.01, "average": 0.75}
EACH = [{name: value} for name, value in EVERY.items()]
BATCHES = [(7, 23), (None, 23), (1100, 2500)]  # small, full, and huge with one that is smaller


def layers_of(engine: Engine, vector: np.ndarray) -> list[reference.Layer]:
    """The engine's network in NumPy with other weights: what `flat` made one vector of."""
    layers, start = [], 0
    for layer in twin(engine):
        (inputs, outputs), end = layer.w.shape, start + layer.w.size
        w, b = vector[start:end].reshape(inputs, outputs), vector[end : end + outputs]
        layers.append(reference.Layer(w, b, layer.activation, layer.backward))
        start = end + outputs
    return layers


def twin_weights(engine: Engine, x: np.ndarray, t: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """The weights after an epoch of Adam, and their average, with the plan's settings, in NumPy."""
    made = engine.plan
    w, m, v, average = flat(weights_of(engine)), 0.0, 0.0, 0.0
    order, batch = epoch_order(made, 0, len(x)), made.batch_rows(len(x))
    for step, first in enumerate(range(0, len(x), batch), start=1):
        rows, layers = order[first : first + batch], layers_of(engine, w)
        g = flat(reference.gradients(layers, x[rows], t[rows], twin_loss(made))[1])
        if made.clip_norm:
            g = g * min(1.0, made.clip_norm / (np.linalg.norm(g) + 1e-6))
        if made.clip_value:
            g = np.clip(g, -made.clip_value, made.clip_value)
        g = g + made.l1 * np.sign(w)
        w, m, v = reference.adam_step(w, g, m, v, step, rate, weight_decay=made.weight_decay)
        kept = 0.0 if step == 1 else made.average or 0.0
        average = kept * average + (1 - kept) * w
    return w, average


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("settings", [*EACH, EVERY], ids=str)
@pytest.mark.parametrize(("batch", "rows"), BATCHES)
def test_steps_are_those_of_the_twin(batch: int | None, rows: int, settings: dict[str, float], dtype: str) -> None:
    made = make_plan([5, 70, 33, 3], optimizer="adam", batch=batch, dtype=dtype, weight_decay=0.1, **settings)
    engine, x, t = make_engine(made, rows)
    with engine:
        trained, averaged = twin_weights(engine, x, t, 0.01)
        engine.epoch(0, np.full(-(-rows // (batch or rows)), 0.01))
        close = {"rtol": 1e-9, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-3, "atol": 2e-4}
        np.testing.assert_allclose(flat(weights_of(engine)), averaged if made.average else trained, **close)
        if made.average:
            state = engine.state()
            kept = [tuple(state[f"trained.layers.{k}.{part}"] for part in ("weight", "bias")) for k in range(3)]
            np.testing.assert_allclose(flat(kept), trained, **close)


@pytest.mark.parametrize("settings", [*EACH, EVERY], ids=str)
@pytest.mark.parametrize("batch", [7, 1500])
def test_any_number_of_threads(batch: int, settings: dict[str, float]) -> None:
    made = make_plan(
        [20, 330, 130, 10], "relu", "softmax_cross_entropy", "adam", batch=batch, dtype="float32", **settings
    )
    rows = 3 * batch + 5

    def trained(threads: int) -> tuple[float, Any, np.ndarray]:
        engine, x, _ = make_engine(made, rows, threads)
        with engine:
            loss = engine.epoch(0, np.full(4, 0.01))
            return loss, weights_of(engine), engine.predict(x)

    expected = trained(1)
    for threads in (2, 3):
        loss, weights, predictions = trained(threads)
        assert loss == expected[0]
        assert same_bytes(weights, expected[1])
        assert predictions.tobytes() == expected[2].tobytes()


def test_a_limit_that_is_never_reached_changes_no_bit() -> None:
    weights = []
    for settings in ({}, {"clip_norm": 1e6}, {"clip_value": 1e6}):
        engine, _, _ = make_engine(make_plan([5, 9, 3], optimizer="adam", batch=7, dtype="float32", **settings), 23)
        with engine:
            engine.epoch(0, np.full(4, 0.01))
            weights.append(weights_of(engine))
    assert same_bytes(weights[1], weights[0])
    assert same_bytes(weights[2], weights[0])


def test_a_gradient_that_is_no_number_is_not_clipped_away() -> None:
    for settings in ({"clip_norm": 1.0}, {"clip_value": 1.0}):
        engine, x, t = make_engine(make_plan([2, 3, 1], batch=4, **settings), 4)
        with engine:
            t[1] = np.nan
            engine.load_data(x, t)
            engine.epoch(0, np.ones(1))
            assert np.isnan(weights_of(engine)[1][1]).all()


def test_predictions_are_those_of_the_average() -> None:
    made = make_plan([5, 9, 3], optimizer="adam", batch=7, average=0.9)
    engine, x, t = make_engine(made, 23)
    with engine:
        np.testing.assert_allclose(engine.predict(x), reference.forward(twin(engine), x), rtol=1e-10)
        engine.epoch(0, np.full(4, 0.05))
        np.testing.assert_allclose(engine.predict(x), reference.forward(twin(engine), x), rtol=1e-10)
        assert engine.evaluate(x, t)[0] == pytest.approx(twin_loss(made)(engine.predict(x), t)[0].mean())


@pytest.mark.parametrize("optimizer", ["adam", "lamb"])
@pytest.mark.parametrize("batch", [33, 1500])
def test_norms_and_trained_activations_with_any_number_of_threads(batch: int, optimizer: str) -> None:
    """Their numbers are clipped, decayed and averaged as weights are, and go on with them bit for bit."""
    between = [{"norm": "batch"}, {"norm": "layer", "dropout": 0.2, "residual": True}]
    sizes, rates = [20, 128, 128, 10], np.full(3, 0.01)
    made = make_plan(sizes, "prelu", "mse", optimizer, batch=batch, dtype="float32", between=between, **EVERY)
    rows, found = 2 * batch + 5, []
    for threads in (1, 2, 3):
        engine, x, t = make_engine(made, rows, threads)
        with engine:
            engine.epoch(0, rates)
            tensors, state = engine.parameters(), engine.state()
            engine.epoch(1, rates)
            found.append((tensors, state, engine.parameters()))
    assert all(same_tensors(one, other) for each in found[1:] for one, other in zip(found[0], each, strict=True))
    tensors, state, expected = found[0]
    assert set(state) >= {f"trained.{name}" for name in tensors if "mean" not in name and "variance" not in name}
    assert any((tensors[name] != state[f"trained.{name}"]).all() for name in tensors if name.endswith("alpha"))
    with Engine(made, 1) as other:
        other.load_data(x, t)
        other.set_parameters(tensors)
        other.restore(state)
        other.epoch(1, rates)
        assert same_tensors(other.parameters(), expected)


@pytest.mark.parametrize("batch", [7, 1024])
def test_a_restored_state_continues_bit_for_bit(batch: int) -> None:
    made = make_plan([20, 33, 10], "relu", "mse", "adam", batch=batch, dtype="float32", **EVERY)
    rows, rates = 3 * batch + 1, np.full(4, 0.01)
    engine, x, t = make_engine(made, rows)
    with engine:
        engine.epoch(0, rates)
        weights, state = weights_of(engine), engine.state()
        loss, expected = engine.epoch(1, rates), weights_of(engine)
    with Engine(made, 1) as other:
        other.load_data(x, t)
        set_weights(other, weights)
        other.restore(state)
        assert other.epoch(1, rates) == loss
        assert same_bytes(weights_of(other), expected)


def test_rows_from_a_stream() -> None:
    """Rows that come block by block give the same bits as those in memory."""

    class Rows:
        def __init__(self, x: np.ndarray) -> None:
            self._x = x

        def __len__(self) -> int:
            return len(self._x)

        def take(self, places: np.ndarray, out: np.ndarray) -> None:
            out[:] = self._x[places]

    made = make_plan([20, 33, 3], batch=7, dtype="float32", **EVERY)
    x, t = make_data(made, 50)
    weights = []
    for rows in (x, Rows(x)):
        with Engine(made, 1) as engine:
            engine.initialize(0)
            engine.load_data(rows, t)
            engine.epoch(0, np.full(8, 0.1))
            weights.append(weights_of(engine))
    assert same_bytes(*weights)


def torch_model(torch: Any, engine: Engine) -> Any:
    """The engine's network, of tanh, in PyTorch."""
    modules = []
    for w, b in weights_of(engine):
        linear = torch.nn.Linear(*w.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
        modules += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


def torch_weights(model: Any) -> np.ndarray:
    """All weights and biases of such a network as one vector."""
    linear = [module for module in model if hasattr(module, "weight")]
    return flat([(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linear])


@pytest.mark.parametrize("settings", [*EACH, {"clip_norm": 0.1, "average": 0.75}], ids=str)
def test_steps_are_those_of_pytorch(settings: dict[str, float]) -> None:
    torch = pytest.importorskip("torch")
    made: plan.Plan = make_plan([5, 9, 3], optimizer="adam", **settings)
    engine, x, t = make_engine(made, 23)
    inputs, targets = torch.tensor(x), torch.tensor(t)
    with engine:
        model = torch_model(torch, engine)
        averaged = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(made.average or 0.5)
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for epoch in range(10):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(inputs), targets).backward()
            if made.clip_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), made.clip_norm)
            if made.clip_value:
                torch.nn.utils.clip_grad_value_(model.parameters(), made.clip_value)
            for parameter in model.parameters():
                parameter.grad += made.l1 * torch.sign(parameter.detach())
            optimizer.step()
            averaged.update_parameters(model)
            engine.epoch(epoch, np.array([0.01]))
        expected = torch_weights(averaged.module if made.average else model)
        np.testing.assert_allclose(flat(weights_of(engine)), expected, rtol=1e-10, atol=1e-12)
