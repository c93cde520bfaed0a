"""The NumPy twins themselves: against numbers worked by hand, their gradients against differences of their values."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
import reference

from numbann.components.built_in import built_in

REAL = np.array([[0.5, -1.0, 2.1], [0.2, 1.0, 0.1]])
TARGETS = {
    "label": np.array([2, 0]),
    "real": REAL,
    "unshifted": np.abs(REAL),
    "nonnegative": np.abs(REAL),
    "positive": np.abs(REAL),
    "binary": np.array([[0.0, 1.0, 0.3], [1.0, 0.6, 0.0]]),
    "share": np.array([[0.1, 0.5, 0.3], [0.9, 0.6, 0.2]]),
    "distribution": np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]),
}
SOLVERS = {each.component.name for each in built_in().entries("optimizer") if each.component.form == "solver"}
OUTPUTS = np.array([[2.0, 1.0, 0.0, -1.0], [-1.0, 0.5, 3.0, 0.2]])
Y = OUTPUTS[:, :3]


def example(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets of two rows for a loss: three columns of targets, or as many as there are outputs for."""
    loss = built_in().get("loss", name)
    if "label" in loss.roles:
        return Y, TARGETS["label"]
    share = loss.traits["outputs"]
    columns = 1 if loss.form == "batch" and loss.columns else min(3, OUTPUTS.shape[1] // share)
    kinds = loss.columns.values() or [loss.traits["target"]]
    return OUTPUTS[:, : columns * share], np.hstack([TARGETS[kind][:, :columns] for kind in kinds])


def difference(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of a number by central differences."""
    slopes = np.empty_like(x)
    for place in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[place] = step
        slopes[place] = (f(x + shift) - f(x - shift)) / (2 * step)
    return slopes


def test_every_component_has_a_twin() -> None:
    for kind, suffixes in (("activation", ("", "_backward")), ("loss", ("",)), ("optimizer", ("_step",))):
        for name in set(built_in().names(kind)) - SOLVERS:
            assert all(callable(getattr(reference, name + suffix)) for suffix in suffixes)


def test_products() -> None:
    a, b = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([[1.0, 0.0], [-1.0, 2.0]])
    np.testing.assert_array_equal(reference.matmul(a, b), [[-1, 4], [-1, 8], [-1, 12]])
    np.testing.assert_array_equal(reference.dense_forward(a, b, np.array([10.0, 20.0])), [[9, 24], [9, 28], [9, 32]])


def test_dense_backward() -> None:
    random = np.random.default_rng(0)
    x, w, b, dy = (random.standard_normal(shape) for shape in ((4, 3), (3, 2), (2,), (4, 2)))
    dx, dw, db = reference.dense_backward(x, w, dy)
    np.testing.assert_allclose(dx, difference(lambda x: (dy * reference.dense_forward(x, w, b)).sum(), x), atol=1e-8)
    np.testing.assert_allclose(dw, difference(lambda w: (dy * reference.dense_forward(x, w, b)).sum(), w), atol=1e-8)
    np.testing.assert_allclose(db, difference(lambda b: (dy * reference.dense_forward(x, w, b)).sum(), b), atol=1e-8)


@pytest.mark.parametrize(
    ("name", "z", "a"),
    [
        ("identity", [-2.0, 3.0], [-2.0, 3.0]),
        ("sigmoid", [0.0, np.log(3), -1000.0, 1000.0], [0.5, 0.75, 0.0, 1.0]),
        ("tanh", [0.0, np.log(3) / 2, -1000.0], [0.0, 0.5, -1.0]),
        ("relu", [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0]),
        ("leaky_relu", [-2.0, 0.0, 3.0], [-0.02, 0.0, 3.0]),
        ("elu", [-np.log(2), 0.0, 3.0, -1000.0, 1000.0], [-0.5, 0.0, 3.0, -1.0, 1000.0]),
        ("softmax", [[2.0, 1.0, 0.0]], [[0.66524096, 0.24472847, 0.09003057]]),
        ("softmax", [[1000.0, 1000.0, -1000.0]], [[0.5, 0.5, 0.0]]),
    ],
)
def test_activations_by_hand(name: str, z: list[float], a: list[float]) -> None:
    np.testing.assert_allclose(getattr(reference, name)(np.array(z)), a, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("name", built_in().names("activation"))
def test_activations_backward(name: str) -> None:
    random = np.random.default_rng(0)
    z, da = random.standard_normal((5, 4)), random.standard_normal((5, 4))
    forward, backward = getattr(reference, name), getattr(reference, f"{name}_backward")
    expected = difference(lambda z: (da * forward(z)).sum(), z)
    np.testing.assert_allclose(backward(da, z, forward(z)), expected, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mse", [(1.5**2 + 2**2 + 2.1**2) / 3, (1.2**2 + 0.5**2 + 2.9**2) / 3]),
        ("softmax_cross_entropy", [-np.log(0.09003057), -np.log(0.01664452)]),
        ("soft_cross_entropy", [-np.log([0.66524096, 0.24472847, 0.09003057]) @ [0.2, 0.3, 0.5], -np.log(0.01664452)]),
        # two targets: (s + e^2 exp(-s)) / 2 with e = 1.5, s = 0; e = 2, s = -1; then e = -1.2, s = 3; e = -0.5, s = 0.2
        ("gaussian_nll", [(2.25 - 1 + 4 * np.e) / 4, (3 + 1.44 * np.exp(-3) + 0.2 + 0.25 * np.exp(-0.2)) / 4]),
        # y't = 0, and -0.2 + 0.5 + 0.3 over lengths sqrt(10.25) and sqrt(1.05)
        ("cosine_similarity", [1.0, 1 - 0.6 / np.sqrt(10.25 * 1.05)]),
        # -log sigmoid(y) of each output: 0.126928 at 2, 0.313262 at 1, ln 2 at 0; t mixes it with the one at -y
        ("sigmoid_cross_entropy", [(2.126928 + 0.313262 + np.log(2)) / 3, (1.313262 + 0.674077 + 3.048587) / 3]),
    ],
)
def test_losses_by_hand(name: str, values: list[float]) -> None:
    np.testing.assert_allclose(getattr(reference, name)(*example(name))[0], values, rtol=4e-6)


def test_label_smoothing() -> None:
    """The target is (1 - s) for the class and s / K for each."""
    smoothed = reference.softmax_cross_entropy(Y, np.array([2, 0]), label_smoothing=0.3)
    spread = reference.soft_cross_entropy(Y, np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]]))
    np.testing.assert_allclose(smoothed[0], spread[0])
    np.testing.assert_allclose(smoothed[1], spread[1])


@pytest.mark.parametrize("name", built_in().names("loss"))
def test_losses_backward(name: str) -> None:
    values = {"label_smoothing": 0.2} if name == "softmax_cross_entropy" else {}
    y, t = example(name)
    y = y + 0.003  # not at a kink

    def loss(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return getattr(reference, name)(y, t, **values)

    np.testing.assert_allclose(loss(y)[1], difference(lambda y: loss(y)[0].sum(), y), atol=1e-8)


def test_sgd_by_hand() -> None:
    """The buffer is 1, then 0.5 * 1 + 2 = 2.5; with dampening 0.25 the second is 0.5 * 1 + 0.75 * 2 = 2."""
    for parameters, expected in (
        ({}, [9.9, 9.7]),
        ({"momentum": 0.5}, [9.9, 9.65]),
        ({"momentum": 0.5, "dampening": 0.25}, [9.9, 9.7]),
        ({"momentum": 0.5, "nesterov": True}, [9.85, 9.525]),  # 1 + 0.5 * 1 = 1.5, then 2 + 0.5 * 2.5 = 3.25
    ):
        w, buffer, seen = 10.0, 0.0, []
        for step, g in ((1, 1.0), (2, 2.0)):
            w, buffer = reference.sgd_step(w, g, buffer, step, learning_rate=0.1, **parameters)
            seen.append(w)
        assert seen == pytest.approx(expected), parameters


def test_momentum_is_sgd_with_momentum() -> None:
    w, buffer = reference.momentum_step(10.0, 2.0, 1.0, learning_rate=0.1, momentum=0.5)
    assert (w, buffer) == pytest.approx((9.75, 2.5))


def test_adam_by_hand() -> None:
    """The first step is the rate itself; then m_hat = (0.09 + 0.2) / 0.19, v_hat = (0.000999 + 0.004) / 0.001999."""
    w, m, v = reference.adam_step(1.0, 1.0, 0.0, 0.0, 1, learning_rate=0.1, epsilon=1e-12)
    assert (w, m, v) == pytest.approx((0.9, 0.1, 0.001))
    w, m, v = reference.adam_step(w, 2.0, m, v, 2, learning_rate=0.1, epsilon=1e-12)
    assert (w, m, v) == pytest.approx((0.9 - 0.1 * (0.29 / 0.19) / np.sqrt(0.004999 / 0.001999), 0.29, 0.004999))


def test_rmsprop_by_hand() -> None:
    """v = 0.01 * 4 and mean = 0.01 * 2, so that the step is 2 / 0.2, centered 2 / sqrt(0.04 - 0.0004)."""
    w, v, mean, buffer = reference.rmsprop_step(1.0, 2.0, 0.0, 0.0, 0.0, learning_rate=0.2, epsilon=1e-12)
    assert (w, v, mean, buffer) == pytest.approx((-1.0, 0.04, 0.02, 10.0))
    w, *_ = reference.rmsprop_step(1.0, 2.0, 0.0, 0.0, 0.0, learning_rate=0.1, epsilon=1e-12, centered=True)
    assert w == pytest.approx(1 - 0.1 * 2 / np.sqrt(0.0396))


@pytest.mark.parametrize("name", [name for name in built_in().names("optimizer") if name not in SOLVERS])
def test_weight_decay_joins_the_gradient(name: str) -> None:
    step = getattr(reference, f"{name}_step")
    if "weight_decay" in built_in().get("optimizer", name).roles:
        pytest.skip("it is beside the gradient")
    component = built_in().get("optimizer", name)
    states = dict.fromkeys(component.states, np.float64(0.5)) | ({"step": 3} if "step" in component.roles else {})
    np.testing.assert_allclose(step(2.0, 1.0, weight_decay=0.1, **states), step(2.0, 1.2, **states), rtol=1e-12)


def test_gradients_of_a_network() -> None:
    random = np.random.default_rng(0)
    shapes = [(3, 4), (4, 3), (3, 2)]
    parameters = [random.standard_normal(shape) for i, o in shapes for shape in ((i, o), (o,))]
    x, t = random.standard_normal((5, 3)), random.standard_normal((5, 2))

    def run(parameters: list[np.ndarray]) -> tuple[float, list[reference.Gradient]]:
        pair = reference.tanh, reference.tanh_backward
        layers = [reference.Layer(w, b, *pair) for w, b in zip(parameters[::2], parameters[1::2], strict=True)]
        return reference.gradients(layers, x, t, reference.mse)

    found = [part for pair in run(parameters)[1] for part in pair]
    for k, gradient in enumerate(found):
        expected = difference(lambda p, k=k: run([*parameters[:k], p, *parameters[k + 1 :]])[0], parameters[k])
        np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_training_step_moves_every_layer_against_its_gradient() -> None:
    layers = [reference.Layer(np.ones((2, 2)), np.zeros(2)), reference.Layer(np.ones((2, 1)), np.zeros(1))]
    x, t = np.array([[1.0, 2.0]]), np.array([[5.0]])  # y = 3 + 3 = 6, dy = 2: dw = [6, 6], and d = [2, 2] below
    update = functools.partial(reference.momentum_step, learning_rate=0.5, momentum=0.0)
    states = reference.zero_states(layers, 1)
    value, (first, second), states = reference.training_step(layers, x, t, reference.mse, update, states)
    assert value == 1.0
    np.testing.assert_array_equal(second.w, [[-2.0], [-2.0]])
    np.testing.assert_array_equal(second.b, [-1.0])
    np.testing.assert_array_equal(first.w, [[0.0, 0.0], [-1.0, -1.0]])
    np.testing.assert_array_equal(first.b, [-1.0, -1.0])
    np.testing.assert_array_equal(states[0][0][0], [[2.0, 2.0], [4.0, 4.0]])
