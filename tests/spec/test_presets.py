"""Presets fill what a spec leaves open and nothing else; what they say depends on the task and on the metric."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann.components.registry import Registry
from numbann.errors import SpecError
from numbann.spec.loading import Loaded, load
from numbann.spec.model import PRESETS, to_json
from numbann.spec.presets import PIECES, fill, filled_in
from numbann.training.callbacks import Planned
from numbann.training.folding import Folding
from numbann.training.preparation import Prepared, prepare

ROWS = [
    f"{k * 37 % 91},{k * k % 50},{'ab'[k % 2]},{k % 7}.5,{'xyz'[k % 3]},{'no' if k % 5 else 'yes'}" for k in range(200)
]

VALIDATED = {"split": {"validation": 0.2}}


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Prepared]:
    """prepared(target, **sections): a run on a table, with the preset."""
    (tmp_path / "t.csv").write_text("a,b,town,price,kind,sold\n" + "\n".join(ROWS) + "\n")

    def build(target: Any = "price", tell: Any = lambda event: None, data: Any = None, **sections: Any) -> Prepared:
        spec = {"data": {"path": str(tmp_path / "t.csv"), "target": target, **(data or {})}, "preset": "tabular"}
        return prepare({**spec, **sections}, None, tell)

    return build


def test_a_spec_of_two_lines_is_whole(prepared: Callable[..., Prepared]) -> None:
    found = prepared()
    spec = found.resolved.to_json()
    assert [(layer["units"], layer["activation"]["type"]) for layer in spec["model"]["layers"]] == [(256, "mish")] * 3
    assert (spec["data"]["scale"], spec["data"]["categories"], spec["data"]["target_clip"]) == (
        ["robust", "clip"],
        "compact",
        True,
    )
    assert (spec["optimizer"]["type"], spec["optimizer"]["beta2"], spec["schedule"]["type"]) == (
        "adamw",
        0.95,
        "log_cosine",
    )
    assert (spec["train"]["batch_size"], spec["train"]["select"]) == (64, None)
    assert (spec["data"]["split"]["validation"], list(found.dataset.parts)) == (0, ["train", "test"])
    assert "preset" not in spec


def test_the_resolved_spec_alone_gives_the_same_plan(prepared: Callable[..., Prepared]) -> None:
    found = prepared("kind")
    again = prepare(found.resolved.to_json(), None, lambda event: None)
    assert (str(again.plan), again.plan.tensors) == (str(found.plan), found.plan.tensors)
    assert again.resolved.to_json() == found.resolved.to_json()


def test_what_the_spec_says_stays(prepared: Callable[..., Prepared]) -> None:
    found = prepared(
        data={"bins": None, "scale": "standard"},
        model={"layers": [8], "dropout": 0},
        optimizer={"learning_rate": 0.5},
        schedule="constant",
        train={"batch_size": 10, "select": None},
    )
    spec = found.resolved.spec
    assert (spec.data.bins, spec.data.scale, spec.data.categories) == (None, "standard", "compact")
    (layer,) = spec.model.layers
    assert (layer.units, layer.dropout, layer.activation.type) == (8, 0, "mish")
    assert (spec.optimizer.parameters["learning_rate"], spec.optimizer.parameters["beta2"]) == (0.5, 0.95)
    assert (spec.schedule.type, spec.train.batch_size, spec.train.select) == ("constant", 10, None)
    assert prepared(optimizer="sgd").resolved.spec.optimizer.parameters.keys() >= {"momentum"}


@pytest.mark.parametrize("target", ["kind", "sold"])
@pytest.mark.parametrize(
    ("train", "smoothing", "monitor", "calibrate"),
    [
        ({}, 0.1, "validation_accuracy", None),
        ({"metrics": ["balanced_accuracy", "log_loss"]}, 0.1, "validation_balanced_accuracy", None),
        ({"metrics": ["log_loss", "accuracy"]}, 0, "validation_log_loss", "temperature"),
        ({"metrics": "roc_auc"}, 0, "validation_roc_auc", "temperature"),
        ({"metrics": ["accuracy", "roc_auc"], "select": "validation_roc_auc"}, 0, "validation_roc_auc", "temperature"),
        ({"early_stopping": {"monitor": "validation_loss"}}, 0, "validation_loss", None),
        ({"metrics": "log_loss", "calibrate": None}, 0, "validation_log_loss", None),
    ],
)
def test_what_is_watched_decides_on_smoothing(
    prepared: Callable[..., Prepared], target: str, train: Any, smoothing: float, monitor: str, calibrate: str | None
) -> None:
    found = prepared(target, train=train, data=VALIDATED).resolved
    assert found.loss.values.get("label_smoothing", 0) == smoothing
    assert found.spec.train.select is not None
    assert (found.spec.train.select.monitor, found.spec.train.calibrate) == (monitor, calibrate)


def test_other_tasks_losses_and_parts(prepared: Callable[..., Prepared]) -> None:
    labels = prepared(["town", "sold"], data={"task": "multilabel"}).resolved
    assert (labels.loss.name, labels.spec.data.target_clip) == ("sigmoid_cross_entropy", False)
    assert prepared("kind", loss="softmax_focal").resolved.loss.name == "softmax_focal"
    assert prepared("kind", loss="softmax_cross_entropy").resolved.loss.values == {"label_smoothing": 0.0}
    unwatched = prepared("kind", train={"metrics": "log_loss"}).resolved.spec.train
    assert (unwatched.select, unwatched.calibrate) == (None, None)


def test_a_validation_part_is_used_where_there_is_one(prepared: Callable[..., Prepared]) -> None:
    found = prepared(data=VALIDATED).resolved.spec.train.select
    assert (found.monitor, found.ties) == ("validation_rmse", "last")
    with pytest.raises(SpecError, match=r"early_stopping: needs a validation part, and data.split.validation is 0"):
        prepared(train={"early_stopping": 3})
    chances = prepared("kind", preset="tabular-best", train={"metrics": "log_loss"}).resolved.spec
    assert chances.train.select.monitor == "validation_log_loss"


def test_it_tells_what_it_fills_in(prepared: Callable[..., Prepared]) -> None:
    events: list[Any] = []
    prepared("price", events.append, train={"epochs": 3})
    (planned,) = (event for event in events if isinstance(event, Planned))
    assert list(planned.filled) == ["data", "model", "optimizer", "schedule", "train"]
    assert planned.filled["train"] == {"batch_size": "by-rows", "select": {"monitor": "metric", "ties": "last"}}
    assert planned.filled["data"]["target_clip"] is True
    plain: list[Any] = []
    prepared("price", plain.append, preset="plain", model={"layers": [4]})
    assert [event.filled for event in plain if isinstance(event, Planned)] == [{}]


@pytest.mark.parametrize(
    ("rows", "size"), [(100, 64), (1024, 64), (1025, 128), (8193, 256), (30_001, 512), (10**6, 1024)]
)
def test_batches_by_rows(tmp_path: Path, rows: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from numbann.data.contract import Facts
    from numbann.data.tasks.regression import Regression
    from numbann.spec.resolution import resolve

    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    spec = {"data": {"path": str(tmp_path / "t.csv"), "target": "y"}, "model": {"layers": []}}
    loaded = load({**spec, "train": {"batch_size": "by-rows"}})
    facts = Facts(Regression(("y",)), "csv", ",", "standard", False, ("a",), 1, {"train": rows, "validation": 9})
    assert resolve(loaded, facts).spec.train.batch_size == size


def test_faults_of_a_preset_say_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    spec: dict[str, Any] = {"data": {"path": str(tmp_path / "t.csv"), "target": "y"}, "preset": "tabular"}
    with pytest.raises(
        SpecError, match=r'model.input.scale: train.device "cuda" does not .*said by the preset "tabular"'
    ):
        load({**spec, "train": {"device": "cuda"}})
    with pytest.raises(SpecError, match=r"layers\[0\].activation: lbfgs needs .* \(said by the preset"):
        load({**spec, "optimizer": "lbfgs", "model": {"activation": "rrelu"}})
    with pytest.raises(SpecError, match=r'preset: "tabluar" is not allowed; did you mean "tabular"'):
        load({**spec, "preset": "tabluar", "model": {"layers": []}})
    with pytest.raises(SpecError, match=r"model: missing"):
        load({"data": spec["data"], "preset": "plain"})


def loaded_with(registry: Registry | None = None, **sections: Any) -> Loaded:
    return load({"data": {"path": "t.csv", "target": "y"}, **sections}, None, registry)


@pytest.mark.parametrize("name", PRESETS)
def test_every_piece_is_a_part_of_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    monkeypatch.chdir(tmp_path)
    for piece in PIECES[name]:
        says = {**piece.says, "data": {"path": "t.csv", "target": "y", **piece.says.get("data", {})}}
        assert load({**says, "model": {"layers": [4], **says.get("model", {})}}).spec


def test_extends_and_settings_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    (tmp_path / "base.json").write_text('{"data": {"path": "t.csv", "target": "y", "bins": 5}, "preset": "tabular"}')
    (tmp_path / "over.json").write_text('{"extends": "base.json", "train": {"epochs": 2}}')
    spec = load("over.json", {"model.dropout": 0.5}).spec
    assert (spec.preset, spec.data.bins and spec.data.bins.count, spec.train.epochs) == ("tabular", 5, 2)
    assert {layer.dropout for layer in spec.model.layers} == {0.5}
    assert (
        to_json(load("over.json", {"preset": "plain", "model": {"layers": []}}).spec)["train"]["batch_size"] == "auto"
    )


def test_filling_changes_nothing_that_is_given() -> None:
    given = {"preset": "tabular", "data": {"path": "t"}, "train": {"epochs": 7}, "optimizer": "sgd"}
    before = repr(given)
    filled = fill(given, {})
    assert (repr(given), filled["train"]["epochs"], filled["optimizer"]) == (before, 7, "sgd")
    assert set(filled_in(given, filled)) == {"data", "model", "schedule", "train"}
    assert "epochs" not in filled_in(given, filled)["train"]
    assert fill({"preset": ["x"]}, {}) == {"preset": ["x"]}


def test_the_best_preset_has_folds_and_each_model_its_seed(prepared: Callable[..., Prepared]) -> None:
    train = {"epochs": 1, "metrics": "log_loss"}
    found = prepared("kind", preset="tabular-best", train=train)
    assert found.resolved.spec.ensemble is not None
    assert found.resolved.spec.ensemble.folds == 8
    folding = Folding.of(found, None)
    one, other = (folding.prepare(place) for place in folding.places[:2])
    assert one.resolved.spec.seed == folding.places[0].seed != other.resolved.spec.seed
    assert one.loaded.spec.train.calibrate == "temperature"
    assert one.dataset.preprocessing.encoding.bins != other.dataset.preprocessing.encoding.bins


@pytest.mark.parametrize("target", ["price", "kind"])
def test_the_best_preset_trains_anew_on_all_rows(prepared: Callable[..., Prepared], target: str) -> None:
    spec = prepared(target, preset="tabular-best").resolved.spec
    assert (spec.ensemble.folds, spec.ensemble.refit, spec.train.select) == (5, True, None)
    mine = prepared(target, preset="tabular-best", ensemble={"refit": False}).resolved.spec
    assert (mine.ensemble.folds, mine.ensemble.refit) == (5, False)


def test_models_of_an_ensemble_are_calibrated_by_their_folds(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    spec = prepared("kind", preset="tabular-best", model={"layers": [16]}).resolved.to_json()
    spec["train"] |= {"epochs": 30, "metrics": ["log_loss"], "select": None}
    plain = numbann.train({**spec, "loss": "softmax_cross_entropy"}, output=tmp_path / "plain", threads=1)
    spec["train"]["calibrate"] = "temperature"
    found = numbann.train({**spec, "loss": "softmax_cross_entropy"}, output=tmp_path / "found", threads=1)
    assert found.metrics["validation"]["log_loss"] < plain.metrics["validation"]["log_loss"]
