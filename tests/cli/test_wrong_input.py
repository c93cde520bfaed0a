"""Wrong input: exit code 2, one message that names the fault, no traceback, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(numbann: Numbann, arguments: tuple[object, ...], words: str, here: Path) -> None:
    before = files(here)
    result = numbann(*arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert all(line.startswith(("numbann: error: ", "    ")) for line in result.stderr.splitlines())
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert files(here) == before
    assert not (here / "runs").exists()


SPECS: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt key": ({"train": {"epoch": 3}}, 'train.epoch: unknown key; did you mean "epochs"?'),
    "a misspelt section": ({"optimiser": "adam"}, 'optimiser: unknown key; did you mean "optimizer"?'),
    "a misspelt activation": ({"model": {"layers": [{"units": 4, "activation": "rleu"}]}}, 'did you mean "relu"?'),
    "a misspelt loss": ({"loss": "msee"}, 'unknown loss "msee"; did you mean "mse"?'),
    "a misspelt parameter": ({"optimizer": {"type": "adam", "beta": 0.9}}, "optimizer.beta: unknown"),
    "a parameter out of range": ({"optimizer": {"type": "adam", "beta1": 1.0}}, "optimizer.beta1: 1.0 is not allowed"),
    "text for a number": ({"train": {"epochs": "5"}}, 'train.epochs: "5" is not allowed'),
    "a boolean for a number": ({"train": {"epochs": True}}, "train.epochs: true is not allowed"),
    "a negative size": ({"model": {"layers": [{"units": -1}]}}, "model.layers[0].units: -1 is not allowed"),
    "a missing data file": ({"data": {"path": "nothing.csv"}}, '"nothing.csv": no such file'),
    "a directory for a file": ({"data": {"path": "."}}, '"." is a directory'),
    "an unknown target": ({"data": {"target": "color"}}, 'no column "color"; did you mean "colour"?'),
    "an unknown feature": ({"data": {"features": ["z"]}}, 'data.features: blobs.csv has no column "z"'),
    "text as a number to predict": ({"data": {"task": "regression"}}, '"blue" is no number'),
    "a loss for another task": ({"loss": "sigmoid_cross_entropy"}, "loss: "),
    "a rate beyond the precision": (
        {"optimizer": {"type": "sgd", "learning_rate": 1e39}},
        "rate: 1e+39 is not allowed",
    ),
    "a second softmax": ({"model": {"layers": [], "output_activation": "sigmoid"}}, "model.output_activation: "),
    "splits without a rest": ({"data": {"split": {"validation": 0.5, "test": 0.5}}}, "data.split"),
    "an unknown monitor": ({"train": {"early_stopping": {"monitor": "loss"}}}, "early_stopping.monitor"),
    "a missing plugin": ({"plugins": ["nothing.py"]}, "nothing.py: no such plugin file"),
    "a sweep": (
        {"sweep": {"parameters": {"train.epochs": [1, 2]}}},
        "sweep: numbann sweep trains its trials; leave it out",
    ),
    "a device that is not there": ({"train": {"device": "cuda:99"}}, 'device "cuda:99": cuda'),
}


@pytest.mark.parametrize("name", SPECS)
def test_specs(numbann: Numbann, write_spec: WriteSpec, here: Path, name: str) -> None:
    changes, words = SPECS[name]
    refused(numbann, ("train", write_spec(**changes)), words, here)


TEXTS = {
    "nothing": (b"", "is empty"),
    "no JSON": (b'{"data": ', "spec.json:1  column 10"),
    "NaN": (b'{"seed": NaN}', "found NaN, no number of JSON"),
    "a key twice": (b'{"seed": 1,\n"seed": 2}', 'spec.json:2  column 1: key "seed" is given twice'),
    "a list": (b"[]", "give an object"),
    "no UTF-8": (b'{"name": "\xff"}', "not UTF-8"),
}


@pytest.mark.parametrize("command", ["train", "check"])
@pytest.mark.parametrize("name", TEXTS)
def test_texts(numbann: Numbann, here: Path, name: str, command: str) -> None:
    content, words = TEXTS[name]
    (here / "spec.json").write_bytes(content)
    refused(numbann, (command, "spec.json"), words, here)


TABLES = {
    "nothing": (lambda lines: [], "blobs.csv is empty"),
    "a header alone": (lambda lines: lines[:1], "no rows"),
    "a short row": (lambda lines: [*lines[:3], "1,2", *lines[3:]], "blobs.csv row 4: 2 cells where 4 are expected"),
    "a word among numbers": (lambda lines: [*lines[:3], "one,2,3,red", *lines[3:]], 'row 4, column "x": "one" is no'),
    "a missing target": (lambda lines: [*lines[:3], "1,2,3,", *lines[3:]], 'column "colour"'),
    "one class only": (lambda lines: [lines[0], *(line for line in lines if "red" in line)], "holds one class only"),
    "a column twice": (lambda lines: ["x,x,sum,colour", *lines[1:]], '"x"'),
    "a number too large": (lambda lines: [*lines[:3], "1e999,2,3,red", *lines[3:]], "1e999"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(numbann: Numbann, write_spec: WriteSpec, blobs: Path, here: Path, name: str) -> None:
    change, words = TABLES[name]
    blobs.write_text("".join(f"{line}\n" for line in change(blobs.read_text().splitlines())))
    refused(numbann, ("train", write_spec()), words, here)


def test_a_missing_number_where_the_spec_takes_none(
    numbann: Numbann, write_spec: WriteSpec, blobs: Path, here: Path
) -> None:
    lines = blobs.read_text().splitlines()
    blobs.write_text("\n".join([*lines[:3], ",2,3,red", *lines[3:]]))
    refused(
        numbann, ("train", write_spec(), "--set", "data.missing=error"), 'row 4, column "x": a missing number', here
    )


COMMANDS: dict[str, tuple[tuple[object, ...], str]] = {
    "an unknown command": (("trian", "spec.json"), 'there is no command "trian"; did you mean "train"?'),
    "an unknown option": (("train", "spec.json", "--epochs", "3"), "No such option '--epochs'"),
    "a missing argument": (("train",), "Missing argument 'SPEC'"),
    "a missing spec": (("train", "nothing.json"), "nothing.json  no such file"),
    "a folder as a spec": (("train", "."), "is a directory"),
    "an unknown key to set": (("train", "spec.json", "--set", "train.epoks=5"), "--set train.epoks: unknown key"),
    "a setting without a value": (("train", "spec.json", "--set", "train.epochs"), "write it as KEY=VALUE"),
    "a setting that is no JSON": (("train", "spec.json", "--set", "train.epochs=[1"), "is no JSON value"),
    "no threads": (("train", "spec.json", "--threads", "0"), "--threads"),
    "a negative seed": (("train", "spec.json", "--seed", "-1"), "seed: -1 is not allowed"),
    "a folder in the way": (("train", "spec.json", "-o", "folder"), "folder: exists already"),
    "a file in the way": (("train", "spec.json", "-o", "blobs.csv"), "blobs.csv: is a file"),
    "force on what is no run": (("train", "spec.json", "-o", "folder", "--force"), "is no run"),
    "a missing folder of plugins": (("--plugins-dir", "nothing", "plugins", "list"), "'nothing' does not exist"),
    "a missing one after a name": (("plugins", "list", "--plugins-dir", "nothing"), "'nothing' does not exist"),
    "a missing one after a name of none": (("shout", "--plugins-dir", "nothing"), "'nothing' does not exist"),
    "a command in no folder": (
        ("trian", "--plugins-dir", "folder"),
        'there is no command "trian"; did you mean "train"?',
    ),
    "a component that does not exist": (("show", "rleu"), 'did you mean "relu"?'),
    "a run that does not exist": (("resume", "nothing"), "nothing: no such run directory"),
    "a folder that is no run": (("show", "folder"), "is not a run directory"),
    "a model that does not exist": (("predict", "nothing", "blobs.csv"), "nothing: no such run directory or model"),
    "a table as a model": (("predict", "blobs.csv", "blobs.csv"), "not a numbann model"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(numbann: Numbann, write_spec: WriteSpec, here: Path, name: str) -> None:
    arguments, words = COMMANDS[name]
    write_spec()
    (here / "folder").mkdir()
    (here / "folder" / "thesis.txt").write_text("mine")
    refused(numbann, arguments, words, here)


PREDICTIONS: dict[str, tuple[tuple[object, ...], str]] = {
    "a missing file": (("predict", "out", "nothing.csv"), '"nothing.csv": no such file'),
    "a missing column": (("predict", "out", "narrow.csv"), 'narrow.csv has no column "x"'),
    "a word among numbers": (("predict", "out", "word.csv", "-o", "new.csv"), '"one" is no number'),
    "no target to measure by": (("evaluate", "out", "unlabelled.csv"), 'unlabelled.csv has no column "colour"'),
    "an unknown class": (("evaluate", "out", "pink.csv"), "pink"),
    "an output that cannot be": (("predict", "out", "blobs.csv", "-o", "nothing/new.csv"), "cannot be written"),
    "a folder for an output": (("predict", "out", "blobs.csv", "-o", "."), "-o .: is a directory"),
    "the folder above": (("predict", "out", "blobs.csv", "-o", ".."), "-o ..: is a directory"),
    "no name for an output": (("predict", "out", "blobs.csv", "-o", ""), "-o .: is a directory"),
    "a device that is not there": (("predict", "out", "blobs.csv", "--device", "cuda:99"), 'device "cuda:99": cuda'),
    "a device that is none": (("predict", "out", "blobs.csv", "--device", "tpu"), 'device "tpu": unknown; give "auto"'),
    "a damaged model": (("predict", "damaged.safetensors", "blobs.csv"), "damaged"),
    "a run that is there": (("train", "spec.json", "-o", "out"), "out: exists already"),
    "a run that is complete": (("resume", "out"), "out: is complete"),
    "fewer epochs than done": (("resume", "out", "--epochs", "1"), "out: is complete"),
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_with_a_run(numbann: Numbann, write_spec: WriteSpec, here: Path, name: str) -> None:
    arguments, words = PREDICTIONS[name]
    assert numbann("train", write_spec(), "-o", "out").exit_code == 0
    (here / "narrow.csv").write_text("y,colour\n1,red\n")
    (here / "word.csv").write_text("x,y\n1,2\none,2\n")
    (here / "unlabelled.csv").write_text("x,y\n1,2\n")
    (here / "pink.csv").write_text("x,y,colour\n1,2,pink\n")
    (here / "damaged.safetensors").write_bytes((here / "out" / "model.safetensors").read_bytes()[:-7])
    refused(numbann, arguments, words, here)


def test_all_faults_at_once(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("check", write_spec(loss="msee", train={"epochs": 0, "batch": 3}))
    assert result.exit_code == 2
    keys = [line.split("  ")[1].split(":")[0] for line in result.stderr.splitlines()]
    assert keys == ["train.epochs", "train.batch", "loss"]


COLUMNS = {"data.target": "hire", "data.drop": ["x"], "data.weight": "y"}


@pytest.mark.parametrize("others", [{}, {"train.epoks": 5, "data.csv.sep": ","}])
@pytest.mark.parametrize("command", ["check", "train", "lr-find"])
def test_wrong_columns_are_told_with_all_other_faults(
    numbann: Numbann, here: Path, command: str, others: dict[str, Any]
) -> None:
    (here / "people.csv").write_text("age,hired\n31,yes\n45,no\n")
    changes = [part for key, value in {**COLUMNS, **others}.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    (here / "s.json").write_text('{"data": {"path": "people.csv", "target": "hired"}, "model": {"layers": [4]}}')
    result = numbann(command, "s.json", *changes)
    assert result.exit_code == 2
    for key in {**COLUMNS, **others}:
        assert result.stderr.count(f"{key}: ") == 1
    assert 'people.csv has no column "hire"; did you mean "hired"?' in result.stderr
    assert len(result.stderr.splitlines()) == len(COLUMNS) + len(others)


def test_a_loss_that_explodes_fails_with_1(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    data = {"target": "sum", "drop": ["colour"], "scale": "none"}
    result = numbann("train", write_spec(data=data, optimizer={"type": "sgd", "learning_rate": 1e30}), "-o", "out")
    assert result.exit_code == 1
    assert "numbann: error: epoch 1: train_loss is" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("arguments", [("--debug", "train", "spec.json"), ("train", "spec.json", "--debug")])
def test_debug_shows_the_traceback(numbann: Numbann, write_spec: WriteSpec, arguments: tuple[str, ...]) -> None:
    write_spec(loss="msee")
    result = numbann(*arguments)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert "numbann: error: " in result.stderr


def test_damaged_files_of_a_run(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    assert numbann("train", write_spec(), "-o", "out").exit_code == 0
    manifest = (here / "out" / "manifest.json").read_text()
    (here / "out" / "manifest.json").write_text("{")
    assert "is damaged: it is" in numbann("show", "out").stderr
    assert "manifest.json: is damaged" in numbann("resume", "out", "--epochs", "9").stderr
    (here / "out" / "manifest.json").write_text(manifest)
    (here / "out" / "spec.resolved.json").write_text(json.dumps([]))
    assert "spec.resolved.json" in numbann("resume", "out").stderr
