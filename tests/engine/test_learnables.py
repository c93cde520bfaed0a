"""Trained parameters of activations: one a unit or a layer, with a rate, a decay, bounds and a start of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import sin, tanh
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from differences import check_gradient
from networks import make_engine, make_plan, same_tensors, train_alike
from numbann_cli.component_page import page

import numbann
from numbann import Learnable, activation, initializer, learnable, optimizer
from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import freeze
from numbann.components.parameter import PLAIN, Tuning
from numbann.components.registry import Entry
from numbann.errors import DeviceError, PluginError, SpecError
from numbann.network import plan
from numbann.network.description import Dense, Network
from numbann.plugins.plugin import import_file

RATE, DECAY, STEP = 0.1, 0.25, 0.5


@initializer
def spread(shape, random):
    """Spread: evenly between 0.5 and 1.5."""
    return random.uniform(0.5, 1.5, shape)


@activation
def dynamic_tanh(z, alpha: Annotated[float, learnable(shared=True)] = 0.5, gamma: Learnable = 1.0, beta: Learnable = 0):
    """Dynamic tanh: gamma tanh(alpha z) + beta.  Zhu, Chen, He, LeCun and Liu 2025, arXiv:2503.10622."""
    return gamma * tanh(alpha * z) + beta


@activation
def snake(z, frequency: Annotated[float, learnable(start=spread)] = 1.0):
    """Snake: z + sin(frequency z)^2 / frequency.  Liu, Hartwig and Ueda 2020, arXiv:2006.08195."""
    return z + sin(frequency * z) ** 2 / frequency


@activation
def slow(z, alpha: Annotated[float, learnable(rate=RATE, decay=0.0)] = 0.25, both: Learnable = 1.0):
    """Slow: alpha z below 0, else both z; alpha at a tenth of the rate, without decay."""
    return alpha * z if z < 0 else both * z


@activation(name="slow")
def quick(z, alpha: Learnable = 0.25, both: Learnable = 1.0):
    """Quick: the same, all at one rate."""
    return alpha * z if z < 0 else both * z


@activation
def bounded(z, alpha: Annotated[float, learnable(shared=True, low=0.88, high=0.95)] = 0.9, shift: Learnable = 0.0):
    """Bounded: a mean of z and tanh(z), weighted by alpha."""
    return alpha * z + (1 - alpha) * tanh(z) + shift


@optimizer(form="matrix")
def plain(w, g, learning_rate: float = 0.1):
    """Plain: w - learning_rate g."""
    w -= learning_rate * g


def registry_of(*functions: Any) -> Any:
    registry = built_in().copy()
    for function in functions:
        registry.register(freeze(function), Origin("a test", "", ""))
    return registry


# ---- one a layer


def test_gradients_of_shared_numbers() -> None:
    made = make_plan([3, 70, 5, 2], "dynamic_tanh", registry=registry_of(dynamic_tanh))
    assert [made.tensors[f"layers.0.activation.{name}"] for name in ("alpha", "gamma", "beta")] == [(1,), (70,), (70,)]
    check_gradient(made)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2300)])
@pytest.mark.parametrize("extra", [{}, {"clip_norm": 0.1, "average": 0.9}], ids=["", "clipped"])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, dtype: str, extra: dict[str, Any]) -> None:
    made = make_plan(
        [70, 200, 70, 5], "dynamic_tanh", "mse", "adam", registry=registry_of(dynamic_tanh), batch=batch, dtype=dtype,
        **extra,
    )  # fmt: skip
    assert train_alike(made, rows)["layers.1.activation.alpha"] != 0.5


# ---- a rate, a decay, bounds


def moved(function: Any, name: str, rows: int, **options: Any) -> dict[str, np.ndarray]:
    """What a step of descent takes off each tensor."""
    registry = registry_of(function, plain)
    made = make_plan([4, 70, 3], name, "mse", registry=registry, optimizers=registry, weight_decay=DECAY, **options)
    engine, _, _ = make_engine(made, rows)
    with engine:
        before = engine.parameters()
        engine.epoch(0, np.full(1, STEP))
        after = engine.parameters()
    return {tensor: before[tensor] - after[tensor] for tensor in before}


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (9, {}),
        (1030, {}),
        (9, {"clip_norm": 0.01}),
        (9, {"input_scale": True}),
        (9, {"optimizer": "plain"}),
    ],
    ids=["at once", "by groups", "clipped", "stored", "in Python"],
)
def test_a_rate_and_a_decay_of_its_own(rows: int, options: dict[str, Any]) -> None:
    """In every way in which a gradient reaches the optimizer; all other tensors move as before."""
    one, other = moved(slow, "slow", rows, **options), moved(quick, "slow", rows, **options)
    key = "layers.0.activation.alpha"
    np.testing.assert_allclose(one.pop(key), RATE * (other.pop(key) - STEP * DECAY * 0.25), rtol=1e-12, atol=1e-15)
    assert same_tensors(one, other)


def test_how_many_ways_there_are() -> None:
    made = make_plan([4, 7, 7, 3], "slow", registry=registry_of(slow))
    assert made.tunings == [PLAIN, Tuning(rate=RATE, decay=0.0)]
    assert make_plan([4, 7, 3], "prelu").tunings == [PLAIN]


@optimizer(predicts="ahead")
def leaping(w, g, ahead, learning_rate: float = 0.1):
    """Leaping: descent, of which twice the step predicts."""
    return w - learning_rate * g, w - 2 * learning_rate * g


@optimizer(form="matrix", predicts="ahead")
def leaping_matrices(w, g, ahead, learning_rate: float = 0.1):
    """Leaping: the same on matrices."""
    ahead[:] = w - 2 * learning_rate * g
    w -= learning_rate * g


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clip_norm": 5.0, "average": 0.5},
        {"optimizer": "plain", "average": 0.5},
        {"optimizer": "leaping"},
        {"optimizer": "leaping_matrices"},
    ],
)
def test_bounds_hold_after_each_step(options: dict[str, Any]) -> None:
    registry = registry_of(bounded, plain, leaping, leaping_matrices)
    made = make_plan([4, 70, 3], "bounded", "mse", registry=registry, optimizers=registry, batch=3, **options)
    engine, x, t = make_engine(made, 30)
    seen = []
    with engine:
        engine.load_data(x, 4 * t)
        for k in range(6):
            engine.epoch(k, np.full(10, 0.02))
            tensors = {**engine.parameters(), **engine.state()}
            seen += [tensors[name].item() for name in tensors if "alpha" in name]
    assert min(seen) < 0.8805
    assert all(0.88 <= value <= 0.95 for value in seen), seen


# ---- a start


def test_an_initializer_draws_the_start() -> None:
    registry = registry_of(snake)
    made = make_plan([4, 70, 30, 3], "snake", registry=registry)
    engine, _, _ = make_engine(made, 5)
    with engine:
        drawn = [engine.parameters()[f"layers.{k}.activation.frequency"] for k in (0, 1)]
        engine.initialize(made.seed)
        assert np.array_equal(engine.parameters()["layers.0.activation.frequency"], drawn[0])
    assert 0.5 <= drawn[0].min() < 0.7 < 1.3 < drawn[0].max() <= 1.5
    assert not np.array_equal(drawn[0][:30], drawn[1])
    dense = Dense(7, registry.configured("activation", "snake", frequency=2.0))
    network = Network(inputs=3, layers=(dense,), loss=made.loss, optimizer=made.optimizer)
    (vector,) = plan.build(network).vectors
    assert (vector.init, vector.start) == (None, 2.0)  # a number that is given takes its place


@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0, "average": 0.9}, {"optimizer": "plain"}])
def test_what_divides_by_a_trained_number(options: dict[str, Any]) -> None:
    """Rows are padded to whole vectors, and so are the numbers of their units: no 0 there makes weights NaN."""
    registry = registry_of(snake, plain)
    options = {"optimizer": "adam", **options}
    made = make_plan([4, 5, 3], "snake", "mse", registry=registry, optimizers=registry, dtype="float32", **options)
    engine, _, _ = make_engine(made, 9)
    with engine:
        for k in range(3):
            engine.epoch(k, np.full(1, 0.01))
            assert engine.is_finite()


# ---- what is refused


def test_marks_that_are_wrong() -> None:
    def declared(mark: Any, default: float = 0.5) -> Any:
        def wrong(z, alpha=default):
            return alpha * z

        wrong.__annotations__["alpha"] = Annotated[float, mark]
        return activation(wrong)

    for mark, told in (
        (learnable(low=1), "alpha = 0.5 is not between its bounds, 1 and inf"),
        (learnable(rate=-1), "rate and decay are numbers of at least 0"),
        (learnable(decay=-1.0), "rate and decay are numbers of at least 0"),
        (learnable(start=sin), "start is a function that is decorated with @initializer"),
    ):
        with pytest.raises(PluginError, match=told):
            freeze(declared(mark))
    assert freeze(declared(learnable)).learnable == ("alpha",)  # without parentheses, too


PLUGIN = '''
from math import tanh
from typing import Annotated

from numbann import activation, hookimpl, initializer, learnable


@initializer
def near_half(shape, random):
    return random.uniform(0.4, 0.6, shape)


@activation
def mixed(z, alpha: Annotated[float, learnable(shared=True, rate=0.5, decay=0.0, low=0, high=1, start=near_half)] = .5):
    """Mixed: alpha z + (1 - alpha) tanh(z)."""
    return alpha * z + (1 - alpha) * tanh(z)


@hookimpl
def numbann_register(register):
    register(mixed)
'''


def test_in_a_run(write_spec: Callable[..., Path], here: Path) -> None:
    """Trained at once and with a pause it is the same; the model has its source, show tells how it is trained."""
    (here / "mixed.py").write_text(PLUGIN)
    model = {"layers": [{"units": 8, "activation": "mixed"}]}
    spec = write_spec(model=model, plugins=["mixed.py"])
    whole = numbann.train(spec, output="whole")
    part = numbann.train(write_spec(model=model, plugins=["mixed.py"], train={"epochs": 2}), output="part")
    part = numbann.resume(part.path, epochs=4, plugins=["mixed.py"])
    one, other = numbann.load(whole.path, plugins=["mixed.py"]), numbann.load(part.path, trust=True)
    assert same_tensors(one.tensors, other.tensors)
    assert one.tensors["layers.0.activation.alpha"].shape == (1,)
    origin = Origin("mixed.py", "", "")
    shown = page(Entry(freeze(import_file(here / "mixed.py").mixed), origin))
    assert (
        "alpha = 0.5  (a number, at least 0, at most 1, trained, one for the layer, 0.5 times the learning rate, "
        "weight decay 0, start by near_half)"
    ) in re.sub(r"\n +", " ", shown)
    given = json.loads(spec.read_text()) | {
        "model": {"layers": [{"units": 8, "activation": {"type": "mixed", "alpha": 2}}]}
    }
    with pytest.raises(SpecError, match="at most 1"):
        numbann.train(given)
    with pytest.raises(SpecError, match="lbfgs moves all numbers at once, and alpha has a way of its own"):
        numbann.train(json.loads(spec.read_text()) | {"optimizer": "lbfgs", "train": {}})
    on_a_gpu = json.loads(spec.read_text()) | {"train": {"device": "cuda"}}
    with pytest.raises(SpecError, match=r'"cuda" does not do alpha of mixed\.py:mixed; give train\.device "cpu"'):
        numbann.train(on_a_gpu)


def test_a_gpu_refuses_them() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine import stages

    for function in (dynamic_tanh, slow, bounded):
        made = make_plan([3, 4, 2], function.__name__, registry=registry_of(function))
        with pytest.raises(DeviceError, match=r"layers\.0\.activation\.alpha: a number that units share"):
            stages.require(made)
    stages.require(make_plan([3, 4, 2], "snake", registry=registry_of(snake)))
