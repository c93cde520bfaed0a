"""Specs that extend others: what is joined, whose paths are whose, and which file a fault names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbann.errors import SpecError
from numbann.spec.loading import load, plugins_of

BASE: dict[str, Any] = {
    "name": "base",
    "data": {"path": "t.csv", "target": "y", "split": {"validation": 0.2}},
    "model": {"layers": [64, 32]},
    "optimizer": {"type": "sgd", "momentum": 0.9},
    "train": {"epochs": 5, "early_stopping": 3},
    "output": "runs/base",
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a spec: write("a.json", {...}); t.csv lies beside them, and the folder is the working one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n")

    def put(name: str, spec: Any) -> Path:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(spec if isinstance(spec, str) else json.dumps(spec, indent=1))
        return Path(name)

    put("base.json", BASE)
    return put


def faults(path: Path | dict[str, Any], overrides: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(path, overrides)
    return str(caught.value).splitlines()


def test_sections_are_joined_and_lists_replaced(write: Write) -> None:
    over = {"extends": "base.json", "model": {"layers": [8]}, "train": {"batch_size": 16}}
    spec = load(write("over.json", over)).spec
    assert (spec.name, spec.output, spec.extends) == ("over", None, None)
    assert [layer.units for layer in spec.model.layers] == [8]
    assert (spec.train.epochs, spec.train.batch_size, spec.data.split.validation) == (5, 16, 0.2)
    assert spec.optimizer.parameters["momentum"] == 0.9


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"learning_rate": 0.5}, ("sgd", 0.5, 0.9)),
        ({"type": "sgd", "learning_rate": 0.5}, ("sgd", 0.5, 0.9)),
        ({"type": "adam"}, ("adam", 0.001, None)),
        ("momentum", ("momentum", 0.01, 0.9)),
    ],
)
def test_a_component_is_joined_with_one_of_its_type(write: Write, given: Any, expected: Any) -> None:
    optimizer = load(write("over.json", {"extends": "base.json", "optimizer": given})).spec.optimizer
    assert (optimizer.type, optimizer.parameters["learning_rate"], optimizer.parameters.get("momentum")) == expected


def test_short_forms_are_joined(write: Write) -> None:
    write("named.json", {**BASE, "optimizer": "sgd"})
    over = {"extends": "named.json", "optimizer": {"momentum": 0.5}, "train": {"early_stopping": {"min_delta": 0.1}}}
    spec = load(write("over.json", over)).spec
    assert (spec.optimizer.type, spec.optimizer.parameters["momentum"]) == ("sgd", 0.5)
    assert spec.train.early_stopping is not None
    assert (spec.train.early_stopping.patience, spec.train.early_stopping.min_delta) == (3, 0.1)
    assert load(write("off.json", {"extends": "base.json", "train": {"early_stopping": None}})).spec.train.epochs == 5


def test_a_dict_and_a_chain_extend_too(write: Write) -> None:
    write("middle.json", {"extends": "base.json", "train": {"epochs": 7}})
    spec = load({"extends": "middle.json", "seed": 3}, {"train.epochs": 9}).spec
    assert (spec.seed, spec.train.epochs, spec.optimizer.type) == (3, 9, "sgd")


def test_paths_of_a_base_are_relative_to_it(write: Write, tmp_path: Path) -> None:
    write("far/base.json", {**BASE, "data": {**BASE["data"], "path": {"train": "../t.csv"}}, "plugins": ["p.py"]})
    (tmp_path / "far" / "p.py").write_text(
        "from numbann import hookimpl\n@hookimpl\ndef numbann_register(register): ...\n"
    )
    over = write("over.json", {"extends": "far/base.json"})
    assert load(over).spec.data.path == {"train": str(tmp_path / "far" / "../t.csv")}
    assert plugins_of(over) == [tmp_path / "far" / "p.py"]
    assert load(write("near.json", {"extends": "base.json"})).spec.data.path == "t.csv"


def test_faults_name_the_file_they_are_in(write: Write) -> None:
    write("base.json", json.dumps({**BASE, "seed": -1, "model": {"layers": [0, 0, 0]}}, indent=1))
    over = {"extends": "base.json", "model": {"layers": [{"units": 8, "activation": "rleu"}]}, "train": {"epochs": 0}}
    found = faults(write("over.json", over))
    assert [line.partition("  ")[0].partition(":")[0] for line in found] == ["over.json", "over.json", "base.json"]
    assert found[0].startswith("over.json:7  model.layers[0].activation: unknown activation")
    assert found[1].startswith("over.json:12  train.epochs: 0 is not allowed")
    assert found[2].startswith("base.json:26  seed: -1 is not allowed")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"extends": "bsae.json"}, ["over.json:2  extends: ", '"bsae.json": no such file in ']),
        ({"extends": 3}, ["over.json:2  extends: 3 is not allowed; give the path of a spec"]),
        ({"extends": "over.json"}, ["over.json:2  extends: a circle: over.json extends over.json; leave one"]),
        ({"extends": "back.json"}, ["back.json:2  extends: a circle: over.json extends back.json extends over.json"]),
        ({"extends": "list.json"}, ["list.json:1  [] is not allowed; give an object"]),
        ({"extends": "broken.json"}, ["broken.json:1  column 2: expected"]),
    ],
)
def test_bases_that_cannot_be(write: Write, spec: Any, words: list[str]) -> None:
    write("back.json", {"extends": "over.json"})
    write("list.json", "[]")
    write("broken.json", "{x")
    found = faults(write("over.json", spec))
    assert all(part in found[0] for part in words), found


def test_it_is_for_files(write: Write) -> None:
    assert "is for files alone" in faults(write("over.json", BASE), {"extends": "base.json"})[0]
