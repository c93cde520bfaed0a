"""Ensembles: several models side by side, one model file and one prediction, resumed model by model."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from failing import SIGNALS, press

import numbann
from numbann.data.source import SplitData
from numbann.errors import DataError, RunDirectoryError, SpecError, TrainingError
from numbann.fit import fit
from numbann.training import folding
from numbann.training.callbacks import EpochEnded, Event, FromModel, ModelEnded
from numbann.training.folding import Folding, Share
from numbann.training.preparation import prepare

WriteSpec = Callable[..., Path]
REGRESSION = {"target": "sum", "drop": ["colour"], "task": "regression"}
ROWS = [[0.5, 1.5], [-3.0, 0.0], [2.0, 1.0]]


def trained(write_spec: WriteSpec, output: str = "run", threads: int = 2, **changes: Any) -> numbann.Run:
    """Train an ensemble of three folds."""
    changes = {"ensemble": {"folds": 3}, **changes}
    return numbann.train(write_spec(**changes), output=output, threads=threads, force=True)


def files(run: Path) -> dict[str, bytes]:
    """What a run of an ensemble leaves behind that no clock and no number of threads is in."""
    model = (run / "model.safetensors").read_bytes()
    return {"model": model, "predictions": (run / "out_of_fold.csv").read_bytes()}


def table(run: Path) -> list[dict[str, str]]:
    with (run / "out_of_fold.csv").open() as file:
        return list(csv.DictReader(file))


# ---- what it is


def test_the_run_directory(write_spec: WriteSpec) -> None:
    run = trained(write_spec)
    own = ["manifest.json", "metrics.json", "model.safetensors", "models", "out_of_fold.csv"]
    assert sorted(path.name for path in run.path.iterdir()) == [*own, "spec.json", "spec.resolved.json"]
    for number in (1, 2, 3):
        found = sorted(path.name for path in (run.path / "models" / str(number)).iterdir())
        assert found == ["checkpoint.safetensors", "history.jsonl"]
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics == run.metrics
    assert [one["fold"] for one in metrics["models"]] == [1, 2, 3]
    assert len({one["seed"] for one in metrics["models"]}) == 3
    assert [record["model"] for record in run.history] == [1] * 4 + [2] * 4 + [3] * 4


def test_a_model_is_what_a_training_of_its_own_gives(write_spec: WriteSpec) -> None:
    run = trained(write_spec, ensemble={"folds": 3, "members": 2})
    prepared = prepare(write_spec(ensemble={"folds": 3, "members": 2}), None, lambda event: None)
    folds = Folding.of(prepared)
    assert len(run.model.models) == 6
    for place, model in zip(folds.places, run.model.models, strict=True):
        alone = fit(folds.prepare(place).job, threads=1)
        assert {name: tensor.tobytes() for name, tensor in alone.tensors.items()} == {
            name: tensor.tobytes() for name, tensor in model.tensors.items()
        }


@pytest.mark.parametrize("data", [{}, REGRESSION], ids=["classes", "numbers"])
def test_any_number_of_threads_gives_the_same_bytes(write_spec: WriteSpec, data: dict[str, Any]) -> None:
    found = [files(trained(write_spec, threads=threads, data=data).path) for threads in (1, 2, 7)]
    assert found[0] == found[1] == found[2]


def test_each_has_the_preprocessing_of_its_own_rows(write_spec: WriteSpec) -> None:
    models = trained(write_spec).model.models
    fitted = {json.dumps(one.preprocessing.encoding.to_dict()) for one in models}
    assert len(fitted) == 3


def test_threads_are_shared_out(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(write_spec(ensemble=3), None, lambda event: None)

    def shared(models: int, threads: int) -> tuple[int, int, float]:
        share = Share.of(models, prepared, threads)
        return share.working, share.threads, share.begun

    monkeypatch.setattr(folding, "available", lambda: 6 * prepared.dataset.train.x.nbytes)
    assert [shared(5, 2), shared(3, 8), shared(4, 4)] == [(2, 1, 3), (3, 2, 3), (4, 1, 3)]


@pytest.mark.parametrize(
    ("ensemble", "count"), [({"folds": 3}, 4), ({"folds": 3, "members": 2}, 4), ({"folds": 3, "refit": True}, 4)]
)
def test_rows_are_prepared_once_for_all_models_on_them(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, ensemble: dict[str, Any], count: int
) -> None:
    prepared: list[int] = []
    prepare = SplitData.prepare

    def counted(source: SplitData, **way: Any) -> Any:
        prepared.append(source.facts.rows["train"])
        return prepare(source, **way)

    monkeypatch.setattr(SplitData, "prepare", counted)
    trained(write_spec, ensemble=ensemble)
    assert len(prepared) == count  # all rows, and those of each fold


# ---- predictions


def test_it_predicts_the_mean_of_probabilities(write_spec: WriteSpec) -> None:
    run = trained(write_spec)
    of_each = [model.predict_proba(ROWS) for model in run.model.models]
    assert np.allclose(run.model.predict_proba(ROWS), np.mean(of_each, axis=0), rtol=1e-6)
    assert list(run.model.predict(ROWS)) == list(np.array(run.model.classes)[run.model.predict_proba(ROWS).argmax(1)])
    loaded = numbann.load(run.path)
    assert isinstance(loaded, numbann.Ensemble)
    assert loaded.predict_proba(ROWS).tobytes() == run.model.predict_proba(ROWS).tobytes()
    again = pickle.loads(pickle.dumps(loaded))
    assert again.predict_proba(ROWS).tobytes() == run.model.predict_proba(ROWS).tobytes()
    loaded.save("copy.safetensors")
    assert Path("copy.safetensors").read_bytes() == (run.path / "model.safetensors").read_bytes()
    with pytest.raises(AttributeError, match=r"model\.models\[0\]\.weights"):
        print(loaded.weights)


@pytest.mark.parametrize("scale", ["standard", "none", "quantile"])
def test_it_predicts_the_mean_in_the_targets_unit(write_spec: WriteSpec, scale: str) -> None:
    run = trained(write_spec, data={**REGRESSION, "target_scale": scale})
    of_each = [model.predict(ROWS) for model in run.model.models]
    assert np.allclose(run.model.predict(ROWS), np.mean(of_each, axis=0), rtol=1e-4, atol=1e-5)
    assert np.allclose(run.model.predict(np.array(ROWS)), run.model.predict(ROWS), rtol=1e-5)


def test_mean_and_variance_are_averaged_in_their_units(write_spec: WriteSpec) -> None:
    run = trained(write_spec, data=REGRESSION, loss="gaussian_nll")
    found = run.model.predict(ROWS, outputs="all")
    assert list(found) == ["sum_mean", "sum_variance"]
    for name, values in found.items():
        of_each = [model.predict(ROWS, outputs="all")[name] for model in run.model.models]
        assert np.allclose(values, np.mean(of_each, axis=0), rtol=1e-5)


def test_what_was_predicted_out_of_fold_gives_the_validation_figures(write_spec: WriteSpec) -> None:
    run = trained(write_spec, data=REGRESSION)
    rows = table(run.path)
    target, prediction = (np.array([float(row[key]) for row in rows]) for key in ("target", "prediction"))
    assert np.sqrt(np.mean((target - prediction) ** 2)) == pytest.approx(run.metrics["validation"]["rmse"], rel=1e-5)
    assert len(rows) == 102  # all but the test part
    lines = Path("blobs.csv").read_text().splitlines()
    assert all(lines[int(row["row"])].split(",")[2] == f"{float(row['target']):.3f}" for row in rows)
    assert {row["fold"] for row in rows} == {"1", "2", "3"}


def test_the_test_part_is_measured_by_the_mean(write_spec: WriteSpec, here: Path) -> None:
    lines = Path("blobs.csv").read_text().splitlines()
    Path("test.csv").write_text("\n".join([lines[0], *lines[1:41]]) + "\n")
    run = trained(write_spec, data={"path": {"train": "blobs.csv", "test": "test.csv"}})
    assert run.model.evaluate("test.csv") == pytest.approx(run.metrics["test"])
    assert {"train", "validation", "test", "baseline", "confusion", "models"} < set(run.metrics)


def test_weights_of_rows_and_classes_count(write_spec: WriteSpec) -> None:
    lines = Path("blobs.csv").read_text().splitlines()
    weighted = (f"{line},{1 + number % 3}" for number, line in enumerate(lines[1:]))
    Path("blobs.csv").write_text("\n".join([f"{lines[0]},w", *weighted]))
    run = trained(write_spec, data={"weight": "w", "class_weight": "balanced"})
    rows = table(run.path)
    weight = np.array([1 + (int(row["row"]) - 1) % 3 for row in rows])
    right = np.array([row["target"] == row["prediction"] for row in rows])
    assert run.metrics["validation"]["accuracy"] == pytest.approx((right * weight).sum() / weight.sum())
    assert run.metrics["validation"]["loss"] == pytest.approx(
        np.mean([one["validation"]["loss"] for one in run.metrics["models"]]), rel=0.05
    )


def test_a_category_of_one_fold_alone(here: Path) -> None:
    rows = [f"{row % 7},{'abc'[row % 3] if row else 'rare'},{'yes' if row % 3 else 'no'}" for row in range(60)]
    Path("texts.csv").write_text("\n".join(["x,kind,sold", *rows]) + "\n")
    spec = {"data": {"path": "texts.csv", "target": "sold"}, "model": {"layers": [4]}, "train": {"epochs": 2}}
    run = numbann.train({**spec, "ensemble": 3, "data": {**spec["data"], "split": {"test": 0}}}, output="texts")
    assert len({model.plan.inputs for model in run.model.models}) == 2
    assert run.model.schema["features"]["kind"]["categories"] == ["a", "b", "c", "rare"]
    assert len(run.model.predict({"x": [1.0, 2.0], "kind": ["a", "rare"]})) == 2
    with pytest.warns(UserWarning, match="new"):
        run.model.predict({"x": [1.0], "kind": ["new"]})


def test_groups_stay_whole_and_time_goes_on(write_spec: WriteSpec, here: Path) -> None:
    lines = Path("blobs.csv").read_text().splitlines()
    Path("blobs.csv").write_text(
        "\n".join([f"{lines[0]},shop", *(f"{one},{k // 8}" for k, one in enumerate(lines[1:]))])
    )
    by_group = table(trained(write_spec, data={"drop": ["sum", "shop"], "split": {"group": "shop", "test": 0}}).path)
    folds = [{(int(row["row"]) - 1) // 8 for row in by_group if row["fold"] == fold} for fold in "123"]
    assert len(by_group) == 120
    assert not folds[0] & folds[1]
    assert not folds[0] & folds[2]
    in_order = table(trained(write_spec, data={"drop": ["sum", "shop"], "split": {"by": "shop", "test": 0}}).path)
    assert [row["row"] for row in in_order] == [str(row) for row in range(31, 121)]
    assert [row["fold"] for row in in_order] == ["1"] * 30 + ["2"] * 30 + ["3"] * 30


def test_refitted_models_train_on_all_rows_to_the_mean_best_epoch(write_spec: WriteSpec) -> None:
    changes: dict[str, Any] = {"schedule": {"type": "cosine"}, "train": {"select": "validation_accuracy"}}
    run = trained(write_spec, ensemble={"folds": 3, "refit": True}, **changes)
    best = [one["best_epoch"] for one in run.metrics["models"]]
    assert run.metrics["best_epoch"] == int(sum(best) / 3 + 0.5)
    assert [(one["fold"], one["epochs"]) for one in run.metrics["refitted"]] == [(None, run.metrics["best_epoch"])] * 3
    plain = trained(write_spec, "plain", **changes)
    assert run.metrics["validation"] == plain.metrics["validation"]
    assert files(run.path)["model"] != files(plain.path)["model"]
    before = files(run.path)
    (run.path / "model.safetensors").unlink()
    shutil.rmtree(run.path / "models" / "5")
    assert files(numbann.resume(run.path).path) == before
    with pytest.raises(RunDirectoryError, match="resume without --epochs"):
        numbann.resume(run.path, epochs=9)


def test_refitted_models_train_to_the_last_epoch_where_the_folds_keep_it(write_spec: WriteSpec) -> None:
    run = trained(write_spec, ensemble={"folds": 3, "refit": True}, train={"select": None, "epochs": 4})
    assert [one["epochs"] for one in run.metrics["refitted"]] == [4] * 3
    assert run.metrics.get("weights_epoch", run.metrics["best_epoch"]) == 4
    assert "the weights are those of epoch 4" in run.model.card(figures=run.metrics)


# ---- resuming


@pytest.mark.parametrize("when", [(1, 2), (3, 1), (2, 4)])
def test_interrupted_and_resumed_it_gives_the_same_bytes(write_spec: WriteSpec, when: tuple[int, int]) -> None:
    expected = files(trained(write_spec, "whole").path)

    def press(event: Event) -> None:
        of_model = isinstance(event, FromModel) and isinstance(event.event, EpochEnded)
        if of_model and (event.model, event.event.record["epoch"]) == when:
            raise KeyboardInterrupt

    with pytest.raises(numbann.Interrupted, match="the checkpoints of all models are kept in run"):
        numbann.train(write_spec(ensemble=3), output="run", callbacks=[press])
    assert not (Path("run") / "model.safetensors").exists()
    assert files(numbann.resume("run").path) == expected


@SIGNALS
def test_a_signal_ends_it_between_two_steps(write_spec: WriteSpec) -> None:
    expected = files(trained(write_spec, "whole", train={"epochs": 40}).path)

    def interrupt(event: Event) -> None:
        if isinstance(event, FromModel) and isinstance(event.event, EpochEnded) and event.event.record["epoch"] == 2:
            press()

    with pytest.raises(numbann.Interrupted) as caught:
        numbann.train(write_spec(ensemble=3, train={"epochs": 40}), output="run", callbacks=[interrupt])
    assert str(caught.value) == "the checkpoints of all models are kept in run; resume with: numbann resume run"
    assert files(numbann.resume("run").path) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_and_resumed_it_gives_the_same_bytes(write_spec: WriteSpec, here: Path) -> None:
    train = {"epochs": 80, "checkpoint_seconds": 0}
    expected = files(trained(write_spec, "whole", train=train).path)
    spec = write_spec(ensemble=3, train=train)
    command = [sys.executable, "-m", "numbann_cli.main", "train", str(spec), "-o", "run", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (here / "run" / "models" / "2" / "checkpoint.safetensors").exists():
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (here / "run" / "model.safetensors").exists()
    run = numbann.resume("run")
    assert files(run.path) == expected
    assert not list(run.path.rglob(".*"))


def test_models_that_are_done_are_not_trained_again(write_spec: WriteSpec) -> None:
    run = trained(write_spec)
    expected = files(run.path)
    (run.path / "model.safetensors").unlink()
    shutil.rmtree(run.path / "models" / "2")
    events: list[Event] = []
    assert files(numbann.resume(run.path, callbacks=[events.append]).path) == expected
    assert {event.model for event in events if isinstance(event, FromModel)} == {2}
    assert [event.model for event in events if isinstance(event, ModelEnded)] == [1, 2, 3]
    with pytest.raises(RunDirectoryError, match="is complete: its models are trained"):
        numbann.resume(run.path)


def test_a_preset_is_settled_once_for_all_models(write_spec: WriteSpec) -> None:
    changes: dict[str, Any] = {
        "preset": "tabular-best",
        "ensemble": {"folds": 2},
        "data": {"bins": {"count": 4}},
        "model": {"layers": [8]},
        "train": {"epochs": 3, "batch_size": "by-rows"},
    }
    run = trained(write_spec, **changes)
    expected = files(run.path)
    (run.path / "model.safetensors").unlink()
    shutil.rmtree(run.path / "models" / "2")
    assert files(numbann.resume(run.path).path) == expected
    assert numbann.load(run.path).predict_proba(ROWS).tobytes() == run.model.predict_proba(ROWS).tobytes()


def test_more_epochs(write_spec: WriteSpec) -> None:
    expected = files(trained(write_spec, "long", train={"epochs": 7}).path)
    run = trained(write_spec)
    assert files(numbann.resume(run.path, epochs=7).path) == expected


def test_rows_given_in_python(write_spec: WriteSpec) -> None:
    expected = files(trained(write_spec).path)
    lines = [line.split(",") for line in Path("blobs.csv").read_text().splitlines()]
    columns: dict[str, Any] = {name: [row[k] for row in lines[1:]] for k, name in enumerate(lines[0])}
    columns |= {name: np.array(columns[name], float) for name in ("x", "y", "sum")}
    spec = json.loads(write_spec(ensemble=3).read_text())
    del spec["data"]["path"]
    run = numbann.train(spec, data=columns, output="given")
    assert files(run.path)["predictions"] == expected["predictions"]


def test_a_smaller_run_leaves_nothing_of_a_larger_one(write_spec: WriteSpec) -> None:
    trained(write_spec, ensemble=4)
    run = trained(write_spec, ensemble=2)
    assert sorted(path.name for path in (run.path / "models").iterdir()) == ["1", "2"]
    run = numbann.train(write_spec(), output="run", force=True)
    assert not (run.path / "models").exists()
    assert not (run.path / "out_of_fold.csv").exists()


# ---- faults


def test_a_model_that_fails_is_named(write_spec: WriteSpec) -> None:
    with pytest.raises(
        TrainingError, match=r"model 1 \(fold 1\): epoch \d+: .*(\n.*)*the checkpoints of all models are"
    ):
        trained(
            write_spec, optimizer={"type": "sgd", "learning_rate": 1e30}, data={**REGRESSION, "target_scale": "none"}
        )


@pytest.mark.parametrize(
    ("ensemble", "message"),
    [
        (1, "1 is not allowed; give true, a number or an object|whole number from 2"),
        ({"folds": 0}, "ensemble.folds: 0"),
        ({"members": True}, "ensemble.members: true"),
        ({"refit": 1}, "ensemble.refit: 1"),
        ({"fold": 3}, 'ensemble.fold: unknown key; did you mean "folds"'),
        ("five", "ensemble"),
    ],
)
def test_wrong_sections(write_spec: WriteSpec, ensemble: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        numbann.train(write_spec(ensemble=ensemble))


def test_a_file_of_validation_rows_beside_folds(write_spec: WriteSpec) -> None:
    data = {"path": {"train": "blobs.csv", "validation": "blobs.csv"}}
    with pytest.raises(SpecError, match="its folds take the place of the validation part"):
        trained(write_spec, data=data)


def test_too_many_folds(write_spec: WriteSpec) -> None:
    with pytest.raises((DataError, SpecError), match="102 rows cannot be 103 folds; take fewer"):
        trained(write_spec, ensemble=103)


def test_damaged_files(write_spec: WriteSpec) -> None:
    from numbann.model.file import KIND, read_model
    from numbann.model.tensor_file import to_parts

    run = trained(write_spec)
    file = read_model(run.path / "model.safetensors")
    plain = {"spec": file.spec, "preprocessing": file.preprocessing, "components": file.components}
    wrong: list[Any] = [
        "text",
        [1, 2, 3],
        [{}, {}, {}],
        list(file.models)[:2],
        [*file.models, file.models[0]],
        [{**file.models[0], "target": {**file.models[0]["target"], "classes": ["a", "b"]}}, *list(file.models)[1:]],
    ]
    for models in wrong:
        Path("wrong.safetensors").write_bytes(
            b"".join(to_parts(file.tensors, KIND, {**plain, "models": models}, sort=True))
        )
        with pytest.raises(RunDirectoryError, match=r"wrong\.safetensors: "):
            numbann.load("wrong.safetensors")
