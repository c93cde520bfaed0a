"""The engine for CUDA, on a GPU or in its simulator, against the engine for the CPU: the same numbers, to rounding."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from column_major import stand_in
from networks import make_data, make_plan, same_tensors, set_weights, weights_of

import numbann
from numbann.components.component import Configured, Origin
from numbann.components.declare import freeze, initializer, optimizer
from numbann.components.registry import Registry
from numbann.cuda.engine import table
from numbann.cuda.engine.steps import Builder
from numbann.cuda.threads import device, fused_sizes, tiling
from numbann.cuda.threads.device import SIMULATED, cuda
from numbann.engine.cpu.engine import Engine
from numbann.engine.devices import make_engine
from numbann.engine.shared import report
from numbann.engine.shared.hyperparameters import hyper_width
from numbann.errors import DeviceError
from numbann.network.plan import Plan

pytestmark = [
    pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy in the simulator: integers that wrap around
]
NEEDS_SIMULATOR = pytest.mark.skipif(not SIMULATED, reason="needs the simulator, whose arrays are NumPy's")
ROWS, BATCH = 7, 4
EXACT = {"float32": {"rtol": 1e-4, "atol": 2e-6}, "float64": {"rtol": 1e-9, "atol": 1e-12}}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of few threads, which the simulator runs one by one."""
    if SIMULATED:
        monkeypatch.setattr(tiling, "TILES", (tiling.Tile(8, 8, 8, 2, 2),))


def trained(engine: Any, weighted: bool = False, epochs: int = 1) -> dict[str, Any]:
    """Losses, predictions, weights and states after some epochs."""
    plan = engine.plan
    x, t = make_data(plan, ROWS)
    weight = np.linspace(0, 2, ROWS) if weighted else None
    engine.initialize(plan.seed)
    engine.load_data(x, t, weight)
    rates = np.linspace(0.05, 0.1, -(-ROWS // plan.batch_rows(ROWS)))
    losses = [engine.epoch(index, rates) for index in range(epochs)]
    loss, outputs = engine.evaluate(x, t, weight)
    measured = {"losses": np.array([*losses, *engine.step_losses(), loss]), "outputs": outputs}
    return measured | engine.parameters() | engine.state()


def same(found: dict[str, Any], expected: dict[str, Any], dtype: str) -> None:
    """Whether all of it agrees."""
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], err_msg=name, **EXACT[dtype])
        assert array.dtype == expected[name].dtype


@optimizer(predicts="mean")
def averaged(w, g, mean, m, batch_size, learning_rate=0.1):
    """Averaged: descent whose averaged weights predict, along the sum of the rows' gradients."""
    m = 0.5 * m + batch_size * g
    w = w - learning_rate * m
    return w, 0.5 * mean + 0.5 * w, m


OPTIMIZERS = Registry()
OPTIMIZERS.register(averaged, Origin("test", "", "test"))

CASES: dict[str, dict[str, Any]] = {
    "sgd, all rows": {"sizes": (3, 5, 2), "batch": None},
    "adam, classes": {"sizes": (3, 9, 3), "loss": "softmax_cross_entropy", "optimizer": "adam"},
    "no hidden layer": {"sizes": (10, 1), "loss": "huber"},
    "float32": {"sizes": (3, 5, 4, 2), "activation": "gelu", "optimizer": "adamw", "dtype": "float32"},
    "weights": {"sizes": (3, 4, 2), "weighted": True},
    "weights of classes": {"sizes": (3, 4, 3), "loss": "softmax_cross_entropy", "weighted": True},
    "layer norm, residual": {"sizes": (3, 5, 5, 2), "between": [{"norm": "layer"}, {"residual": True}]},
    "residual at the input": {"sizes": (5, 5, 5, 2), "between": [{"residual": True}, {"residual": True}]},
    "batch norm, dropout": {"sizes": (3, 5, 2), "between": [{"norm": "batch", "dropout": 0.4}]},
    "alpha dropout": {
        "sizes": (3, 5, 2),
        "activation": "selu",
        "between": [{"alpha_dropout": 0.3}],
        "dtype": "float32",
    },
    "noise": {"sizes": (3, 5, 2), "activation": "rrelu"},
    "trained activation, average": {"sizes": (3, 5, 2), "activation": "prelu", "average": 0.9, "optimizer": "adam"},
    "trained blend": {"sizes": (3, 5, 2), "activation": "mish", "blend": True, "optimizer": "adam"},
    "norm and trained activation": {"sizes": (3, 5, 2), "activation": "prelu", "between": [{"norm": "layer"}]},
    "rows": {"sizes": (3, 5, 3), "activation": "softmax", "output": "softmax", "between": [{"dropout": 0.4}]},
    "rows after a norm": {
        "sizes": (3, 4, 3),
        "activation": "softmax",
        "between": [{"norm": "layer", "residual": False}],
    },
    "means and variances": {"sizes": (3, 5, 4), "loss": "gaussian_nll"},
    "ordered classes": {"sizes": (3, 5, 3), "loss": "corn"},
    "columns of unequal roles": {"sizes": (3, 5, 2), "loss": "weibull"},
    "output activation": {"sizes": (3, 4, 2), "output": "tanh"},
    "a state predicts": {"sizes": (3, 4, 2), "optimizer": "averaged", "optimizers": OPTIMIZERS},
    "clipped": {"sizes": (3, 4, 2), "clip_norm": 0.1, "clip_value": 0.05, "l1": 0.01, "weight_decay": 0.1},
}


FUSED = ("adam, classes", "float32", "weights of classes", "residual at the input", "noise", "clipped")
FUSED += ("trained activation, average", "alpha dropout", "output activation", "no hidden layer")
BOTH = ("adam, classes", "trained activation, average", "clipped")


def plan_of(case: dict[str, Any]) -> Plan:
    return make_plan(**{"batch": BATCH, "seed": 3, **{key: case[key] for key in case if key != "weighted"}})


@pytest.mark.parametrize("name", [name for name in CASES if name not in FUSED or name in BOTH])
def test_training_as_on_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_sizes, "WIDEST", 0)
    compare(name)


@pytest.mark.parametrize("name", FUSED)
def test_a_whole_network_in_a_kernel(name: str) -> None:
    compare(name)


def test_weights_that_a_sample_decides_are_those_of_the_cpu() -> None:
    @initializer
    def unit_variance(shape, random, x):
        w = random.standard_normal(shape)
        return w / (x @ w).std(0)

    chosen = Configured(freeze(unit_variance), {})
    plan = plan_of({"sizes": (3, 5, 2), "between": [{"init": chosen, "norm": "batch"}, {"init": chosen}]})
    found = []
    for engine in (make_engine(plan, "cuda"), Engine(plan, 1)):
        engine.load_data(*make_data(plan, ROWS))
        engine.initialize(0)
        found.append(engine.parameters())
    assert same_tensors(*found)


def compare(name: str) -> None:
    plan, weighted = plan_of(CASES[name]), CASES[name].get("weighted", False)
    with make_engine(plan, "cuda") as engine:
        found = trained(engine, weighted)
    same(found, trained(Engine(plan, 1), weighted), plan.dtype)


@pytest.mark.parametrize(("widest", "sizes", "launches"), [(8, (13, 5, 3), 4), (8, (13, 3), 4), (0, (13, 5, 3), 11)])
def test_products_in_slices(
    widest: int, sizes: tuple[int, ...], launches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first layer's product alone before the kernel of all else, or every product; the last batch has 2 rows."""
    monkeypatch.setattr(fused_sizes, "WIDEST", widest)
    monkeypatch.setattr(tiling, "TILES", (tiling.Tile(8, 8, 2, 2, 2),))
    monkeypatch.setattr(tiling, "LAUNCH", 0)
    monkeypatch.setattr(device, "processors", lambda: 8)
    made: dict[str, Any] = {"sizes": sizes, "loss": "softmax_cross_entropy", "optimizer": "adam"}
    plan = plan_of({**made, "batch": 5, "between": [{"dropout": 0.3}][: len(sizes) - 2]})
    steps = Builder(plan, 5, True, 8).train(2, np.zeros((2, hyper_width(plan))), False)
    assert len(steps.launches) == launches
    assert max(launch.grid[2] for launch in steps.launches if len(launch.grid) == 3) > 1
    same(trained(make_engine(plan, "cuda")), trained(Engine(plan, 1)), plan.dtype)


def test_weights_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the kernel of a whole network: not all weights of a product lie in shared memory at once."""
    monkeypatch.setattr(fused_sizes, "SLICE", {"float64": 3 * 9})
    plan = plan_of({"sizes": (6, 9, 7, 2), "batch": 5})
    same(trained(make_engine(plan, "cuda")), trained(Engine(plan, 1)), plan.dtype)


def test_steps_of_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the simulator the graph is its launches; the count of steps goes on in it, and the last ones have one too."""
    monkeypatch.setattr(table, "GRAPH_STEPS", 2)
    plan = plan_of({"sizes": (3, 4, 2), "batch": 1, "optimizer": "adam", "between": [{"dropout": 0.3}]})
    same(trained(make_engine(plan, "cuda")), trained(Engine(plan, 1)), plan.dtype)


class Stopped(Exception):
    """Ends an epoch."""


@pytest.mark.parametrize("cublas", [False, pytest.param(True, marks=NEEDS_SIMULATOR)])
@pytest.mark.parametrize("first", [1, 3, 5, 9])
def test_an_epoch_goes_on_from_any_step(monkeypatch: pytest.MonkeyPatch, first: int, cublas: bool) -> None:
    """Also in the midst of a graph, where what is left of it is launched step by step; the last batch is smaller."""
    if cublas:
        monkeypatch.setattr(fused_sizes, "WIDEST", 0)
        stand_in(monkeypatch)
    monkeypatch.setattr(report, "SECONDS", 0)
    plan = plan_of({"sizes": (3, 4, 2), "batch": 2, "optimizer": "adam", "between": [{"dropout": 0.3}]})
    (x, t), rates = make_data(plan, 17), np.linspace(0.05, 0.1, 9)

    def loaded(graph: int) -> Any:
        monkeypatch.setattr(table, "GRAPH_STEPS", graph)
        engine = make_engine(plan, "cuda")
        engine.initialize(plan.seed)
        engine.load_data(x, t)
        return engine

    def stop(done: int, steps: int) -> None:
        if done == first:
            raise Stopped

    whole, begun, after = loaded(3), loaded(1), loaded(3)
    loss = whole.epoch(0, rates)
    with pytest.raises(Stopped):
        begun.epoch(0, rates, stop)
    assert begun.steps_done == len(begun.step_losses()) == first
    after.set_parameters(begun.parameters())
    after.restore(begun.state())
    for engine in (after, begun):
        assert engine.epoch(0, rates, None, begun.step_losses().copy()) == loss
        assert engine.steps_done == 9
        np.testing.assert_array_equal(engine.step_losses(), whole.step_losses())
        for name, tensor in {**whole.parameters(), **whole.state()}.items():
            np.testing.assert_array_equal({**engine.parameters(), **engine.state()}[name], tensor, err_msg=name)


def test_weights_that_are_not_finite_are_seen() -> None:
    engine = make_engine(plan_of({"sizes": (3, 4, 2)}), "cuda")
    engine.initialize(0)
    assert engine.is_finite()
    weights = [engine.parameters()[f"layers.{k}.weight"] for k in range(2)]
    assert engine.squares() == pytest.approx(sum((w * w).sum() for w in weights), rel=1e-6)
    engine.set_parameters({**engine.parameters(), "layers.1.bias": np.array([1.0, np.inf])})
    assert not engine.is_finite()


LIBRARY = ("residual at the input", "norm and trained activation", "alpha dropout", "rows", "clipped")


@pytest.mark.skipif(not SIMULATED, reason="needs the simulator, whose arrays are NumPy's")
@pytest.mark.parametrize("name", LIBRARY)
def test_products_by_cublas(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All products in the first steps of a graph, then the last batch, which is smaller, and inference."""
    monkeypatch.setattr(fused_sizes, "WIDEST", 0)
    monkeypatch.setattr(table, "GRAPH_STEPS", 1)
    twin = stand_in(monkeypatch)
    compare(name)
    outputs, rows = 5, ROWS - BATCH  # of the residual network's layers
    assert name != "residual at the input" or (outputs, outputs, rows) in twin.sizes  # the gradient of a smaller batch


@pytest.mark.skipif(not SIMULATED, reason="needs the simulator, whose arrays are NumPy's")
def test_large_products_by_cublas_beside_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_sizes, "WIDEST", 0)
    twin = stand_in(monkeypatch, least=2 * BATCH * 5 * 6)
    plan = plan_of({"sizes": (6, 5, 5, 2), "optimizer": "adam", "activation": "relu"})
    with make_engine(plan, "cuda") as engine:
        found = trained(engine)
        first, inference = {(5, rows, 6) for rows in (4, 3, 7)}, {(5, 7, 5)}
        assert set(twin.sizes) == first | {(5, 6, 4), (5, 6, 3)} | inference
    same(found, trained(Engine(plan, 1)), plan.dtype)


def test_training_in_every_thread() -> None:
    """cuda-core asks each thread for its device, and what fails there would only be a warning."""
    plan, losses = plan_of({"sizes": (3, 2)}), []
    for _ in range(2):
        thread = threading.Thread(target=lambda: losses.append(trained(make_engine(plan, "cuda"))["losses"]))
        thread.start()
        thread.join()
    np.testing.assert_array_equal(*losses)


def test_states_move_between_devices() -> None:
    plan = plan_of(CASES["trained activation, average"])
    expected = trained(Engine(plan, 1), epochs=3)
    x, t = make_data(plan, ROWS)
    state, parameters = {}, {}
    for index, name in enumerate(("cpu", "cuda", "cpu")):
        engine = make_engine(plan, name)
        engine.load_data(x, t)
        if index == 0:
            engine.initialize(plan.seed)
        else:
            engine.set_parameters(parameters)
            engine.restore(state)
        engine.epoch(index, np.linspace(0.05, 0.1, 2))
        state, parameters = engine.state(), engine.parameters()
    assert int(state["steps"][0]) == 6
    for key, array in {**state, **parameters}.items():
        np.testing.assert_allclose(array, expected[key], rtol=1e-9, atol=1e-12)


def test_weights_and_predictions() -> None:
    plan = plan_of({"sizes": (3, 4, 3), "loss": "softmax_cross_entropy"})
    engine, twin = make_engine(plan, "cuda"), Engine(plan, 1)
    engine.initialize(1)
    set_weights(twin, weights_of(engine))
    set_weights(engine, [(2 * w, b + 1) for w, b in weights_of(twin)])
    set_weights(twin, [(2 * w, b + 1) for w, b in weights_of(twin)])
    for rows in (0, 1, 5):
        x = np.random.default_rng(rows).standard_normal((rows, 3))
        np.testing.assert_allclose(engine.predict(x), twin.predict(x), rtol=1e-12)
    assert engine.predict_raw(np.zeros((1, 3)), np.zeros(3), np.ones(3)) is None


def test_a_look_inside_is_the_cpus() -> None:
    """At the weights that training moves, not at their average."""
    plan = plan_of(CASES["trained activation, average"])
    x, t = make_data(plan, ROWS)
    with make_engine(plan, "cuda") as engine, Engine(plan, 1) as twin:
        trained(engine)
        trained(twin)
        for weight in (None, np.linspace(0, 2, ROWS)):
            for fact, expected in zip(engine.probe(x, t, weight), twin.probe(x, t, weight), strict=True):
                for name, found in vars(fact).items():
                    wanted = getattr(expected, name)
                    assert (found is None) == (wanted is None), name
                    np.testing.assert_allclose(np.float64(found), np.float64(wanted), **EXACT[plan.dtype])


def test_more_rows_than_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from numbann.cuda.engine import engine as module

    monkeypatch.setattr(module, "INFERENCE_ROWS", 2)
    plan = plan_of(CASES["sgd, all rows"])
    engine, twin = make_engine(plan, "cuda"), Engine(plan, 1)
    engine.initialize(1)
    twin.initialize(1)
    x, t = make_data(plan, ROWS)
    (loss, outputs), (expected, rows) = engine.evaluate(x, t), twin.evaluate(x, t)
    assert loss == pytest.approx(expected)
    np.testing.assert_allclose(outputs, rows, rtol=1e-12)


def test_what_a_gpu_does_not_do() -> None:
    with pytest.raises(DeviceError, match=r'optimizer: "lamb" works on whole matrices .* give train.device "cpu"'):
        make_engine(plan_of({"sizes": (3, 2), "optimizer": "lamb"}), "cuda")
    with pytest.raises(DeviceError, match="cuda:99: there is no such GPU"):
        make_engine(plan_of({"sizes": (3, 2)}), "cuda:99")


def test_no_room_says_what_was_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError

    info = type("Info", (), {"get_memory_info": staticmethod(lambda: (2_000_000_000, 8_000_000_000))})
    monkeypatch.setattr(device, "cuda", type("Full", (), {"device_array": full, "current_context": lambda: info}))
    with pytest.raises(DeviceError, match=r"parameters need 4.00 GB, and 2.00 of the GPU's 8.00 GB are free; take"):
        device.empty(10**9, "float32", "parameters")


def test_a_run_from_a_spec(write_spec: Callable[..., Path], here: Path) -> None:
    spec = write_spec(train={"epochs": 2, "batch_size": 64, "diagnostics": True})
    twin = numbann.train(spec, output="twin", device="cpu")
    run = numbann.train(spec, output="run", device="cuda", overrides={"train.epochs": 1})
    manifest = json.loads((here / "run" / "manifest.json").read_bytes())
    assert manifest["machine"]["device"] == "cuda:0"
    assert manifest["machine"]["gpu"]
    run = numbann.resume("run", epochs=2, device="cpu")
    for one, other in zip(run.history, twin.history, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
        for facts, expected in zip(one["diagnostics"], other["diagnostics"], strict=True):
            assert facts["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-3)
    model = numbann.load("run", device="cuda")
    x = np.array([[0.0, 3.0], [3.0, 0.0]])
    np.testing.assert_allclose(model.predict_proba(x), twin.model.predict_proba(x), rtol=1e-3)
