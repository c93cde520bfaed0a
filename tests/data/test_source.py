"""From a section to a dataset: parts, shares, decisions and facts; and the examples load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.source import SplitData, load
from numbann.errors import DataError

Load = Callable[..., SplitData]
EXAMPLES = Path(__file__).parents[2] / "examples"
ROWS = "".join(f"{i}.5,{'yes' if i % 4 == 0 else 'no'}\n" for i in range(40))


def test_a_section_becomes_a_dataset(load_table: Load, tmp_path: Path) -> None:
    source = load_table("a,y\n" + ROWS, split={"validation": None, "test": None})
    facts = source.facts
    assert facts.rows == {"train": 28, "validation": 6, "test": 6}
    assert (facts.stratify, facts.scale, facts.delimiter, facts.inputs) == (True, "standard", ",", 1)
    assert facts.notes == (
        "task: classification (the target is text)",
        "split: train 28 rows, validation 6 rows, test 6 rows",
    )
    digest = hashlib.sha256((tmp_path / "t.csv").read_bytes()).hexdigest()
    assert facts.files == ((str(tmp_path / "t.csv"), digest),)
    dataset = source.prepare(target="label", scale="standard", target_scale="none", dtype="float32")
    assert dataset.validation is not None
    assert dataset.test is not None
    assert dataset.train.x.shape == (28, 1)
    assert dataset.train.t.dtype == np.int64
    positive = [int((part.raw_target == "yes").sum()) for part in (dataset.train, dataset.validation, dataset.test)]
    assert positive == [7, 2, 1]


def test_words_of_truth_are_told_from_text(load_table: Load) -> None:
    source = load_table("a,y\n" + ROWS.replace("yes", "True").replace("no", "false"))
    assert source.facts.notes[0] == "task: classification (the target is true or false)"


def test_the_seed_decides_the_split(load_table: Load) -> None:
    sources = [load_table("a,y\n" + ROWS, split={"test": 0.2}, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (np.asarray(source.parts["test"][1]).tolist() for source in sources)
    assert first == again != other


def test_given_parts_are_kept_whole(tmp_path: Path, section: Callable[..., Any]) -> None:
    (tmp_path / "train.csv").write_text("a,b,y\n" + "".join(f"{i},x,{i}.5\n" for i in range(20)))
    (tmp_path / "test.csv").write_text("y,b,a\n9.5,x,1\n8.5,z,2\n")
    path = {"train": "train.csv", "test": "test.csv"}
    source = load(section(path, split={"validation": 0.25, "test": None}), tmp_path, 0)
    assert source.facts.rows == {"train": 15, "validation": 5, "test": 2}
    dataset = source.prepare(target="real", scale="none", target_scale="none", dtype="float32")
    assert dataset.test is not None
    assert dataset.test.x.tolist() == [[1, 1], [2, 0]]
    assert dataset.test.t.tolist() == [[9.5], [8.5]]
    assert dataset.warnings[0].startswith('test: column "b": 1 row')
    assert source.facts.files[1][0].endswith("test.csv")


def test_cells_of_a_column_that_training_has_empty_are_missing(tmp_path: Path, section: Callable[..., Any]) -> None:
    (tmp_path / "train.csv").write_text("e,a,y\n" + "".join(f",{i},{i}.5\n" for i in range(20)))
    (tmp_path / "test.csv").write_text("y,a,e\n9.5,1,word\n8.5,2,NA\n")
    path = {"train": "train.csv", "test": "test.csv"}
    source = load(section(path, split={"test": None}, missing="indicate"), tmp_path, 0)
    dataset = source.prepare(target="real", scale="none", target_scale="none", dtype="float32")
    assert dataset.test is not None
    assert dataset.test.x.tolist() == [[0, 1, 1], [0, 1, 2]]
    assert 'column "e": 1 text, taken as missing, since train.csv has no cell there' in source.facts.notes
    (tmp_path / "test.csv").write_text("y,a,e\n9.5,1,7\n8.5,2,\n")
    source = load(section(path, split={"test": None}, missing="indicate"), tmp_path, 0)
    numbers = source.prepare(target="real", scale="none", target_scale="none", dtype="float32").test
    assert numbers is not None
    assert numbers.x.tolist() == dataset.test.x.tolist()
    assert 'column "e": 1 number, taken as missing, since train.csv has no cell there' in source.facts.notes
    (tmp_path / "more.csv").write_text("e,a,y\n1,2,3\n")
    (tmp_path / "text.csv").write_text("e,a,y\nword,2,3\n")
    with pytest.raises(DataError, match='"word" is no number, but the column holds no text in an earlier file'):
        load(section(["train.csv", "more.csv", "text.csv"], missing="indicate"), tmp_path, 0)


def test_parts_must_agree(tmp_path: Path, section: Callable[..., Any]) -> None:
    (tmp_path / "train.csv").write_text("a,y\n1,0.5\n2,1.5\n")
    path = {"train": "train.csv", "test": "test.csv"}
    for content, message in (
        ("b,y\n1,2\n", 'test.csv has no column "a"'),
        ("a,y\nx,0.5\n", "holds no text in train.csv"),
    ):
        (tmp_path / "test.csv").write_text(content)
        with pytest.raises(DataError, match=message):
            load(section(path, split={"test": None}), tmp_path, 0)


def test_a_class_only_outside_training_is_warned_of(tmp_path: Path, section: Callable[..., Any]) -> None:
    (tmp_path / "train.csv").write_text("a,y\n1,p\n2,q\n")
    (tmp_path / "test.csv").write_text("a,y\n1,r\n")
    source = load(section({"train": "train.csv", "test": "test.csv"}, split={"test": None}), tmp_path, 0)
    assert source.task.classes_or_pairs == ("p", "q", "r")
    dataset = source.prepare(target="one_hot", scale="none", target_scale="none", dtype="float32")
    assert dataset.warnings == ('no training row has the class "r"; it cannot be learned',)


@pytest.mark.parametrize(
    ("name", "task", "inputs", "rows"),
    [
        ("digits", "classification", 64, 1797),
        ("regression", "regression", 10, 442),
        ("binary", "classification", 14, 1200),
        ("multilabel", "multilabel", 6, 1000),
    ],
)
def test_the_examples_load(section: Callable[..., Any], name: str, task: str, inputs: int, rows: int) -> None:
    spec = json.loads((EXAMPLES / f"{name}.json").read_text())
    source = load(section(**spec["data"]), EXAMPLES, spec["seed"])
    assert (source.task.name, source.facts.inputs, sum(source.facts.rows.values())) == (task, inputs, rows)
