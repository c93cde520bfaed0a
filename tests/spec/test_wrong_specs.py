"""Wrong specs as people write them: every one is told the file, the line, the place, and what was meant or is taken.

A row: what is changed in a right spec, the place of its one fault, and words of the message.  Add what you meet.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from numbann.errors import SpecError, SpecFault
from numbann.spec.checks import check_header
from numbann.spec.loading import load

RIGHT: dict[str, Any] = {"data": {"path": "people.csv", "target": "y"}, "model": {"layers": [{"units": 8}]}}
SECTIONS = ("data", "model", "train")  # whose keys a row changes one by one
Row = tuple[dict[str, Any], str, str]


def layer(**keys: Any) -> dict[str, Any]:
    return {"model": {"layers": [{"units": 8, **keys}]}}


def data(**keys: Any) -> dict[str, Any]:
    return {"data": keys}


def train(**keys: Any) -> dict[str, Any]:
    return {"train": keys}


COLUMNS: list[Row] = [  # looked at when all else is right
    (data(target="Y"), "data.target", 'has no column "Y"; did you mean "y"? its columns: "age", "Income", "y"'),
    (data(features=["Age"]), "data.features", 'did you mean "age"?'),
    (data(drop=["income"]), "data.drop", 'did you mean "Income"?'),
    (data(categorical=["ages"]), "data.categorical", 'did you mean "age"?'),
    (data(weight="Age"), "data.weight", 'did you mean "age"?'),
]

WRONG: list[Row] = [
    # names in another case, or nearly right
    (data(task="Classification"), "data.task", 'did you mean "classification"?'),
    (data(scale="StandardScaler"), "data.scale", 'did you mean "standard"?'),
    (data(missing="Median"), "data.missing", 'did you mean "median"?'),
    (layer(activation="ReLU"), "model.layers[0].activation", 'did you mean "relu"?'),
    (layer(activation="LeakyReLU"), "model.layers[0].activation", 'did you mean "leaky_relu"?'),
    (layer(activation="hardtanh"), "model.layers[0].activation", 'did you mean "hard_tanh"?'),
    (layer(activation="softmaxx"), "model.layers[0].activation", 'did you mean "softmax"?'),
    ({"model": {"activation": "Tanh"}}, "model.activation", 'did you mean "tanh"?'),
    ({"model": {"init": "GlorotUniform"}}, "model.init", 'did you mean "glorot_uniform"?'),
    ({"model": {"init": "kaiming"}}, "model.init", 'did you mean "kaiming_normal"?'),
    ({"optimizer": "AdamW"}, "optimizer", 'did you mean "adamw"?'),
    ({"optimizer": "RMSprop"}, "optimizer", 'did you mean "rmsprop"?'),
    ({"callbacks": ["tensorbord"]}, "callbacks[0]", 'did you mean "tensorboard"?'),
    ({"callbacks": [{"type": "WandB"}]}, "callbacks[0].type", 'did you mean "wandb"?'),
    ({"callbacks": [{"type": "mlflow", "uri": "x"}]}, "callbacks[0].uri", "known here: experiment, name, tracking_uri"),
    ({"callbacks": [{"type": "wandb", "mode": "off"}]}, "callbacks[0].mode", '"online", "offline" or "disabled"'),
    ({"callbacks": "tensorboard"}, "callbacks", 'give a list of "tensorboard", "trackio", "mlflow", "wandb"'),
    ({"callbacks": ["wandb", {"type": "wandb"}]}, "callbacks[1].type", '"wandb" is named twice; name it once'),
    ({"optimizer": "sgdm"}, "optimizer", 'did you mean "sgd"?'),
    ({"schedule": "StepLR"}, "schedule", 'did you mean "step"?'),
    ({"Model": {"layers": []}}, "Model", 'did you mean "model"?'),
    ({"optimiser": "adam"}, "optimiser", 'did you mean "optimizer"?'),
    (train(epoch=3), "train.epoch", 'did you mean "epochs"?'),
    (train(batchsize=3), "train.batchsize", 'did you mean "batch_size"?'),
    (train(batch=3), "train.batch", 'did you mean "batch_size"?'),
    (train(early_stoping=True), "train.early_stoping", 'did you mean "early_stopping"?'),
    # names of other libraries
    ({"loss": "CrossEntropyLoss"}, "loss", 'did you mean "softmax_cross_entropy"?'),
    ({"loss": "sparse_categorical_crossentropy"}, "loss", 'did you mean "softmax_cross_entropy"?'),
    ({"loss": "log_loss"}, "loss", 'did you mean "softmax_cross_entropy"?'),
    ({"loss": "binary_crossentropy"}, "loss", 'did you mean "sigmoid_cross_entropy"?'),
    ({"loss": "BCEWithLogitsLoss"}, "loss", 'did you mean "sigmoid_cross_entropy"?'),
    ({"loss": "MSELoss"}, "loss", 'did you mean "mse"?'),
    ({"schedule": "CosineAnnealingLR"}, "schedule", 'did you mean "cosine"?'),
    ({"schedule": "ReduceLROnPlateau"}, "schedule", 'did you mean "plateau"?'),
    ({"schedule": {"type": "step", "gamma": 0.1}}, "schedule.gamma", 'did you mean "factor"?'),
    ({"schedule": {"type": "step", "step_size": 10}}, "schedule.step_size", 'did you mean "every"?'),
    ({"optimizer": {"name": "adam"}}, "optimizer.name", 'did you mean "type"?'),
    ({"optimizer": {"type": "adam", "lr": 0.1}}, "optimizer.lr", 'did you mean "learning_rate"?'),
    ({"optimizer": {"type": "adam", "eps": 1e-8}}, "optimizer.eps", 'did you mean "epsilon"?'),
    ({"optimizer": {"type": "adam", "beta_1": 0.9}}, "optimizer.beta_1", 'did you mean "beta1"?'),
    ({"optimizer": {"type": "sgd", "l2": 0.1}}, "optimizer.l2", 'did you mean "weight_decay"?'),
    (train(metrics=["acc"]), "train.metrics[0]", 'did you mean "accuracy"?'),
    (train(metrics="AUC"), "train.metrics", 'did you mean "roc_auc"?'),
    (train(metrics=["accuracy", "f1_score"]), "train.metrics[1]", 'did you mean "f1"?'),
    (train(max_iter=3), "train.max_iter", 'did you mean "epochs"?'),
    (data(file="people.csv"), "data.file", 'did you mean "path"?'),
    (data(label="y"), "data.label", 'did you mean "target"?'),
    (data(csv={"sep": ";"}), "data.csv.sep", 'did you mean "delimiter"?'),
    (data(split={"val": 0.1}), "data.split.val", 'did you mean "validation"?'),
    (data(split={"test_size": 0.1}), "data.split.test_size", 'did you mean "test"?'),
    (data(normalize=True), "data.normalize", 'did you mean "scale"?'),
    (data(scale="zscore"), "data.scale", 'did you mean "standard"?'),
    (data(task="binary"), "data.task", 'did you mean "classification"?'),
    ({"model": {"hidden_layer_sizes": [64]}}, "model.hidden_layer_sizes", 'did you mean "layers"?'),
    ({"model": {"dtype": "double"}}, "model.dtype", 'did you mean "float64"?'),
    (layer(neurons=8), "model.layers[0].neurons", 'did you mean "units"?'),
    (layer(dropout_rate=0.1), "model.layers[0].dropout_rate", 'did you mean "dropout"?'),
    (layer(batch_norm=True), "model.layers[0].batch_norm", 'did you mean "norm"?'),
    (layer(kernel_initializer="he"), "model.layers[0].kernel_initializer", 'did you mean "init"?'),
    ({"random_state": 1}, "random_state", 'did you mean "seed"?'),
    # keys in another place
    ({"lr": 0.1}, "lr", "did you mean optimizer.learning_rate?"),
    ({"epochs": 3}, "epochs", "did you mean train.epochs?"),
    ({"target": "y"}, "target", "did you mean data.target?"),
    ({"layers": [8]}, "layers", "did you mean model.layers?"),
    ({"batch_size": 8}, "batch_size", "did you mean train.batch_size?"),
    (train(learning_rate=0.1), "train.learning_rate", "did you mean optimizer.learning_rate?"),
    (train(optimizer="adam"), "train.optimizer", "did you mean optimizer, at the top?"),
    (train(seed=1), "train.seed", "did you mean seed, at the top?"),
    (train(patience=3), "train.patience", "did you mean train.early_stopping.patience?"),
    (train(validation_split=0.1), "train.validation_split", "did you mean data.split.validation?"),
    (data(sep=";"), "data.sep", "did you mean data.csv.delimiter?"),
    (data(na_values=["?"]), "data.na_values", "did you mean data.csv.na?"),
    (data(header=False), "data.header", "did you mean data.csv.header?"),
    (data(validation=0.1), "data.validation", "did you mean data.split.validation?"),
    ({"model": {"output": "softmax"}}, "model.output", 'did you mean "output_activation"?'),
    # values that are not taken, with what is
    ({"model": {"layers": 64}}, "model.layers", "64 is not allowed; give a list of numbers of units or of objects"),
    (layer(units="8"), "model.layers[0].units", '"8" is not allowed; give a whole number from 1'),
    (layer(units=8.0), "model.layers[0].units", "8.0 is not allowed; give a whole number from 1"),
    (layer(dropout=1), "model.layers[0].dropout", '1 is not allowed; give "auto" or a number from 0'),
    (train(epochs=0), "train.epochs", "0 is not allowed; give a whole number from 1"),
    (train(epochs=True), "train.epochs", "true is not allowed; give a whole number from 1"),
    (train(threads=0), "train.threads", "0 is not allowed; give a whole number from 1 to 4096"),
    (train(device="gpu"), "train.device", 'give "auto", "cpu", "cuda" or "cuda:N"'),
    (train(early_stopping="yes"), "train.early_stopping", "give true, a number or an object with the keys monitor,"),
    (train(select=10), "train.select", "give true, a text or an object with the keys monitor, ties"),
    ({"optimizer": {"type": "adam", "learning_rate": -1}}, "optimizer.learning_rate", "-1 is not allowed; give a num"),
    ({"optimizer": 0.1}, "optimizer", "0.1 is not allowed; give the name of an optimizer, or an object such as"),
    (data(split=0.2), "data.split", "0.2 is not allowed; give an object with the keys validation, test"),
    (data(split={"test": 20}), "data.split.test", "20 is not allowed; give a number from 0 up to but not including 1"),
    (data(split={"validation": 0.99}), "data.split", "validation 0.99 and test 0.15 (the default) hold back 1.14"),
    (data(path="poeple.csv"), "data.path", '"poeple.csv": no such file in '),
    (data(path="."), "data.path", '"." is a directory; name the file in it'),
    (data(drop=["y"]), "data.drop", '"y" is in data.target too; leave it out of one of them'),
    (data(features=["age", "age"]), "data.features", '"age" is listed twice; list it once'),
    ({"schedule": {"type": "cosine", "warmup_epochs": 50}}, "schedule.warmup_epochs", "leave none for the schedule"),
    ({"seed": -1}, "seed", "-1 is not allowed; give a whole number from 0"),
    ({"plugins": ["nothing.py"]}, "plugins", "nothing.py: no such plugin file"),
]


@pytest.fixture(autouse=True)
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text("age,Income,y\n" + "".join(f"{k},{2 * k},{'ab'[k % 2]}\n" for k in range(9)))


def changed(*changes: dict[str, Any]) -> dict[str, Any]:
    """The right spec with sections updated and other keys set."""
    spec = copy.deepcopy(RIGHT)
    for change in changes:
        for key, value in change.items():
            joined = isinstance(value, dict) and key in SECTIONS
            spec[key] = {**spec.get(key, {}), **value} if joined else value
    return spec


def faults_of(spec: dict[str, Any]) -> tuple[SpecFault, ...]:
    """What `numbann check` tells."""
    Path("spec.json").write_text(json.dumps(spec, indent=1))
    try:
        loaded = load("spec.json")
    except SpecError as error:
        return error.faults if (error.exit_code, error.source) == (2, "spec.json") else ()
    return tuple(loaded.source.fault(*fault) for fault in check_header(loaded.spec.data, loaded.source.base))


@pytest.mark.parametrize(
    ("change", "place", "words"), WRONG, ids=[f"{k}-{place}" for k, (_, place, _) in enumerate(WRONG)]
)
def test_one_fault(change: dict[str, Any], place: str, words: str) -> None:
    (fault,) = faults_of(changed(change))
    assert fault.path == place
    assert words in fault.message
    assert fault.line is not None
    line = Path("spec.json").read_text().splitlines()[fault.line - 1]
    key = place.rpartition(".")[2]
    assert f'"{key}"' in line or key.endswith("]"), line


def test_all_faults_at_once() -> None:
    """As many rows as can be wrong together: each changes keys that no other does, and none hides another."""
    rows: list[Row] = []
    taken = {"data.path", "data.drop", "model.layers", "plugins"}
    for row in WRONG:
        ((section, value),) = row[0].items()
        keys = {f"{section}.{key}" for key in value} if section in SECTIONS else {section}
        if not keys & taken:
            rows.append(row)
            taken |= keys
    assert len(rows) > 40
    found = {fault.path: fault for fault in faults_of(changed(*(change for change, _, _ in rows)))}
    assert {place for _, place, _ in rows} == set(found)
    assert all(words in found[place].message for _, place, words in rows)
    lines = [fault.line for fault in found.values()]
    assert lines == sorted(lines, key=lambda line: line or 0)
