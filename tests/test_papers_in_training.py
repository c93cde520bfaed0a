"""Optimizers, schedules and initializers from papers: what PyTorch computes, or twins, and what they are good for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import initializers_of_papers as initializers
import numpy as np
import optimizers_of_papers as optimizers
import pytest
import reference
from networks import make_data, make_plan

import numbann
from numbann.components.component import Component, Configured
from numbann.components.declare import freeze
from numbann.components.matrices import step_of_matrices
from numbann.engine.cpu.engine import Engine

HELPERS = Path(__file__).parent / "helpers"
STEPS = 30


def drawn(shape: tuple[int, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Weights and gradients."""
    random = np.random.default_rng(0)
    return random.standard_normal(shape), [random.standard_normal(shape) for _ in range(STEPS)]


def moved(function: Callable[..., Any], shape: tuple[int, ...], predicts: str = "w", **given: Any) -> list[np.ndarray]:
    """The weights, or the state that predicts, after each step."""
    batch = given.pop("batch_size", 1)
    (w, gradients), chosen = drawn(shape), numbann.get_optimizer(function, **given)
    state, found = chosen.init(w), []
    for g in gradients:
        chosen.step(w, g, state, batch_size=batch)
        found.append((w if predicts == "w" else state[predicts]).copy())
    return found


# ---- optimizers


@pytest.mark.parametrize(("shape", "settings"), [((5, 7), {}), ((7,), {}), ((7, 5), {"weight_decay": 0.1})])
def test_adafactor_is_pytorch_s(shape: tuple[int, ...], settings: dict[str, float]) -> None:
    torch = pytest.importorskip("torch")
    w, gradients = drawn(shape)
    there = torch.tensor(w, requires_grad=True)
    other = torch.optim.Adafactor([there], lr=0.01, **settings)
    for g, found in zip(gradients, moved(optimizers.adafactor, shape, **settings), strict=True):
        there.grad = torch.tensor(g)
        other.step()
        np.testing.assert_allclose(found, there.detach().numpy(), rtol=1e-10)


def test_adafactor_by_its_formulas() -> None:
    w, gradients = drawn((5, 7))
    rows, columns = 0.0, 0.0
    for step, (g, found) in enumerate(zip(gradients, moved(optimizers.adafactor, (5, 7)), strict=True), 1):
        kept = 1 - step**-0.8
        rows, columns = kept * rows + (1 - kept) * (g**2).mean(1), kept * columns + (1 - kept) * (g**2).mean(0)
        direction = g / np.sqrt(np.outer(rows, columns) / np.mean(rows))
        direction /= max(1, np.sqrt((direction**2).mean()))
        w = w - max(1e-3, np.sqrt((w**2).mean())) * min(0.01, step**-0.5) * direction
        np.testing.assert_allclose(found, w, rtol=1e-10)


def test_sophia_by_its_formulas() -> None:
    w, gradients = drawn((5, 7))
    m, h = 0.0, 0.0
    for g, found in zip(gradients, moved(optimizers.sophia, (5, 7), batch_size=16), strict=True):
        m, h = 0.965 * m + 0.035 * g, 0.99 * h + 0.01 * g**2
        w = w * (1 - 1e-3 * 0.1) - 1e-3 * np.sign(m) * np.minimum(np.abs(m) / (0.04 * 16 * h + 1e-15), 1)
        np.testing.assert_allclose(found, w, rtol=1e-10)


def test_lookahead_is_adam_that_is_pulled_back() -> None:
    w, gradients = drawn((5, 7))
    slow, m, v = w, np.zeros_like(w), np.zeros_like(w)
    weights, predicting = moved(optimizers.lookahead_adam, (5, 7)), moved(optimizers.lookahead_adam, (5, 7), "slow")
    for step, g in enumerate(gradients, 1):
        w, m, v = reference.adam_step(w, g, m, v, step, 1e-3, 0.9, 0.999, 1e-8)
        if step % 5 == 0:
            w = slow = (w + slow) / 2
        np.testing.assert_allclose(weights[step - 1], w, rtol=1e-10)
        np.testing.assert_allclose(predicting[step - 1], slow, rtol=1e-10)


def parts(function: Callable[..., Any], shapes: list[tuple[int, int]]) -> tuple[Component, list[dict[str, Any]]]:
    """An optimizer with the weights and states of several matrices."""
    component, random = freeze(function), np.random.default_rng(0)
    chosen = numbann.get_optimizer(function)
    given = []
    for shape in shapes:
        w = random.standard_normal(shape)
        given.append({"w": w, **chosen.init(w), **component.defaults()})
    return component, given


def test_dog_and_centred_take_the_whole_network() -> None:
    """As on one vector of all weights."""
    shapes, random = [(4, 3), (1, 3), (3, 2)], np.random.default_rng(1)
    for function in (optimizers.dog, optimizers.centred):
        component, given = parts(function, shapes)
        first = w = np.concatenate([one["w"].ravel() for one in given])
        far, total = 0.0, 0.0
        for step in range(1, STEPS + 1):
            g = random.standard_normal(w.size)
            for one, part in zip(given, np.split(g, np.cumsum([one["w"].size for one in given])[:-1]), strict=True):
                one |= {"g": part.reshape(one["w"].shape), "step": step}
            step_of_matrices(component, given)
            far, total = max(far, np.linalg.norm(w - first), 1e-4 * (1 + np.linalg.norm(first))), total + g @ g
            rate = far / (np.sqrt(total) + 1e-8)
            w = w - (rate * g if component.name == "dog" else 0.1 * (g - g.mean()))
            np.testing.assert_allclose(np.concatenate([one["w"].ravel() for one in given]), w, rtol=1e-9, atol=1e-12)


# ---- schedules


def test_factors_are_those_of_the_formulas() -> None:
    t = np.arange(100) / 100
    np.testing.assert_allclose(
        [optimizers.coslog4(k, 100) for k in range(100)], np.sin(np.pi * np.log2(1 + 15 * t)) ** 2, atol=1e-12
    )
    expected = np.interp(t, [0, 0.1, 0.8, 1], [0, 1, 1, 0])
    np.testing.assert_allclose([optimizers.wsd(k, 100) for k in range(100)], expected, atol=1e-12)


# ---- initializers


def start(sizes: list[int], activation: str, weights: Any, biases: Any = None) -> dict[str, np.ndarray]:
    """The initial tensors of a network, and its outputs on its rows."""
    chosen = {"init": Configured(freeze(weights), freeze(weights).defaults())}
    chosen |= {"bias_init": Configured(freeze(biases), {})} if biases else {}
    made = make_plan(sizes, activation, between=[chosen] * (len(sizes) - 1))
    with Engine(made, 1) as engine:
        x, t = make_data(made, 500)
        engine.load_data(x, t)
        engine.initialize(0)
        return {**engine.parameters(), "y": engine.predict(x)}


def test_linear_is_pytorch_s() -> None:
    torch = pytest.importorskip("torch")
    tensors, layer = start([50, 400, 2], "relu", initializers.torch_linear, initializers.torch_linear), torch.nn.Linear
    for k, (inputs, outputs) in enumerate([(50, 400), (400, 2)]):
        there = layer(inputs, outputs)
        for name, other in (("weight", there.weight), ("bias", there.bias)):
            bound = float(abs(other.detach()).max())
            assert abs(tensors[f"layers.{k}.{name}"]).max() <= 1 / np.sqrt(inputs)
            if name == "weight":
                assert abs(tensors[f"layers.{k}.{name}"]).max() == pytest.approx(bound, rel=0.02)


def test_zero_is_deterministic_and_orthogonal() -> None:
    tensors = start([4, 4, 7, 3], "relu", initializers.zero)
    assert (tensors["layers.0.weight"] == np.eye(4)).all()
    assert (tensors["layers.1.weight"] == np.eye(4, 7)).all()
    w = tensors["layers.2.weight"]
    assert (abs(w) == 0.5).all()
    assert set(np.round((w.T @ w)[~np.eye(3, dtype=bool)], 12)) <= {-0.25, 0.25}


def test_siren_keeps_the_spread_of_sines_at_any_depth() -> None:
    tensors = start([2, *[256] * 6, 1], "sine", initializers.siren)
    assert abs(tensors["layers.0.weight"]).max() == pytest.approx(15, rel=0.02)
    assert abs(tensors["layers.3.weight"]).max() == pytest.approx(np.sqrt(6 / 256), rel=0.02)
    assert 0.8 < tensors["y"].std() < 1.2  # of sines with deviation sqrt(1/2), times weights of sqrt(2/I)


def test_fixup_starts_as_zero_and_lsuv_with_deviation_1() -> None:
    assert not start([5, 20, 20, 3], "relu", initializers.fixup)["y"].any()
    for depth in (2, 12):
        found = start([5, *[30] * depth, 3], "relu", initializers.lsuv)
        assert found["y"].std() == pytest.approx(1, abs=0.011)
    plain = start([5, *[30] * 12, 3], "tanh", initializers.torch_linear)["y"].std()
    assert plain < 0.02  # what the sample is for


def test_realmlp_s_units_have_variance_1_and_kinks_among_the_rows() -> None:
    sizes = [5, 40, 40, 3]
    found = start(sizes, "relu", initializers.unit_variance, initializers.he5)
    made = make_plan(sizes)
    x, _ = make_data(made, 500)
    for k in range(3):
        w, b = found[f"layers.{k}.weight"], found[f"layers.{k}.bias"]
        np.testing.assert_allclose((x @ w).std(0), 1, rtol=1e-9)
        share = (x @ w + b > 0).mean(0)
        assert share.min() > 0.02
        assert share.max() < 0.98
        x = np.maximum(x @ w + b, 0)


# ---- trainings


def train(here: Path, name: str, **spec: Any) -> numbann.Run:
    """Train a net on waves of two inputs with the files' components."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (1500, 2))
    t = np.sin(12 * x[:, 0]) * np.cos(9 * x[:, 1])
    np.savetxt(here / "table.csv", np.column_stack([x, t]), "%.6g", ",", header="a,b,t", comments="")
    given = {
        "plugins": [str(HELPERS / f"{kind}_of_papers.py") for kind in ("optimizers", "initializers")],
        "data": {"path": str(here / "table.csv"), "target": "t", "task": "regression"},
        "optimizer": {"type": "adam", "learning_rate": 0.003},
        "train": {"epochs": 20, "batch_size": 64},
    }
    return numbann.train(given | spec, output=here / name)


def test_siren_learns_waves_that_the_same_net_does_not(here: Path) -> None:
    model = {"layers": [{"units": 64, "activation": "sine"}, {"units": 64, "activation": "sine"}]}
    siren = {**model, "init": {"type": "siren", "frequency": 8.0}}
    assert train(here, "siren", model=siren).metrics["test"]["r2"] > 0.9
    assert train(here, "plain", model=model).metrics["test"]["r2"] < 0.5


RATES = {"sophia": 0.001, "lookahead_adam": 0.005, "adafactor": 0.03, "dog": 1.0, "centred": 0.1}


@pytest.mark.parametrize("name", RATES)
def test_each_optimizer_trains_with_the_same_bits_for_any_threads(name: str, here: Path) -> None:
    model = {"layers": [{"units": 64, "activation": "sine"}], "init": {"type": "siren", "frequency": 8.0}}
    optimizer = {"type": name, "learning_rate": RATES[name]}
    runs = []
    for threads in (1, 2):
        schedule = "wsd" if name == "sophia" else "constant"
        given = {"model": model, "optimizer": optimizer, "schedule": schedule}
        runs.append(train(here, f"{name}{threads}", **given, train={"epochs": 8, "batch_size": 64, "threads": threads}))
    one, two = (run.path / "model.safetensors" for run in runs)
    assert one.read_bytes() == two.read_bytes()
    assert runs[0].history[-1]["train_loss"] < 0.85 * runs[0].history[0]["train_loss"]
