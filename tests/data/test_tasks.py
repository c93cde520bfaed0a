"""The task is decided by the written rule; targets are encoded, and come back, as they were."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.preprocessing import Preprocessing
from numbann.data.source import SplitData, load
from numbann.data.tasks import task_from_dict
from numbann.data.tasks.class_probabilities import ClassProbabilities
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Outcome, Task
from numbann.errors import DataError

Load = Callable[..., SplitData]


def table(targets: list[Any], name: str = "y") -> str:
    return f"a,{name}\n" + "".join(f"{i}.5,{target}\n" for i, target in enumerate(targets))


@pytest.mark.parametrize(
    ("targets", "task", "reason"),
    [
        (["no", "yes"], "classification", "is text"),
        (["True", "False"], "classification", "is true or false"),
        ([0, 1] * 10, "classification", "whole numbers: 2 values in 20 rows"),
        ([0, 1] * 9 + [0], "regression", "whole numbers: 2 values in 19 rows"),
        (list(range(50)) * 10, "classification", "50 values"),
        (list(range(51)) * 10, "regression", "51 values"),
        (["1.0", "2.0"] * 10, "classification", "whole numbers: 2 values"),
        ([0.5, 1] * 50, "regression", "has fractions"),
    ],
)
def test_task_auto(load_table: Load, targets: list[Any], task: str, reason: str) -> None:
    facts = load_table(table(targets)).facts
    assert facts.task.name == task
    assert any(note.startswith(f"task: {task} (") and reason in note for note in facts.notes)


def test_a_given_task_holds_and_is_not_explained(load_table: Load) -> None:
    facts = load_table(table([0, 1] * 10), task="regression").facts
    assert facts.task.name == "regression"
    assert facts.task.classes_or_pairs is None
    assert not any(note.startswith("task") for note in facts.notes)
    assert load_table(table([0.5, 1.5]), task="classification").facts.task.classes_or_pairs == (0.5, 1.5)


@pytest.mark.parametrize(
    ("targets", "classes", "kind"),
    [(["b", "a"], ("a", "b"), str), ([10, 9] * 10, (9, 10), int), ([1.5, -2], None, None)],
)
def test_classes_are_sorted_and_as_they_came(load_table: Load, targets: list, classes: Any, kind: Any) -> None:
    found = load_table(table(targets)).task.classes_or_pairs
    assert found == classes
    assert kind is None or {type(label) for label in found or ()} == {kind}


def test_every_encoding_of_labels() -> None:
    target = Classification(("y",), ("a", "b", "c"))
    raw = np.array(["c", "a", "c"], dtype=object)
    assert target.encode(raw, "label", "float32").tolist() == [2, 0, 2]
    assert target.encode(raw, "label", "float32").dtype == np.int64
    assert target.encode(raw, "one_hot", "float32").tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert target.predictions(Outcome(np.eye(3)[[2, 0]], "label", "softmax")).tolist() == ["c", "a"]
    with pytest.raises(ValueError, match="unknown target"):
        target.encode(raw, "labels", "float32")


def test_of_two_classes_the_second_is_positive() -> None:
    binary = Classification(("y",), ("no", "yes")).encode(np.array(["yes", "no"], dtype=object), "binary", "float32")
    assert binary.tolist() == [[1], [0]]
    assert binary.dtype == np.float32


def test_real_targets_are_standardised_and_come_back() -> None:
    raw = np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    target = Regression(("a", "b")).fit(raw, "standard")
    t = target.encode(raw, "real", "float64")
    np.testing.assert_allclose(t.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(t.std(axis=0), [1, 0])
    np.testing.assert_allclose(target.predictions(Outcome(t, "real", "identity")), raw)
    np.testing.assert_array_equal(Regression(("a", "b")).fit(raw, "none").encode(raw, "real", "float64"), raw)


def test_lists_of_targets(load_table: Load) -> None:
    several = "a,p,q\n1,0.25,0.75\n2,1,0\n3,0.5,0.5\n"
    facts = load_table(several, target=["p", "q"]).facts
    assert (facts.task.name, facts.task.names) == ("regression", ("p", "q"))
    source = load_table(several, target=["p", "q"], task="classification")
    assert source.task == ClassProbabilities(("p", "q"))
    dataset = source.prepare(target="real", scale="none", target_scale="none", dtype="float32")
    assert dataset.train.t.tolist() == [[0.25, 0.75], [1, 0], [0.5, 0.5]]
    assert source.task.predictions(Outcome(dataset.train.t[:2], "real", "softmax")).tolist() == ["q", "p"]


MIXED = "a,p,q,r\n1,0,yes,true\n2,1,no,true\n3,1,no,false\n"
SEVERAL = {"target": ["p", "q", "r"], "task": "multilabel"}


def test_yes_no_labels(load_table: Load) -> None:
    source = load_table(MIXED, **SEVERAL)
    facts = source.facts
    assert (facts.task.name, facts.task.names, facts.stratify) == ("multilabel", ("p", "q", "r"), False)
    assert "labels: positive is p = 1, q = yes, r = true" in facts.notes
    for target in ("binary", "one_hot"):
        train = source.prepare(target=target, scale="none", target_scale="none", dtype="float32").train
        assert train.t.tolist() == [[0, 1, 1], [1, 0, 1], [1, 0, 0]]
        assert train.t.dtype == np.float32
    assert train.raw_target.tolist() == [[0, "yes", "true"], [1, "no", "true"], [1, "no", "false"]]


def test_yes_no_labels_come_back_from_a_model_file(load_table: Load) -> None:
    dataset = load_table(MIXED, **SEVERAL).prepare(target="binary", scale="none", target_scale="none", dtype="float32")
    again = Preprocessing.from_dict(json.loads(json.dumps(dataset.preprocessing.to_dict())))
    assert again == dataset.preprocessing
    assert again.task.classes_or_pairs == ((0, 1), ("no", "yes"), ("false", "true"))
    with pytest.raises(DataError, match='column "q" holds "maybe", which is no class of the model: "no", "yes"'):
        again.task.encode(np.array([[0, "maybe", "true"]], dtype=object), "binary", "float32")


@pytest.mark.parametrize(
    "task",
    [
        Classification(("y",), (1, 2)),
        ClassProbabilities(("p", "q")),
        Multilabel(("p", "q"), ((0, 1), ("n", "y"))),
        Regression(("p", "q"), (0.5, 1.0), (2.0, 3.0)),
    ],
)
def test_a_task_comes_back_from_a_model_file(task: Task) -> None:
    assert task_from_dict(json.loads(json.dumps(task.to_dict()))) == task


@pytest.mark.parametrize("name", ["auto", "task", "labels.x", "..split"])
def test_a_model_file_names_tasks_alone(name: str) -> None:
    with pytest.raises(ValueError, match="there is no task"):
        task_from_dict({"type": name, "names": ["y"]})


def test_a_label_without_an_example_in_training_is_told(section: Callable[..., dict], tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("a,p,q\n4,1,yes\n")
    (tmp_path / "train.csv").write_text("a,p,q\n1,0,yes\n2,0,no\n")
    path = {"train": "train.csv", "test": "test.csv"}
    given = section(path, ["p", "q"], task="multilabel", split={"test": None})
    source = load(given, tmp_path, 0)
    dataset = source.prepare(target="binary", scale="none", target_scale="none", dtype="float32")
    assert dataset.warnings == ('every training row has "0" in column "p"; the label cannot be learned',)


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        ("a,p,q\n1,0,5\n2,1,6\n3,1,7\n", {"target": ["p", "q"], "task": "multilabel"}, 'column "q" holds 3 values'),
        ("a,p,q\n1,0,x\n2,1,x\n", {"target": ["p", "q"], "task": "multilabel"}, 'column "q" holds one class only'),
        ("a,p\n1,0\n2,1\n", {"target": ["p"], "task": "multilabel"}, "list two target columns or more"),
        (MIXED, {**SEVERAL, "split": {"stratify": True}}, "classes of one target"),
        (table(["x", "x"]), {}, "one class only"),
        (table([3] * 30), {}, "one class only"),
        (table(["x", "y"]), {"task": "regression"}, '"x" is no number'),
        (table([2**60, 2**60 + 1] * 10), {}, "too large to be told apart"),
        ("a,p,q\n1,0.5,0.5\n2,0.5,0.6\n", {"target": ["p", "q"], "task": "classification"}, "t.csv row 3: .*sum to 1"),
        ("a,p\n1,0.5\n2,0.5\n", {"target": ["p"], "task": "classification"}, "two columns or more"),
        (table([0.5, 1.5]), {"split": {"stratify": True}}, "there are none"),
    ],
)
def test_targets_that_do_not_fit_the_task(load_table: Load, content: str, changes: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_table(content, **changes)


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(DataError, match='"d", which is no class of the model: "a", "b"'):
        Classification(("y",), ("a", "b")).encode(np.array(["a", "d"]), "label", "float32")


def test_a_target_beyond_the_dtype_is_refused() -> None:
    with pytest.raises(DataError, match=r'row 2, column "y": the target 1e\+300 is too large for float32'):
        Regression(("y",)).encode(np.array([[1], [1e300]]), "real", "float32")


@pytest.mark.parametrize(
    ("scale", "value", "words"),
    [("none", "1e200", "1e+200 is too large for float32"), ("standard", "-1e200", "-1e+200 is too large to be scaled")],
)
@pytest.mark.parametrize("split", [{}, {"test": 0.3}])
def test_the_place_of_a_target_beyond_the_dtype(
    load_table: Load, scale: str, value: str, words: str, split: Any
) -> None:
    rows = (f"{k},{k}.5,{value if k == 5 else k}\n\n" for k in range(20))
    source = load_table("a,y,z\n" + "".join(rows), target=["y", "z"], split=split)
    with pytest.raises(DataError, match=re.escape(f't.csv row 12, column "z": the target {words}')) as caught:
        source.prepare(target="real", scale="none", target_scale=scale, dtype="float32")
    assert caught.value.key == "data.target"
