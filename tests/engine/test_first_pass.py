"""Initializers that ask for the layer's number, and for a sample of the layer's inputs or of x w."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import make_data, make_plan, same_tensors

import numbann
from numbann.components.built_in import built_in
from numbann.components.component import Configured, Origin
from numbann.components.declare import activation, freeze, initializer
from numbann.engine.cpu import first_pass
from numbann.engine.cpu.engine import Engine
from numbann.errors import ShapeError, SpecError, TrainingError
from numbann.network.plan import Plan

ROWS, SIZES = 50, [4, 6, 6, 3]
SEEN: list[tuple[int, int, np.ndarray]] = []


@initializer
def unit_variance(shape, random, x, layer, layers):
    """Unit variance: normal, each unit's products then divided by their deviation on the sample."""
    SEEN.append((layer, layers, x))
    w = random.standard_normal(shape)
    return w / (x @ w).std(0)


@initializer
def centred(shape, z):
    """Centred: minus the mean of x w on the sample."""
    return -z.mean(0)


def plan_of(weights: Any = unit_variance, biases: Any = centred, **settings: Any) -> Plan:
    """A network whose layers start so."""
    chosen: dict[str, Any] = {"init": Configured(freeze(weights), {}), "bias_init": Configured(freeze(biases), {})}
    between = settings.pop("between", [{}] * 3)
    return make_plan(SIZES, between=[{**chosen, **one} for one in between], **settings)


def engine_of(made: Plan, threads: int = 1, x: Any = None, rows: np.ndarray | None = None) -> Engine:
    """An engine with data and initial weights."""
    SEEN.clear()
    engine = Engine(made, threads, exactly=True)
    given, t = make_data(made, ROWS)
    engine.load_data(given if x is None else x, t, None, rows)
    engine.initialize(0)
    return engine


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dtype": "float32"},
        {"input_scale": True, "activation": "relu"},
        {"between": [{"norm": "layer"}, {"residual": True, "dropout": 0.5}, {}]},
        {"between": [{"norm": "batch"}, {"norm": "batch", "residual": True}, {}], "activation": "prelu"},
        {"activation": "softmax"},
    ],
    ids=str,
)
def test_a_layer_sees_its_inputs_behind_the_initial_layers(settings: dict[str, Any]) -> None:
    with engine_of(plan_of(**settings)) as engine:
        made, tensors = engine.plan, engine.parameters()
        x, _ = make_data(made, ROWS)
        assert [(layer, layers) for layer, layers, _ in SEEN] == [(1, 3), (2, 3), (3, 3)]
        close = {"rtol": 1e-4, "atol": 1e-5} if made.dtype == "float32" else {"rtol": 1e-9, "atol": 1e-9}
        np.testing.assert_array_equal(SEEN[0][2], x)
        for k, (_, _, inputs) in enumerate(SEEN):
            assert inputs.dtype == made.dtype
            products = inputs @ tensors[f"layers.{k}.weight"]
            np.testing.assert_allclose(products.std(0), 1, **close)
            np.testing.assert_allclose((products + tensors[f"layers.{k}.bias"]).mean(0), 0, **close)
        if "between" not in settings:
            np.testing.assert_allclose(engine.predict(x), products + tensors["layers.2.bias"], **close)


def test_a_layer_behind_another_width_sees_that_width() -> None:
    @activation(form="row", width=0.5)
    def gated(z, a):
        for k in range(len(a)):
            a[k] = z[k] * z[len(a) + k]

    @gated.backward
    def gated_backward(z, da, dz):
        for k in range(len(da)):
            dz[k], dz[len(da) + k] = da[k] * z[len(da) + k], da[k] * z[k]

    registry = built_in().copy()
    registry.register(freeze(gated), Origin("test", "", "test"))
    with engine_of(plan_of(activation="gated", registry=registry)):
        assert [x.shape for _, _, x in SEEN] == [(ROWS, 4), (ROWS, 3), (ROWS, 3)]


def test_a_batch_norm_goes_by_the_sample() -> None:
    with engine_of(plan_of(between=[{"norm": "batch"}, {}, {}], activation="identity")) as engine:
        np.testing.assert_allclose(SEEN[1][2].mean(0), 0, atol=1e-9)
        np.testing.assert_allclose(SEEN[1][2].std(0), 1, rtol=1e-4)
        assert not engine.parameters()["layers.0.norm.mean"].any()


class Rows:
    """Rows that come block by block."""

    def __init__(self, x: np.ndarray) -> None:
        self._x, self.width, self.dtype = x, x.shape[1], x.dtype

    def __len__(self) -> int:
        return len(self._x)

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """The rows at these places."""
        out[:] = self._x[places]


def test_the_bits_are_the_same_for_any_threads_and_streams_and_each_time() -> None:
    made = plan_of(dtype="float32", between=[{"norm": "batch"}, {"norm": "layer"}, {}])
    with engine_of(made) as engine:
        expected = engine.parameters()
        engine.epoch(0, np.array([0.1]))
        engine.initialize(0)
        assert same_tensors(engine.parameters(), expected)
    for threads, x in ((3, None), (1, Rows(make_data(made, ROWS)[0]))):
        with engine_of(made, threads, x) as engine:
            assert same_tensors(engine.parameters(), expected)


def test_the_sample_is_of_the_training_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_pass, "ROWS", 7)
    made = plan_of()
    rows, (x, _) = np.arange(5, 40, 2), make_data(made, ROWS)
    with engine_of(made, rows=rows):
        sample = SEEN[0][2]
    places = [int(np.flatnonzero((x == row).all(1))[0]) for row in sample]
    assert len(places) == 7
    assert places == sorted(set(places))
    assert set(places) <= set(rows.tolist())


def test_without_rows_there_is_nothing_to_see() -> None:
    with Engine(plan_of(), 1) as engine, pytest.raises(RuntimeError, match="load_data comes first"):
        engine.initialize(0)


def test_the_sample_cannot_be_changed() -> None:
    @initializer
    def greedy(shape, random, x):
        x *= 2
        return random.standard_normal(shape)

    with pytest.raises(TrainingError, match=r"greedy.*read-only"):
        engine_of(plan_of(greedy))


def test_weights_cannot_ask_for_their_own_products() -> None:
    fault = 'init: "centred" asks for z = x w, which is there for biases alone; name it in bias_init'
    with pytest.raises(ShapeError, match=fault):
        plan_of(centred)


TEXT = """
from numbann import hookimpl, initializer

@initializer
def centred(shape, z):
    return -z.mean(0)

@initializer
def deeper(shape, random, x, layer, layers):
    w = random.standard_normal(shape)
    return w / (x @ w).std(0) / layer if layer < layers else 0 * w

@hookimpl
def numbann_register(register):
    register(centred)
    register(deeper)
"""


def test_a_spec_names_them(here: Path, write_spec: Callable[..., Path]) -> None:
    (here / "mine.py").write_text(TEXT)
    layers = [{"units": 8, "activation": "tanh"}]
    given = {"plugins": ["mine.py"], "model": {"layers": layers, "init": "deeper", "bias_init": "centred"}}
    runs = [numbann.train(write_spec(**given), output=name, threads=k) for k, name in enumerate(("one", "two"), 1)]
    one, two = ((run.path / "model.safetensors").read_bytes() for run in runs)
    assert one == two
    with pytest.raises(SpecError, match=r"model\.layers\[0\]\.init: mine\.py:centred asks for z = x w, which is"):
        numbann.train(write_spec(plugins=["mine.py"], model={"layers": [{"units": 8, "init": "centred"}]}))
