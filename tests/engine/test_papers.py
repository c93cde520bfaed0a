"""Forms of activations and losses on data where papers say that they are right: there they beat the plain ones."""

from __future__ import annotations

import functools
from typing import Any

import activations_of_papers as papers
import numpy as np
import pytest

from numbann import activation
from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import freeze
from numbann.components.registry import Registry
from numbann.fit import Job, Rows, fit
from numbann.network.description import Dense, Network
from numbann.network.plan import build
from numbann.testing import checks_of


@activation
def step(z):
    """Step: the sign of z, with its own derivative, which is 0."""
    return -1 if z < 0 else (1 if z > 0 else z)


COMPONENTS = [freeze(one) for one in (*vars(papers).values(), step) if hasattr(one, "__numbann__")]
RANDOM = np.random.default_rng(0)


@functools.cache
def registry() -> Registry:
    made = built_in().copy()
    for component in COMPONENTS:
        made.register(component, Origin("papers", "", ""))
    return made


def trained(
    name: str, units: int, x: Any, t: Any, loss: str = "mse", epochs: int = 60, outputs: int = 1, **values: Any
) -> Any:
    """A network of one hidden layer with an activation."""
    get = registry().configured
    layers = (Dense(units, get("activation", name, **values)), Dense(outputs))
    parts = {"loss": get("loss", loss), "optimizer": get("optimizer", "adam")}
    network = Network(inputs=x.shape[1], layers=layers, batch_size=32, **parts)
    return fit(Job(build(network), Rows(x, t), epochs=epochs, learning_rate=0.01), threads=1)


def final_loss(name: str, units: int, x: Any, t: Any, **options: Any) -> float:
    return float(trained(name, units, x, t, **options).history[-1]["train_loss"])


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_they_pass_the_checks_in_plain_python(component: Any) -> None:
    for name, check in checks_of(component).items():
        if name not in ("precision", "extremes"):
            assert not check().failed, str(check())


def test_ten_learnables_find_a_quotient_of_polynomials() -> None:
    x = RANDOM.uniform(-3, 3, (400, 1)).astype(np.float32)
    t = x / (1 + x**2) + 0.3 * x**2
    assert final_loss("pade", 4, x, t, epochs=80) < 0.1 * final_loss("relu", 4, x, t, epochs=80)


def test_gates_multiply() -> None:
    x = RANDOM.standard_normal((600, 2)).astype(np.float32)
    t = x[:, :1] * x[:, 1:]
    assert final_loss("glu", 8, x, t) < 0.5 * final_loss("relu", 8, x, t)


def test_frequencies_of_units_go_on_beyond_the_data() -> None:
    x, far = RANDOM.uniform(-6, 6, (400, 1)).astype(np.float32), np.linspace(6, 9, 50, dtype=np.float32)[:, None]
    missed = {}
    for name in ("snake", "tanh"):
        found = trained(name, 16, x, np.sin(x) ** 2 + 0.2 * x, epochs=100).predict(far)
        missed[name] = np.mean((found - np.sin(far) ** 2 - 0.2 * far) ** 2)
    assert missed["snake"] < 0.2 * missed["tanh"], missed


def test_noise_keeps_from_learning_by_heart() -> None:
    x, far = (RANDOM.standard_normal((rows, 5)).astype(np.float32) for rows in (60, 500))
    t = x[:, :1] + 0.7 * RANDOM.standard_normal((60, 1)).astype(np.float32)
    missed = {}
    for name, values in (("noisy_relu", {"width": 3.0}), ("relu", {})):
        missed[name] = np.mean((trained(name, 32, x, t, epochs=200, **values).predict(far) - far[:, :1]) ** 2)
    assert missed["noisy_relu"] < 0.6 * missed["relu"], missed


def test_straight_through_units_learn() -> None:
    """With the derivative of the step itself, 0, only the last layer does."""
    x = RANDOM.standard_normal((600, 2)).astype(np.float32)
    t = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    losses = {
        name: final_loss(name, 16, x, t, loss="softmax_cross_entropy", outputs=2)
        for name in ("step", "binary", "quantised")
    }
    assert max(losses["binary"], losses["quantised"]) < 0.7 * losses["step"], losses


def test_a_variance_is_found_through_a_constant_factor() -> None:
    x = RANDOM.uniform(-2, 2, (800, 1)).astype(np.float32)
    logarithm = 1.5 * np.sin(2 * x)
    t = (np.exp(0.5 * logarithm) * RANDOM.standard_normal(x.shape)).astype(np.float32)
    found = trained("tanh", 16, x, t, loss="beta_variance").predict(x)
    assert np.corrcoef(found[:, 0], logarithm[:, 0])[0, 1] > 0.9
