"""Every optimizer against its paper's pseudo-code in NumPy, and against optax and PyTorch where they are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numbann_descent import adaptive, averaged, kronecker, layerwise, orthogonal, schedule_free

from numbann.components.component import Component, arguments_of
from numbann.components.declare import freeze
from numbann.components.matrices import shape_of, step_of_matrices
from numbann.plugins.functions import OptimizerFunction

FOUND: dict[str, Component] = {}
for module in (averaged, adaptive, schedule_free, orthogonal, layerwise, kronecker):
    module.numbann_register(lambda function: FOUND.update({freeze(function).name: freeze(function)}))

STEPS = 30
Twin = Callable[..., Iterator[np.ndarray]]  # takes the first weights, a list of gradients and the settings


# ---- pseudo-code: w after each step.  Sums over all gradients so far stand for running means, where they are short.


def mean(g: list[np.ndarray], t: int, beta: float) -> np.ndarray:
    """The running mean of the first t of these, from zero: (1 - beta) sum_k beta^(t - k) g_k."""
    return (1 - beta) * sum(beta ** (t - k) * g[k - 1] for k in range(1, t + 1))


def hat(g: list[np.ndarray], t: int, beta: float) -> np.ndarray:
    return mean(g, t, beta) / (1 - beta**t)


def squares(g: list[np.ndarray]) -> list[np.ndarray]:
    return [x * x for x in g]


def sgdw(w, g, learning_rate, momentum, nesterov, weight_decay):
    for t in range(1, len(g) + 1):
        buffer = mean(g, t, momentum) / (1 - momentum)
        w = w - learning_rate * ((g[t - 1] + momentum * buffer if nesterov else buffer) + weight_decay * w)
        yield w


def signum(w, g, learning_rate, momentum, weight_decay):
    for t in range(1, len(g) + 1):
        w = w - learning_rate * (np.sign(mean(g, t, momentum)) + weight_decay * w)
        yield w


def aggmo(w, g, learning_rate, beta1, beta2, beta3):
    for t in range(1, len(g) + 1):
        w = w - learning_rate / 3 * sum(mean(g, t, beta) / (1 - beta) for beta in (beta1, beta2, beta3))
        yield w


def adopt(w, g, learning_rate, beta1, beta2, epsilon):
    v, m = g[0] ** 2, 0.0
    yield w
    for t, x in enumerate(g[1:], 1):
        m = beta1 * m + (1 - beta1) * np.clip(x / np.maximum(np.sqrt(v), epsilon), -(t**0.25), t**0.25)
        w, v = w - learning_rate * m, beta2 * v + (1 - beta2) * x**2
        yield w


def ademamix(w, g, learning_rate, beta1, beta2, beta3, alpha, warmup, epsilon, weight_decay):
    slow = 0.0
    half_life = lambda beta: np.log(0.5) / np.log(beta)  # noqa: E731
    for t in range(1, len(g) + 1):
        share = min(t / warmup, 1) if warmup else 1
        kept = 0.5 ** (1 / ((1 - share) * half_life(beta1) + share * half_life(beta3)))
        slow = kept * slow + (1 - kept) * g[t - 1]
        step = (hat(g, t, beta1) + share * alpha * slow) / (np.sqrt(hat(squares(g), t, beta2)) + epsilon)
        w = w - learning_rate * (step + weight_decay * w)
        yield w


def qhadam(w, g, learning_rate, beta1, beta2, nu1, nu2, epsilon):
    for t, x in enumerate(g, 1):
        size = np.sqrt((1 - nu2) * x**2 + nu2 * hat(squares(g), t, beta2)) + epsilon
        w = w - learning_rate * ((1 - nu1) * x + nu1 * hat(g, t, beta1)) / size
        yield w


def yogi(w, g, learning_rate, beta1, beta2, epsilon):
    v = 1e-6
    for t, x in enumerate(g, 1):
        v = v - (1 - beta2) * np.sign(v - x**2) * x**2
        w = w - learning_rate * hat(g, t, beta1) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        yield w


def laprop(w, g, learning_rate, beta1, beta2, epsilon):
    r = [x / (np.sqrt(hat(squares(g), t, beta2)) + epsilon) for t, x in enumerate(g, 1)]
    for t in range(1, len(g) + 1):
        w = w - learning_rate * hat(r, t, beta1)
        yield w


def adabound(w, g, learning_rate, beta1, beta2, final, gamma, epsilon):
    for t in range(1, len(g) + 1):
        low, high = (final * learning_rate * (1 + c) for c in (-1 / (gamma * t + 1), 1 / (gamma * t)))
        size = np.sqrt(mean(squares(g), t, beta2)) + epsilon
        rate = np.clip(learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t) / size, low, high)
        w = w - rate * mean(g, t, beta1)
        yield w


def muon(w, g, learning_rate, momentum, nesterov, beta1, beta2, epsilon, weight_decay):
    for t, x in enumerate(g, 1):
        m = mean(g, t, momentum)
        left, sizes, right = np.linalg.svd(momentum * m + (1 - momentum) * x if nesterov else m, full_matrices=False)
        sizes = sizes / (np.sqrt((sizes**2).sum()) + 1e-7)
        for _ in range(5):
            sizes = 3.4445 * sizes - 4.7750 * sizes**3 + 2.0315 * sizes**5
        direction = 0.2 * np.sqrt(max(w.shape)) * (left * sizes) @ right
        if len(w) == 1:
            direction = hat(g, t, beta1) / (np.sqrt(hat(squares(g), t, beta2)) + epsilon)
        w = w - learning_rate * (direction + weight_decay * w)
        yield w


def schedule_free_adamw(w, g, learning_rate, beta1, beta2, epsilon, weight_decay):
    z, x = [w], w
    for t in range(1, len(g) + 1):
        direction = g[t - 1] / (np.sqrt(hat(squares(g), t, beta2)) + epsilon) + weight_decay * w
        z.append(z[-1] - learning_rate * direction)
        x = sum(z[1:]) / t
        w = (1 - beta1) * z[-1] + beta1 * x
        yield w


def lars(w, g, learning_rate, momentum, trust, weight_decay):
    buffer = 0.0
    for x in g:
        local = trust * np.linalg.norm(w) / (np.linalg.norm(x) + weight_decay * np.linalg.norm(w))
        buffer = momentum * buffer + learning_rate * local * (x + weight_decay * w)
        w = w - buffer
        yield w


def prodigy(w, g, learning_rate, beta1, beta2, d0, growth, epsilon, weight_decay):
    first, d, m, v, r, s = w, d0, 0.0, 0.0, 0.0, 0.0
    kept = np.sqrt(beta2)
    for x in g:
        m, v = beta1 * m + (1 - beta1) * d * x, beta2 * v + (1 - beta2) * (d * x) ** 2
        r = kept * r + learning_rate * d**2 * (x * (first - w)).sum()
        s = kept * s + learning_rate * d**2 * x
        rate, d = learning_rate * d, max(d, growth * r / np.abs(s).sum())
        w = w - rate * (m / (np.sqrt(v) + d * epsilon) + weight_decay * w)
        yield w


def shampoo(w, g, learning_rate, momentum, epsilon, every):
    def power(x, exponent):
        left, sizes, _ = np.linalg.svd(x + epsilon * np.eye(len(x)))
        return left @ np.diag(sizes**exponent) @ left.T

    steps = []
    for t, x in enumerate(g, 1):
        if t <= every or t % every == 0:
            left, right = (power(sum(a @ a.T for a in some), -1 / 4) for some in (g[:t], [a.T for a in g[:t]]))
            if len(w) == 1:
                left, right = np.eye(1), power(sum(a.T @ a for a in g[:t]), -1 / 2)
        steps.append(left @ x @ right)
        w = w - learning_rate * mean(steps, t, momentum)
        yield w


CASES: list[tuple[str, dict[str, Any], Twin]] = [
    ("sgdw", {}, sgdw),
    ("sgdw", {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1}, sgdw),
    ("signum", {"weight_decay": 0.1}, signum),
    ("aggmo", {}, aggmo),
    ("aggmo", {"beta1": 0.3, "beta3": 0.999}, aggmo),
    ("adopt", {}, adopt),
    ("ademamix", {}, ademamix),
    ("ademamix", {"warmup": 20, "beta3": 0.99, "weight_decay": 0.1}, ademamix),
    ("qhadam", {}, qhadam),
    ("qhadam", {"nu1": 0.5, "nu2": 0.8, "epsilon": 1e-3}, qhadam),
    ("yogi", {}, yogi),
    ("laprop", {}, laprop),
    ("adabound", {}, adabound),
    ("adabound", {"final": 5.0, "gamma": 0.5}, adabound),
    ("schedule_free_adamw", {}, schedule_free_adamw),
    ("schedule_free_adamw", {"weight_decay": 0.1, "beta1": 0.8, "learning_rate": 0.1}, schedule_free_adamw),
]
MATRICES: list[tuple[str, dict[str, Any], Twin]] = [
    ("muon", {}, muon),
    ("muon", {"nesterov": False, "momentum": 0.5, "weight_decay": 0.1}, muon),
    ("lars", {}, lars),
    ("lars", {"weight_decay": 0.1, "trust": 0.1, "momentum": 0.5}, lars),
    ("prodigy", {}, prodigy),
    ("prodigy", {"d0": 0.01, "growth": 2.0, "weight_decay": 0.1, "beta2": 0.99}, prodigy),
    ("shampoo", {"epsilon": 1.0, "every": 7}, shampoo),
    ("shampoo", {"every": 1, "momentum": 0.0, "epsilon": 0.1}, shampoo),
]


def name_of(case: Any) -> str:
    """For pytest: an optimizer with its settings."""
    return f"{case[0]}{case[1] or ''}"


def drawn(shape: tuple[int, ...], steps: int = STEPS) -> tuple[np.ndarray, list[np.ndarray]]:
    """Weights, and gradients whose size differs from weight to weight, of single precision."""
    random = np.random.default_rng(0)
    w, scale = random.standard_normal(shape).astype("f4"), 10.0 ** random.uniform(-2, 2, shape)
    return w.astype("f8"), [(scale * random.standard_normal(shape)).astype("f4").astype("f8") for _ in range(steps)]


def by_weight(name: str, values: dict[str, Any], w: float, gradients: list[Any]) -> list[float]:
    """One weight after each step, by the author's function in plain Python."""
    component, moved = FOUND[name], []
    result: tuple[Any, ...] = (w, *(w if state == component.predicts else 0.0 for state in component.states))
    for step, g in enumerate(gradients, 1):
        given = {**values, **dict(zip(component.states, result[1:], strict=True)), "w": result[0], "g": g, "step": step}
        result = component.function(**{key: given[key] for key in arguments_of(component.function)})
        moved.append(float(result[0]))
    return moved


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_steps_are_the_paper_s_in_python(case: tuple[str, dict[str, Any], Twin]) -> None:
    name, given, twin = case
    values = {**FOUND[name].defaults(), **given}
    w, gradients = drawn((5,))
    expected = np.array(list(twin(w, gradients, **values)))
    for k in range(5):
        got = by_weight(name, values, float(w[k]), [float(g[k]) for g in gradients])
        np.testing.assert_allclose(got, expected[:, k], rtol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_steps_are_the_paper_s_compiled(case: tuple[str, dict[str, Any], Twin]) -> None:
    """In single precision, in which 1 - 0.9999 has few digits; errors are counted in what has been moved so far."""
    name, given, twin = case
    first, gradients = drawn((3, 7))
    w, chosen = first.astype("f4"), OptimizerFunction(FOUND[name].configured(**given), 0.0)
    state = chosen.init(w)
    for g, expected in zip(gradients, twin(first, gradients, **chosen.configured.values), strict=True):
        chosen.step(w, g.astype("f4"), state)
        assert w.dtype == np.float32
        np.testing.assert_allclose(w, expected, rtol=1e-6, atol=1e-3 * np.abs(expected - first).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (4, 4), (1, 6)])
@pytest.mark.parametrize("case", MATRICES, ids=name_of)
def test_steps_of_matrices(case: tuple[str, dict[str, Any], Twin], shape: tuple[int, int], dtype: str) -> None:
    name, given, twin = case
    first, gradients = drawn(shape)
    w, chosen = first.astype(dtype), OptimizerFunction(FOUND[name].configured(**given), 0.0)
    state, close = chosen.init(w), 1e-3 if dtype == "float32" else 1e-10
    for g, expected in zip(gradients, twin(first, gradients, **chosen.configured.values), strict=True):
        kept = g.astype(dtype)
        chosen.step(w, kept, state)
        np.testing.assert_array_equal(kept, g.astype(dtype))
        np.testing.assert_allclose(w, expected, rtol=close, atol=close * 1e-2)
    assert {w.dtype, *(state[each].dtype for each in FOUND[name].states)} == {np.dtype(dtype)}


# ---- other implementations

OPTAX: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # name there, settings there, settings here
    "adopt": ("contrib.adopt", {}, {}),
    "ademamix": ("contrib.ademamix", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "signum": ("signum", {}, {}),
    "muon": ("contrib.muon", {"consistent_rms": 0.2, "nesterov": False}, {"nesterov": False}),
}


@pytest.mark.parametrize("name", OPTAX)
def test_steps_are_optax_s(name: str) -> None:
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    there, settings, here = OPTAX[name]
    values = {**FOUND[name].defaults(), **here, "learning_rate": 0.01}
    first, gradients = drawn((3, 7))
    twin = next(twin for case, _, twin in [*CASES, *MATRICES] if case == name)
    with jax.enable_x64():
        chosen = optax
        for part in there.split("."):
            chosen = getattr(chosen, part)
        other, w = chosen(0.01, **settings), jax.numpy.asarray(first)
        state = other.init(w)
        for g, expected in zip(gradients, twin(first, gradients, **values), strict=True):
            update, state = other.update(jax.numpy.asarray(g), state, w)
            w = optax.apply_updates(w, update)
            np.testing.assert_allclose(w, expected, rtol=1e-5)


def test_yogi_is_optax_s_from_the_same_start() -> None:
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    first, gradients = drawn((7,))
    with jax.enable_x64():
        other, w = optax.scale_by_yogi(), jax.numpy.asarray(first)
        state = other.init(w)
        state = state._replace(mu=0 * state.mu)
        values = {**FOUND["yogi"].defaults(), "learning_rate": 0.01}
        for g, expected in zip(gradients, yogi(first, gradients, **values), strict=True):
            update, state = other.update(jax.numpy.asarray(g), state)
            w = w - 0.01 * update
            np.testing.assert_allclose(w, expected, rtol=1e-9)


def test_muon_is_pytorch_s() -> None:
    """Which iterates in bfloat16, so that a step is the same to a few percent."""
    torch = pytest.importorskip("torch")
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this PyTorch has no Muon")
    first, gradients = drawn((12, 8))
    weight = torch.tensor(first.T, dtype=torch.float32, requires_grad=True)
    other = torch.optim.Muon([weight], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    values = {**FOUND["muon"].defaults(), "learning_rate": 0.01, "weight_decay": 0.1}
    before = first
    for g, expected in zip(gradients[:5], muon(first, gradients, **values), strict=False):
        weight.grad = torch.tensor(g.T, dtype=torch.float32)
        other.step()
        np.testing.assert_allclose(weight.detach().numpy().T - before, expected - before, atol=0.1 * 0.01)
        before = expected
        weight.data = torch.tensor(expected.T, dtype=torch.float32)


def test_prodigy_is_the_authors_over_a_whole_network() -> None:
    """Its d is one for all parameters; here they are all the matrices of one step."""
    torch, prodigyopt = pytest.importorskip("torch"), pytest.importorskip("prodigyopt")
    settings = {"d0": 1e-3, "weight_decay": 0.1}
    drawings = [drawn(shape) for shape in ((4, 3), (1, 3), (3, 2), (1, 2))]
    there = [torch.tensor(w, requires_grad=True) for w, _ in drawings]
    other = prodigyopt.Prodigy(there, **settings)
    here = [{"w": w.copy(), **states(FOUND["prodigy"], w)} for w, _ in drawings]
    for step in range(1, STEPS + 1):
        for parameter, own, (_, gradients) in zip(there, here, drawings, strict=True):
            own["g"] = gradients[step - 1] / 100
            parameter.grad = torch.tensor(own["g"])
        other.step()
        values = {**FOUND["prodigy"].defaults(), **settings, "step": step}
        step_of_matrices(FOUND["prodigy"], [{**values, **own} for own in here])
        for parameter, own in zip(there, here, strict=True):
            np.testing.assert_allclose(own["w"], parameter.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert other.param_groups[0]["d"] > 10 * settings["d0"]
    assert {float(own["d"][0]) for own in here} == {here[0]["d"][0]}
    np.testing.assert_allclose(here[0]["d"], other.param_groups[0]["d"], rtol=1e-9)


def states(component: Component, w: np.ndarray) -> dict[str, np.ndarray]:
    """The first states of weights."""
    return {name: np.zeros(shape_of(component, name, (w.shape[0], w.shape[1]))) for name in component.states}


def test_schedule_free_adamw_is_the_authors() -> None:
    torch, schedulefree = pytest.importorskip("torch"), pytest.importorskip("schedulefree")
    first, gradients = drawn((4, 3))
    there = torch.tensor(first, requires_grad=True)
    other = schedulefree.AdamWScheduleFree([there], lr=0.01, weight_decay=0.1, warmup_steps=10)
    other.train()
    component = FOUND["schedule_free_adamw"]
    w, kept = first, {name: first if name == "x" else 0 * first for name in component.states}
    for step, g in enumerate(gradients, 1):
        there.grad = torch.tensor(g)
        other.step()
        values = {"learning_rate": 0.01 * min(step / 10, 1), "weight_decay": 0.1, "step": step}
        found = [
            component.function(
                float(w.flat[k]), float(g.flat[k]), **{name: float(kept[name].flat[k]) for name in kept}, **values
            )
            for k in range(w.size)
        ]
        w, *after = (np.array(part).reshape(w.shape) for part in zip(*found, strict=True))
        kept = dict(zip(component.states, after, strict=True))
        np.testing.assert_allclose(w, there.detach().numpy(), rtol=1e-9)
        other.eval()
        np.testing.assert_allclose(kept["x"], there.detach().numpy(), rtol=1e-9)
        other.train()


# ---- what all have in common

RATES = {"signum": {"learning_rate": 1e-3}, "muon": {"learning_rate": 2e-3}}


@pytest.mark.parametrize("name", FOUND)
def test_they_find_the_bottom_of_a_parabola(name: str) -> None:
    """sum_k c_k w_k^2 falls a thousandfold with the default rate, but for those whose steps have one length."""
    curvature = np.array([[0.5, 1.0], [2.0, 1.0], [1.0, 4.0]], "f4")
    w = np.array([[1.0, -1.0], [0.5, 0.3], [-0.2, 0.1]], "f4")
    chosen = OptimizerFunction(FOUND[name].configured(**RATES.get(name, {})), 0.0)
    state, start = chosen.init(w), (curvature * w * w).sum()
    for _ in range(5000):
        chosen.step(w, 2 * curvature * w, state)
    assert (curvature * w * w).sum() < start / 1000


@pytest.mark.parametrize("name", FOUND)
def test_zero_gradients_move_nothing_and_what_is_no_number_stays_visible(name: str) -> None:
    values = {**FOUND[name].defaults(), **({"weight_decay": 0.0} if "weight_decay" in FOUND[name].defaults() else {})}
    if FOUND[name].form == "matrix":
        w, chosen = np.ones((2, 3)), OptimizerFunction(FOUND[name].configured(**values), 0.0)
        state = chosen.init(w)
        for _ in range(3):
            chosen.step(w, np.zeros((2, 3)), state)
        assert (w == 1).all()
        chosen.step(w, np.full((2, 3), np.nan), state)
        assert np.isnan(w).all()
    else:
        assert by_weight(name, values, 1.0, [0.0] * 3) == [1.0] * 3
        assert np.isnan(by_weight(name, values, 1.0, [1.0, np.nan, 1.0])[-1])


def test_every_one_is_tested_documented_and_an_entry_point() -> None:
    from importlib.metadata import entry_points

    assert {case[0] for case in [*CASES, *MATRICES]} == set(FOUND)
    named = {point.name: point.value for point in entry_points(group="numbann") if "descent" in point.value}
    assert named == {name: component.function.__module__ for name, component in FOUND.items()}
    for component in FOUND.values():
        assert component.summary.endswith("."), component.name
        assert "https://" in (component.function.__doc__ or ""), component.name
