"""Inputs times a trained vector: the formula, every way of training and of prediction, and the bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from differences import check_gradient
from networks import go_on_alike, make_engine, make_plan, predict_raw_alike, same_tensors, train_alike

import numbann
from numbann.engine.cpu.engine import Engine
from numbann.errors import DeviceError, SpecError
from numbann.network.plan import Plan

KINDS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam"},
    "clip_norm": {"clip_norm": 0.1},
    "extras": {"optimizer": "adam", "clip_value": 0.05, "l1": 0.01, "weight_decay": 0.1, "average": 0.9},
    "lamb": {"optimizer": "lamb"},
    "lbfgs": {"optimizer": "lbfgs", "batch": None},
    "norm": {"between": [{"norm": "batch", "dropout": 0.2}, {"norm": "layer", "residual": True}]},
}


def scaled(sizes: list[int], **options: Any) -> Plan:
    """A plan with a trained scale of the inputs."""
    return make_plan(sizes, **{"input_scale": True, **options})


def engine_with_scales(made: Plan, rows: int, threads: int = 1) -> tuple[Engine, np.ndarray, np.ndarray]:
    """An engine whose scales are no ones, and its rows."""
    engine, x, t = make_engine(made, rows, threads)
    s = np.random.default_rng(7).uniform(-2, 2, made.inputs)
    s[0] = 0
    engine.set_parameters({**engine.parameters(), "input.scale": s})
    return engine, x, t


@pytest.mark.parametrize("sizes", [[5, 2], [5, 4, 2], [70, 70, 3]])
@pytest.mark.parametrize("options", [{}, {"between": [{"norm": "layer"}]}, {"activation": "prelu"}], ids=str)
def test_gradients(sizes: list[int], options: dict[str, Any]) -> None:
    check_gradient(scaled(sizes, **options))


@pytest.mark.parametrize(("rows", "threads"), [(23, 1), (23, 3), (1100, 2)])
def test_a_step_is_that_of_the_formula(rows: int, threads: int) -> None:
    """z = (x s) w + b; G = x' dz, dw = diag(s) G, ds_i = sum over o of w_io G_io."""
    engine, x, t = engine_with_scales(scaled([9, 130, 2], batch=None), rows, threads)
    with engine:
        one = engine.parameters()
        assert one["input.scale"].shape == (9,)
        a = np.tanh((x * one["input.scale"]) @ one["layers.0.weight"] + one["layers.0.bias"])
        y = a @ one["layers.1.weight"] + one["layers.1.bias"]
        d = (2 * (y - t) / t.size @ one["layers.1.weight"].T) * (1 - a * a)
        np.testing.assert_allclose(engine.predict(x), y, rtol=1e-10)
        engine.epoch(0, np.ones(1))
        two = engine.parameters()
        gradient = x.T @ d
        taken = {name: one[name] - two[name] for name in one}
        np.testing.assert_allclose(taken["layers.0.weight"], one["input.scale"][:, None] * gradient, atol=1e-13)
        np.testing.assert_allclose(taken["input.scale"], (one["layers.0.weight"] * gradient).sum(1), atol=1e-13)
        np.testing.assert_allclose(taken["layers.0.bias"], d.sum(0), atol=1e-13)
        facts = engine.probe(x, t)
        again = x.T @ d_of(x, t, two)
        np.testing.assert_allclose(facts[0].dw, two["input.scale"][:, None] * again, atol=1e-13)


def d_of(x: np.ndarray, t: np.ndarray, one: dict[str, np.ndarray]) -> np.ndarray:
    """The gradient to the first layer's products."""
    a = np.tanh((x * one["input.scale"]) @ one["layers.0.weight"] + one["layers.0.bias"])
    y = reference.dense_forward(a, one["layers.1.weight"], one["layers.1.bias"])
    return (2 * (y - t) / t.size @ one["layers.1.weight"].T) * (1 - a * a)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (64, 150), (1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, kind: str, dtype: str) -> None:
    made = scaled([70, 130, 130, 5], **{"batch": batch, "dtype": dtype, **KINDS[kind]})
    assert (train_alike(made, rows, engine_with_scales)["input.scale"] != 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_parameters_and_state(kind: str) -> None:
    made = scaled([5, 8, 8, 2], **{"batch": 4, **KINDS[kind]})
    go_on_alike(made, 10, engine_with_scales)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_way_of_prediction_gives_the_same(dtype: str) -> None:
    engine, x, _ = engine_with_scales(scaled([33, 200, 2], dtype=dtype), 500, 2)
    with engine:
        outputs = engine.predict(x)
        assert outputs[:9].tobytes() == engine.predict(x[:9]).tobytes()
        predict_raw_alike(engine, x)


def test_training_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    engine, x, t = engine_with_scales(scaled([5, 8, 2], optimizer="adam", batch=None), 30)
    with engine:
        tensors = {name: torch.tensor(one, requires_grad=True) for name, one in engine.parameters().items()}
        optimizer = torch.optim.Adam(tensors.values(), lr=1e-2)
        for step in range(20):
            s, w, b = tensors["input.scale"], tensors["layers.0.weight"], tensors["layers.0.bias"]
            a = torch.tanh((torch.tensor(x) * s) @ w + b)
            y = a @ tensors["layers.1.weight"] + tensors["layers.1.bias"]
            loss = torch.nn.functional.mse_loss(y, torch.tensor(t))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert engine.epoch(step, np.full(1, 1e-2)) == pytest.approx(loss.item(), rel=1e-9)
        np.testing.assert_allclose(engine.parameters()["input.scale"], s.detach().numpy(), rtol=1e-8)


def test_a_run_keeps_it_and_goes_on_with_it(write_spec: Callable[..., Path]) -> None:
    model = {"input": {"scale": True}, "layers": [{"units": 8, "activation": "tanh"}]}
    whole = numbann.train(write_spec(model=model), output="whole")
    part = numbann.train(write_spec(model=model, train={"epochs": 2}), output="part")
    part = numbann.resume(part.path, epochs=4)
    one, other = numbann.load(whole.path), numbann.load(part.path)
    assert (one.tensors["input.scale"] != 1).all()
    assert same_tensors(one.tensors, other.tensors)
    rows = np.random.default_rng(0).standard_normal((100, 2))
    np.testing.assert_array_equal(one.predict_proba(rows)[:5], other.predict_proba(rows[:5]))


def test_what_does_not_go_with_it_is_refused(write_spec: Callable[..., Path]) -> None:
    model = {"input": {"scale": True}, "layers": [{"units": 2, "residual": True}]}
    with pytest.raises(SpecError) as told:
        numbann.train(write_spec(model=model, train={"device": "cuda"}))
    assert str(told.value).count("model.input.scale") == 2
    assert 'train.device "cuda" does not do this' in str(told.value)
    assert "residual" in str(told.value)


def test_a_network_of_components_is_refused_alike() -> None:
    with pytest.raises(ValueError, match="residual connection would go past it"):
        scaled([5, 5, 2], between=[{"residual": True}])


def test_an_engine_for_gpus_refuses_it() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine.stages import require

    with pytest.raises(DeviceError, match=r"model\.input\.scale: not done on a GPU"):
        require(scaled([5, 2]))
