"""Dead and saturated units, vanishing and exploding gradients: how they are found, and runs that suffer from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from math import exp, inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import reference
from networks import make_plan

import numbann
from numbann.components.built_in import built_in
from numbann.components.declare import activation, freeze
from numbann.data import memory
from numbann.errors import TrainingError
from numbann.training.callbacks import EpochEnded, Event, Warned
from numbann.training.diagnostics import Watcher, character, measure_layers

WriteSpec = Callable[..., Path]
ON = {"diagnostics": True}


# ---- measuring


def facts(slopes: np.ndarray | None, inputs: int = 3, outputs: int = 4) -> SimpleNamespace:
    return SimpleNamespace(slopes=slopes, dw=np.full((inputs, outputs), 2.0), db=np.ones(outputs))


def test_a_unit_is_dead_if_no_row_moves_it() -> None:
    slopes = np.ones((100, 4), np.float32)
    slopes[:, 0] = 0
    slopes[:99, 1] = 0
    (record,) = measure_layers(make_plan([3, 4], output="relu"), [facts(slopes)])
    assert record == {"layer": 1, "dead": 0.25, "saturated": None, "gradient_norm": pytest.approx((12 * 4 + 4) ** 0.5)}


def test_a_unit_is_saturated_if_it_is_flat_for_nearly_every_row() -> None:
    slopes = np.full((100, 4), 0.02)  # above a twentieth of the sigmoid's 1/4
    slopes[:, 0] = 0.01
    slopes[:95, 1] = -0.01
    slopes[:90, 2] = 0.0
    (record,) = measure_layers(make_plan([3, 4], output="sigmoid"), [facts(slopes)])
    assert (record["dead"], record["saturated"]) == (None, 0.5)


NAMES = [entry.component.name for entry in built_in().entries("activation") if entry.component.form != "row"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "identity"])
def test_which_activations_can_die_or_saturate(name: str) -> None:
    """One dies where its twin is flat over a stretch, and saturates where that is nearly flat far out on both sides."""

    def slope(*z: float) -> np.ndarray:
        place = np.array(z)
        return np.abs(getattr(reference, f"{name}_backward")(1.0, place, getattr(reference, name)(place)))

    near, far = slope(*np.linspace(-8, 8, 65)), slope(-100, 100)
    (record,) = measure_layers(make_plan([3, 4], output=name), [facts(np.ones((5, 4)))])
    assert (record["dead"] is not None) == ((near == 0).sum() > 1)
    assert (record["saturated"] is not None) == (far.max() < near.max() / 20)


def test_relu_dies_and_tanh_saturates() -> None:
    found = {name: character(built_in().get("activation", name), ()) for name in ("relu", "tanh", "relu6", "sine")}
    assert {name for name, (dies, _) in found.items() if dies} == {"relu", "relu6"}
    assert {name for name, (_, flat) in found.items() if flat} == {"tanh", "relu6"}


def test_an_activation_that_overflows_in_plain_python() -> None:
    @activation
    def steep(z, beta: float = 1.0):
        """Steep: a = 1 / (1 + exp(-beta z))."""
        return 1 / (1 + exp(-beta * z))

    @steep.derivative
    def steep_derivative(z, a, beta):
        return beta * a * (1 - a)

    component = freeze(steep)
    assert character(component, (("beta", 1.0),)) == (False, pytest.approx(0.05 / 4))
    assert character(component, (("beta", 100.0),)) == (True, None)  # no float holds exp(1000)


def test_a_row_activation_has_a_gradient_alone() -> None:
    (record,) = measure_layers(make_plan([3, 4], output="softmax"), [facts(None)])
    assert (record["dead"], record["saturated"]) == (None, None)
    assert record["gradient_norm"] > 0


# ---- judging


def records(dead: float | None = None, saturated: float | None = None, *norms: float | None) -> list[dict[str, Any]]:
    first, *others = norms or (1.0, 1.0)
    rest = [
        {"layer": number, "dead": None, "saturated": None, "gradient_norm": norm}
        for number, norm in enumerate(others, start=2)
    ]
    return [{"layer": 1, "dead": dead, "saturated": saturated, "gradient_norm": first}, *rest]


def watcher() -> Watcher:
    return Watcher(make_plan([3, 4, 4], "relu"), ["relu", "identity"], records())


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (records(0.5, 0.5), []),
        (records(0.6, None), [("dead", 1)]),
        (records(None, 0.6), [("saturated", 1)]),
        (records(0.6, 0.6), [("dead", 1)]),
        (records(None, None, 1e-5, 1.0), [("vanishing", 1)]),
        (records(0.6, None, 0.0, 1.0), [("dead", 1)]),
        (records(None, None, 1.0, 1e4), [("exploding", 2)]),
        (records(None, None, 999.0, 999.0), []),
        (records(None, None, nan, 1.0), [("exploding", 1)]),
        (records(None, None, inf, None), [("exploding", 1), ("exploding", 2)]),
        (records(None, None, 0.0, 0.0), []),
    ],
)
def test_what_is_found(seen: list[dict[str, Any]], kinds: list[tuple[str, int]]) -> None:
    one = watcher()
    assert [(finding.kind, finding.layer) for finding in one.new(seen)] == kinds
    assert one.new(seen) == []


def test_a_finding_names_layer_and_remedy() -> None:
    (finding,) = watcher().new(records(0.71, None))
    assert finding.text.startswith("layer 1 (relu): 71% of its units are dead")
    for remedy in ("optimizer.learning_rate", "leaky_relu", "model.layers[0].activation", "he_normal"):
        assert remedy in finding.text


# ---- runs


def trained(spec: Any, **changes: Any) -> tuple[list[Warned], list[dict[str, Any]]]:
    """The warnings of a run and its diagnostics, also if it ends in an error."""
    events: list[Event] = []
    with suppress(TrainingError):
        numbann.train(spec, callbacks=[events.append], **changes)
    ended = [event.record for event in events if isinstance(event, EpochEnded)]
    return [event for event in events if isinstance(event, Warned)], [record["diagnostics"] for record in ended]


def kinds(warnings: list[Warned]) -> set[tuple[str, int]]:
    return {(warning.kind, warning.layer) for warning in warnings}


def test_a_sound_run_warns_of_nothing(write_spec: WriteSpec) -> None:
    layers = [{"units": 16, "activation": name} for name in ("relu", "tanh")]
    warnings, found = trained(write_spec(model={"layers": layers}, train=ON))
    assert warnings == []
    (first, second, last) = found[-1]
    assert list(first) == ["layer", "dead", "saturated", "gradient_norm"]
    assert [layer["layer"] for layer in found[-1]] == [1, 2, 3]
    assert 0 <= first["dead"] <= 0.5
    assert (first["saturated"], second["dead"], last["dead"], last["saturated"]) == (None, None, None, None)
    assert all(layer["gradient_norm"] > 0 for layer in found[-1])


def test_units_die_of_a_huge_rate(write_spec: WriteSpec) -> None:
    model = {"layers": [{"units": 32, "activation": "relu"}] * 2}
    warnings, _ = trained(write_spec(model=model, optimizer={"type": "sgd", "learning_rate": 30.0}, train=ON))
    assert "dead" in {warning.kind for warning in warnings}
    (text, *_) = (warning.text for warning in warnings if warning.kind == "dead")
    assert "(relu): " in text
    assert "smaller optimizer.learning_rate" in text


def test_units_saturate_from_large_weights(write_spec: WriteSpec) -> None:
    layer = {"units": 32, "activation": "sigmoid", "init": {"type": "normal", "deviation": 100.0}}
    warnings, _ = trained(write_spec(model={"layers": [layer]}, train=ON))
    assert kinds(warnings) == {("saturated", 1)}


def test_gradients_vanish_in_deep_sigmoids(write_spec: WriteSpec) -> None:
    model = {"layers": [{"units": 16, "activation": "sigmoid"}] * 8}
    warnings, _ = trained(write_spec(model=model, train=ON))
    assert ("vanishing", 1) in kinds(warnings)


def test_gradients_explode_at_a_rate_that_is_too_large(write_spec: WriteSpec) -> None:
    data = {"target": "sum", "drop": ["colour"], "task": "regression"}
    spec = write_spec(data=data, model={"layers": []}, optimizer={"type": "sgd", "learning_rate": 1.5}, train=ON)
    warnings, _ = trained(spec)
    assert ("exploding", 1) in kinds(warnings)
    assert "train.clip_norm" in warnings[0].text


def test_gradients_explode_from_large_weights(write_spec: WriteSpec) -> None:
    """The loss is no number after the first epoch: the warning comes before the error."""
    layers = [{"units": 16, "activation": "relu", "init": {"type": "normal", "deviation": 1e8}}] * 6
    warnings, found = trained(write_spec(model={"layers": layers}, train=ON))
    assert found == []
    assert "exploding" in {warning.kind for warning in warnings}


def test_each_is_told_once_also_after_a_resume(write_spec: WriteSpec) -> None:
    layer = {"units": 32, "activation": "sigmoid", "init": {"type": "normal", "deviation": 100.0}}
    spec = write_spec(model={"layers": [layer]}, train=ON)
    warnings, _ = trained(spec, output="out")
    assert [(warning.epoch, warning.kind) for warning in warnings] == [(1, "saturated")]
    events: list[Event] = []
    numbann.resume("out", epochs=6, callbacks=[events.append])
    assert not any(isinstance(event, Warned) for event in events)
    whole = numbann.train(spec, output="whole", overrides={"train.epochs": 6})
    lines = [json.loads(line) for line in Path("out/history.jsonl").read_text().splitlines()]
    assert [line["diagnostics"] for line in lines] == [record["diagnostics"] for record in whole.history]


def test_no_bit_of_the_model_changes(write_spec: WriteSpec) -> None:
    on, off = (numbann.train(write_spec(train={"diagnostics": wanted})) for wanted in (True, False))
    assert "diagnostics" in on.history[0]
    assert "diagnostics" not in off.history[0]
    assert (on.path / "model.safetensors").read_bytes() == (off.path / "model.safetensors").read_bytes()


def test_rows_that_stay_in_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    np.save("x.npy", random.standard_normal((1500, 5)).astype(np.float32))
    np.save("y.npy", random.integers(0, 3, 1500))
    spec = {
        "data": {"path": {"x": "x.npy", "y": "y.npy"}},
        "model": {"layers": [{"units": 8}]},
        "train": {"epochs": 2, "diagnostics": True},
    }
    _, whole = trained(spec)
    monkeypatch.setattr(memory, "SHARE", 0)
    _, streamed = trained(spec)
    assert whole == streamed
