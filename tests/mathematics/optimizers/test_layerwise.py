"""Optimizers of whole matrices by themselves: against their twins and optax, and as functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference
from variants import variants

import numbann
from numbann import kernels
from numbann.components.built_in import built_in
from numbann.components.component import Component


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (7,)])
@pytest.mark.parametrize(("component", "values"), variants("optimizer", "matrix"))
def test_steps_are_those_of_the_twin(
    component: Component, values: dict[str, Any], shape: tuple[int, ...], dtype: str
) -> None:
    random = np.random.default_rng(0)
    w = random.standard_normal(shape).astype(dtype)
    chosen = numbann.get_optimizer(component.name, **values)
    state = chosen.init(w)
    expected: Any = [array.astype(np.float64) for array in (w, *(state[name] for name in component.states))]
    twin = getattr(reference, f"{component.name}_step")
    for step in range(1, 31):
        g = random.standard_normal(shape).astype(dtype)
        chosen.step(w, g, state)
        counted = [step] if "step" in component.roles else []
        expected = twin(expected[0], g.astype(np.float64), *expected[1:], *counted, **values)
    for got, other in zip((w, *(state[name] for name in component.states)), expected, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, other, rtol=1e-11 if dtype == "float64" else 1e-3, atol=1e-12)


def test_lamb_is_that_of_optax() -> None:
    optax = pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    random = np.random.default_rng(0)
    w = random.standard_normal((5, 3))
    with jax.enable_x64():
        other = optax.lamb(0.01, weight_decay=0.1)
        there = jax.numpy.asarray(w)
        kept = other.init(there)
        chosen = numbann.get_optimizer("lamb", learning_rate=0.01, weight_decay=0.1)
        state = chosen.init(w)
        for _ in range(30):
            g = random.standard_normal(w.shape)
            chosen.step(w, g, state)
            update, kept = other.update(jax.numpy.asarray(g), kept, there)
            there = optax.apply_updates(there, update)
        np.testing.assert_allclose(w, np.asarray(there), rtol=1e-10)


def test_lamb_moves_by_the_rate_s_share_of_the_size() -> None:
    w = np.array([[3.0, 4.0]])
    before, chosen = w.copy(), numbann.get_optimizer("lamb", learning_rate=0.1)
    chosen.step(w, np.array([[1.0, -2.0]]), chosen.init(w))
    assert np.linalg.norm(w - before) == pytest.approx(0.1 * 5)
    w = np.zeros((1, 2))  # no size to take a share of: the length of AdamW's step, one for each weight at first
    chosen.step(w, np.array([[1.0, -2.0]]), chosen.init(w))
    np.testing.assert_allclose(w, [[-0.1, 0.1]], rtol=1e-5)


def test_lamb_finds_the_bottom_of_a_parabola() -> None:
    w, chosen = np.array([[1.0, -1.0, 0.5]]), numbann.get_optimizer("lamb")
    state, start = chosen.init(w), (w * w).sum()
    for _ in range(5000):
        chosen.step(w, 2 * w, state)
    assert (w * w).sum() < start / 1000


def test_coupled_decay_joins_the_gradient_of_an_optimizer_that_names_none() -> None:
    from numbann.components.declare import freeze, optimizer
    from numbann.plugins.functions import OptimizerFunction

    @optimizer(form="matrix")
    def descent(w, g, learning_rate: float = 0.5):
        w -= learning_rate * g

    w = np.array([1.0, 2.0])
    chosen = OptimizerFunction(freeze(descent).configured(), 0.1)
    chosen.step(w, np.ones(2), chosen.init(w))
    np.testing.assert_allclose(w, [1 - 0.5 * 1.1, 2 - 0.5 * 1.2])


def test_they_have_no_kernels() -> None:
    for entry in built_in().entries("optimizer"):
        name = f"{entry.component.name}_step"
        assert (name in dir(kernels)) == hasattr(kernels, name) == (entry.component.form == "elementwise")
