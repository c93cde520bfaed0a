"""Wrong sweeps as people write them: each is told its place in the file, and what is meant or taken, before any trial.

A row: the sweep, what else is changed in a right spec, the place of its one fault, and words of the message.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbann.errors import SpecError, SpecFault
from numbann.spec import sweeping
from numbann.spec.loading import load, trial_of_sweep
from numbann.spec.misfits import check_without_data

RATE = "optimizer.learning_rate"
UNITS = "model.layers[*].units"
Row = tuple[dict[str, Any], dict[str, Any], str, str]


def at(path: str, rest: str = "") -> str:
    """The place of a parameter, as messages have it."""
    quoted = path if path.isidentifier() else json.dumps(path)
    return f"sweep.parameters.{quoted}{rest}"


def over(path: str, values: Any, **more: Any) -> dict[str, Any]:
    """A sweep over one key."""
    return {"parameters": {path: values}, **more}


WRONG: list[Row] = [
    # the section
    ({}, {}, "sweep.parameters", "missing; give an object of names"),
    ({"parameters": {}}, {}, "sweep.parameters", 'names no key; give one, such as {"optimizer.learning_rate"'),
    ({"parameters": [RATE]}, {}, "sweep.parameters", "is not allowed; give an object of names"),
    ({**over(RATE, [0.1]), "trials": 5}, {}, "sweep.trials", "unknown key"),
    ({**over(RATE, [0.1]), "metirc": "accuracy"}, {}, "sweep.metirc", 'did you mean "metric"?'),
    (over(RATE, [0.1], folds=0), {}, "sweep.folds", "0 is not allowed; give a whole number from 1"),
    (over(RATE, [0.1], minutes=0), {}, "sweep.minutes", "0 is not allowed; give a number above 0"),
    (over(RATE, [0.1]), {"ensemble": 3}, "ensemble", 'a sweep trains single models; leave it out ("ensemble": null)'),
    # values
    (over(RATE, 0.1), {}, at(RATE), "0.1 is not allowed; give a list of values or an object with the keys values, low"),
    (over(RATE, []), {}, at(RATE, ".values"), "[] is not allowed; give a list of values, at least one"),
    (over(RATE, {}), {}, at(RATE), "has no values; give a list of them, or a range"),
    (over(RATE, {"low": 0.1}), {}, at(RATE, ".high"), "missing; give a number"),
    (
        over(RATE, {"low": 0.1, "high": 0.01}),
        {},
        at(RATE, ".high"),
        "0.01 is not allowed; give a number above low, 0.1",
    ),
    (
        over(RATE, {"low": 0, "high": 1, "log": True}),
        {},
        at(RATE, ".low"),
        "0 is not allowed; give a number above 0, as log",
    ),
    (
        over(RATE, {"low": -1.0, "high": 1, "log": True}),
        {},
        at(RATE, ".low"),
        "-1.0 is not allowed; give a number above 0",
    ),
    (
        over(UNITS, {"low": 1.5, "high": 9, "integer": True}),
        {},
        at(UNITS, ".low"),
        "1.5 is not allowed; give a whole number",
    ),
    (over(RATE, {"values": [0.1], "log": True}), {}, at(RATE, ".log"), "is for a range, and there are values"),
    (over(RATE, {"min": 0.1, "max": 1}), {}, at(RATE, ".min"), "unknown key"),
    (over(RATE, [0.1, 0.2, 0.1]), {}, at(RATE), "0.1 is listed twice"),
    # paths
    (
        over("optimizer..rate", [0.1]),
        {},
        at("optimizer..rate"),
        "is no path of a key; write it as optimizer.learning_rate",
    ),
    (over("optimizer.lr", [0.1]), {}, at("optimizer.lr", "[0]"), 'did you mean "learning_rate"?'),
    (over("learning_rate", [0.1]), {}, at("learning_rate", "[0]"), "did you mean optimizer.learning_rate?"),
    (
        over("model.layers[3].units", [8]),
        {},
        at("model.layers[3].units"),
        "there is no [3] here: the list has 2 elements",
    ),
    (
        over("model.layer[*].units", [8]),
        {},
        at("model.layer[*].units"),
        "there is no list with elements at model.layer",
    ),
    (over("output", ["a", "b"]), {}, at("output"), "is no key of a trial: the sweep has a directory of its own"),
    (over("callbacks", [[]]), {}, at("callbacks"), "is no key of a trial: they are for the runs of single specs"),
    (over("train.threads", [1, 2]), {}, at("train.threads"), "no bit of a result depends on it"),
    (over("sweep.folds", [2, 3]), {}, at("sweep.folds"), "is no key of a trial: a trial is no sweep"),
    (
        {"parameters": {UNITS: [8], "model.layers[1].units": [9]}},
        {},
        at("model.layers[1].units"),
        'sets model.layers[1].units, which "model.layers[*].units" sets, too',
    ),
    # values that the spec refuses
    (over(UNITS, [8, 0, 16]), {}, at(UNITS, "[1]"), "0 is not allowed; give a whole number from 1"),
    (over(UNITS, {"values": [8, "9"]}), {}, at(UNITS, ".values[1]"), '"9" is not allowed; give a whole number from 1'),
    (over(UNITS, {"low": 8, "high": 64}), {}, at(UNITS), 'takes whole numbers; give "integer": true, too'),
    (
        over(UNITS, {"low": 0, "high": 64, "integer": True}),
        {},
        at(UNITS, ".low"),
        "0 is not allowed; give a whole number",
    ),
    (
        {"parameters": {"model.layers": [[8], []], UNITS: [8]}},
        {},
        at("model.layers", "[1]"),
        "with [], sweep.parameters: there is no list with elements at model.layers",
    ),
    (over("train.batch_size", ["full", "half"]), {}, at("train.batch_size", "[1]"), '"half" is not allowed'),
    (over("optimizer", ["adam", "adamm"]), {}, at("optimizer", "[1]"), 'did you mean "adam"?'),
    (
        over("optimizer", ["adam", {"type": "sgd", "beta1": 0.9}]),
        {},
        at("optimizer", "[1]"),
        "optimizer.beta1: unknown key",
    ),
    (
        over("model.dropout", [0.0, 0.5]),
        {"optimizer": "lbfgs"},
        at("model.dropout", "[1]"),
        "with 0.5, model.layers[0].dropout: lbfgs needs the same loss each time",
    ),
    # the search
    (over(RATE, [0.1], search="bayes"), {}, "sweep.search.type", '"bayes" is not allowed; give "random", "grid"'),
    (over(RATE, [0.1], search={"type": "gird"}), {}, "sweep.search.type", 'did you mean "grid"?'),
    (over(RATE, [0.1], search={"trials": 0}), {}, "sweep.search.trials", "0 is not allowed"),
    (
        over(RATE, [0.1], search={"type": "grid", "trials": 9}),
        {},
        "sweep.search.trials",
        "is for random and halving and tpe",
    ),
    (over(RATE, [0.1], search={"batch": 4}), {}, "sweep.search.batch", "is for tpe, and this is random; leave it out"),
    (over(RATE, {"low": 0.1, "high": 1}, search="grid"), {}, at(RATE), "a grid needs a list of values; give one"),
    (
        over("train.epochs", {"low": 1, "high": 10**6 + 1, "integer": True}, search="grid"),
        {},
        "sweep.search",
        "the grid has 1000001 points, more than 100000",
    ),
    (over("train.epochs", [5, 9], search="halving"), {}, at("train.epochs"), "halving itself says for how many epochs"),
    (over(RATE, [0.1, 0.2], search="halving", minutes=5), {}, "sweep.minutes", "time would cut one; leave it out"),
    (
        over(RATE, {"low": 0.1, "high": 1}, search={"type": "halving", "trials": 2}),
        {},
        "sweep.search.trials",
        "of 2 trials none can be left out; give 3 or more",
    ),
    (
        over(RATE, {"low": 0.1, "high": 1}, search={"type": "halving", "epochs": 50}),
        {},
        "sweep.search.epochs",
        "50 is not allowed; give fewer epochs than train.epochs, 50",
    ),
    # the metric
    (over(RATE, [0.1], metric="seconds"), {}, "sweep.metric", '"seconds" says nothing of a model'),
    (
        over(RATE, [0.1], metric="validation_acc"),
        {"data": {"task": "classification"}},
        "sweep.metric",
        'did you mean "validation_accuracy"?',
    ),
    (
        over(RATE, [0.1], metric="rmse"),
        {"data": {"task": "regression"}},
        "sweep.metric",
        'did you mean "validation_rmse"?',
    ),
    (
        over(RATE, [0.1]),
        {"data": {"split": {"validation": 0}}},
        "sweep.metric",
        "needs a validation part, and data.split.validation is 0",
    ),
    (over("loss", ["mse", "huber"]), {}, "sweep.metric", "losses of trials that differ in loss do not compare"),
    (over("loss.delta", [0.5]), {"loss": "huber"}, "sweep.metric", "losses of trials that differ in loss.delta"),
    (over("data.split.validation", [0.1, 0.2]), {}, at("data.split.validation"), "are measured by other rows"),
    (over("data.split", [{"test": 0.1}]), {}, at("data.split"), "leave it out, or measure by all rows"),
    (over("data.rows", [100], metric="validation_accuracy"), {}, at("data.rows"), "and do not compare"),
    (over("seed", [1, 2]), {}, at("seed"), "trials that differ in seed are measured by other rows"),
    (
        over(RATE, [0.1], folds=3),
        {"data": {"path": {"train": "wine.csv", "validation": "wine.csv"}}},
        "sweep.folds",
        "folds take the place of the validation part",
    ),
]


@pytest.fixture
def spec(folder: Path, write: Callable[..., Path]) -> Callable[..., Path]:
    """Write a spec with a sweep: spec(sweep, data={...})."""

    def written(sweep: Any, **changes: Any) -> Path:
        base: dict[str, Any] = {
            "data": {"path": "wine.csv", "target": "quality"},
            "model": {"layers": [{"units": 8}, {"units": 8}]},
        }
        for key, value in changes.items():
            base[key] = {**base.get(key, {}), **value} if isinstance(value, dict) else value
        return write({**base, "sweep": sweep})

    return written


def faults(path: Path) -> tuple[SpecFault, ...]:
    """The faults of a spec that are found without its data."""
    try:
        loaded = load(path)
        found = [loaded.source.fault(*fault) for fault in check_without_data(loaded)]
        return tuple(found)
    except SpecError as error:
        return error.faults


@pytest.mark.parametrize(
    ("sweep", "changes", "place", "words"), WRONG, ids=[f"{n} {row[2]}" for n, row in enumerate(WRONG)]
)
def test_what_is_wrong(spec: Callable[..., Path], sweep: Any, changes: dict[str, Any], place: str, words: str) -> None:
    found = faults(spec(sweep, **changes))
    assert [fault.path for fault in found][:1] == [place], found
    assert words in found[0].message
    assert {fault.path for fault in found} <= {place, at(RATE, ".max")}
    assert found[0].line is not None


def test_tpe_without_optuna(spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "find_spec", lambda name: None)
    (fault,) = faults(spec(over(RATE, [0.1], search="tpe")))
    assert (fault.path, fault.line is not None) == ("sweep.search.type", True)
    assert 'tpe needs Optuna: pip install "numbann[sweep]"; or give "random"' in fault.message


RIGHT: list[dict[str, Any]] = [
    over(RATE, {"low": 1e-4, "high": 1e-2, "log": True}),
    over(UNITS, [32, 64]),
    over("model.layers", [[8], [8, 8], []]),
    {"parameters": {"optimizer": ["adam", "sgd"], RATE: [0.1, 0.2], UNITS: [3]}, "search": "grid"},
    over("loss", ["mse", "huber"], metric="validation_rmse"),
    over("data.scale", ["standard", ["robust", "clip"]]),
    over("seed", {"low": 0, "high": 9, "integer": True}, search="grid", folds=3),
    over("model.layers[0].activation", ["relu", {"type": "elu", "alpha": 0.5}], metric="train_loss"),
    over("preset", ["plain", "tabular"]),
    over(RATE, [0.1, 0.2, 0.3], search={"type": "halving", "trials": 9, "factor": 2, "epochs": 5}),
]


@pytest.mark.parametrize("sweep", RIGHT, ids=json.dumps)
def test_what_is_right(spec: Callable[..., Path], sweep: dict[str, Any]) -> None:
    assert faults(spec(sweep, data={"task": "regression"})) == ()


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna is an extra")
def test_tpe_is_right(spec: Callable[..., Path]) -> None:
    assert faults(spec(over(RATE, [0.1], search={"type": "tpe", "batch": 4}))) == ()


def test_a_trial_is_the_spec_with_its_values(spec: Callable[..., Path]) -> None:
    loaded = load(spec({"parameters": {"optimizer": ["adam"], RATE: [0.1], UNITS: [3]}}, output="there"))
    trial = trial_of_sweep(loaded, {RATE: 0.5, "optimizer": {"type": "sgd", "momentum": 0.9}, UNITS: 7}).spec
    assert (trial.sweep, trial.output, trial.name) == (None, None, "spec")
    assert trial.optimizer.parameters["learning_rate"] == 0.5
    assert (trial.optimizer.type, trial.optimizer.parameters["momentum"]) == ("sgd", 0.9)
    assert [layer.units for layer in trial.model.layers] == [7, 7]
    assert [layer.units for layer in loaded.spec.model.layers] == [8, 8]


def test_layers_that_a_preset_fills_in(spec: Callable[..., Path], write: Callable[..., Path]) -> None:
    path = write(
        {
            "data": {"path": "wine.csv", "target": "quality", "task": "regression"},
            "preset": "tabular",
            "sweep": over("model.layers[*].units", [16, 32], metric="validation_rmse", folds=3),
        }
    )
    loaded = load(path)
    trial = trial_of_sweep(loaded, {"model.layers[*].units": 32}).spec
    assert [layer.units for layer in trial.model.layers] == [32, 32, 32]
    assert trial.preset == "tabular"
