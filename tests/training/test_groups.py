"""data.group in a spec: batches and parts of whole groups, evaluation, resuming, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import DataError, SpecError
from numbann.training.preparation import prepare
from numbann.training.range_test import find_learning_rate

Spec = Callable[..., dict[str, Any]]


@pytest.fixture
def spec(here: Path) -> Spec:
    """A table of queries with grades that a query lifts as a whole, and a spec of it with other keys of data."""
    random = np.random.default_rng(0)
    query = random.permutation(np.repeat(np.arange(80), random.integers(3, 15, 80)))
    x, level = random.standard_normal((len(query), 4)), 4 * random.standard_normal(80)
    worth = x[:, 0] + x[:, 1] * x[:, 2] + level[query] + 0.2 * random.standard_normal(len(query))
    rank = np.array([(worth[query == own] < value).sum() for own, value in zip(query, worth, strict=True)])
    rows = np.column_stack([x.round(4), np.minimum(rank, 6)]).tolist()
    lines = [f"q{own:02d},{','.join(f'{cell:g}' for cell in row)}" for own, row in zip(query, rows, strict=True)]
    Path("pages.csv").write_text("\n".join(["query,a,b,c,d,grade", *lines]))

    def make(**data: Any) -> dict[str, Any]:
        given = {"path": "pages.csv", "target": "grade", "task": "regression", "group": "query", **data}
        model = {"layers": [{"units": 16, "activation": "tanh"}]}
        train = {"epochs": 6, "batch_size": 40, "threads": 1}
        return {"data": given, "model": model, "loss": "ranknet", "train": train}

    return make


def queries(path: str = "pages.csv") -> np.ndarray:
    return np.array([line.partition(",")[0] for line in Path(path).read_text().split()[1:]])


def test_a_run_by_groups(spec: Spec) -> None:
    """The parts hold whole groups; the metric is that of an order; the model needs no group to predict."""
    notes: list[str] = []
    run = numbann.train(spec(), output="run", callbacks=[lambda event: notes.extend(getattr(event, "notes", ()))])
    assert any(note.startswith("group: train has 5") and '"query", of 3 to 14 rows' in note for note in notes)
    assert "validation_ndcg" in run.history[0]
    assert run.metrics["test"]["ndcg"] > run.metrics["baseline"]["test"]["ndcg"] + 0.08
    assert run.model.features == ("a", "b", "c", "d")
    assert json.loads(Path("run/spec.resolved.json").read_text())["data"]["group"] == "query"
    features = {name: np.zeros(3) for name in "abcd"}
    assert run.model.predict(features).shape == (3,)


def test_parts_are_whole_groups_by_default(spec: Spec) -> None:
    parts = prepare(spec(), None, lambda event: None).dataset.parts
    found = [len(np.unique(part.group)) for part in parts.values() if part.group is not None]
    assert len(found) == 3
    assert sum(found) == 80


def test_evaluation_is_that_of_the_run(spec: Spec) -> None:
    """Of the same rows in another order; a model that is loaded knows its groups."""
    Path("test.csv").write_text("\n".join(np.array(Path("pages.csv").read_text().split())[[0, *range(1, 200)]]))
    run = numbann.train(spec(path={"train": "pages.csv", "test": "test.csv"}), output="run")
    model = numbann.load("run")
    assert model.evaluate("test.csv") == pytest.approx(run.metrics["test"])
    lines = Path("test.csv").read_text().split()
    Path("other.csv").write_text("\n".join([lines[0], *lines[:0:-1]]))
    assert model.evaluate("other.csv") == pytest.approx(run.metrics["test"], rel=1e-4)
    Path("bare.csv").write_text("\n".join(line.partition(",")[2] for line in lines))
    with pytest.raises(DataError, match='has no column "query"'):
        model.evaluate("bare.csv")
    assert len(model.predict(np.zeros((4, 4)))) == 4


def test_resuming_has_the_same_bits(spec: Spec) -> None:
    whole = numbann.train(spec(), output="whole")
    numbann.train(spec(), output="part", overrides={"train.epochs": 3})
    part = numbann.resume("part", epochs=6)
    assert all(whole.model.tensors[name].tobytes() == tensor.tobytes() for name, tensor in part.model.tensors.items())


def test_some_rows_are_whole_groups(spec: Spec) -> None:
    whole = queries()
    train = prepare(spec(rows=0.3, split={"validation": 0, "test": 0}), None, lambda event: None).dataset.train
    assert train.group is not None
    sizes = {int((whole == own).sum()) for own in np.unique(whole)}
    assert {int(count) for count in np.unique(train.group, return_counts=True)[1]} <= sizes
    assert 0.3 * len(whole) <= len(train.t) <= 0.3 * len(whole) + 14


def test_a_split_of_its_own_and_rows_without_a_group(spec: Spec) -> None:
    text = Path("pages.csv").read_text().replace("\nq00,", "\n,")
    Path("pages.csv").write_text(text)
    parts = prepare(spec(split={"by": "a"}), None, lambda event: None).dataset.parts
    found = [len(np.unique(part.group)) for part in parts.values() if part.group is not None]
    assert sum(found) > 79 + text.count("\n,")
    whole = prepare(spec(split={"validation": 0, "test": 0}), None, lambda event: None).dataset.train
    assert len(np.unique(whole.group)) == 79 + text.count("\n,")


def test_without_groups_there_is_a_note(spec: Spec) -> None:
    told: list[str] = []
    prepare(spec(group=None, drop=["query"]), None, lambda event: told.extend(getattr(event, "notes", ())))
    assert any("ranknet takes each batch for one group; data.group names" in note for note in told)


def test_diagnostics_and_a_range_test_take_whole_groups(spec: Spec) -> None:
    run = numbann.train(spec(), output="run", overrides={"train.diagnostics": True, "train.epochs": 2})
    assert run.history[1]["diagnostics"][0]["gradient_norm"] > 0
    assert len(find_learning_rate(spec(), steps=20).rates) > 3


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a feature": ({"data.features": ["a", "query"]}, r'data.group: "query" is in data.features too'),
    "the target": ({"data.group": "grade"}, r'data.group"\]: "grade" is in data.target too'),
    "no column": ({"data.group": "qury"}, r'data.group"\]: pages.csv has no column "qury"; did you mean "query"'),
    "a GPU": ({"train.device": "cuda"}, "data.group: batches of whole groups of rows are not for train.device"),
    "stripes": ({"train.shuffle": "stripes"}, r'train.shuffle"\]: batches hold whole groups of data.group'),
    "classes": ({"data.task": "classification", "loss": "auto", "train.metrics": ["ndcg"]}, "asks for value"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(spec: Spec, name: str) -> None:
    overrides, match = REFUSED[name]
    with pytest.raises(SpecError, match=match):
        prepare(spec(), overrides, lambda event: None)


def test_arrays_have_no_columns_of_groups(spec: Spec) -> None:
    np.savez("pages.npz", x=np.zeros((9, 2)), y=np.arange(9.0))
    with pytest.raises(SpecError, match=r'pages.npz has no column of groups "query"; groups are a column of a table'):
        prepare(spec(path="pages.npz", target=None), None, lambda event: None)


def test_an_ensemble_keeps_groups_in_one_fold(spec: Spec) -> None:
    """And is evaluated by groups."""
    run = numbann.train({**spec(), "ensemble": {"folds": 2}}, output="run", overrides={"train.epochs": 2})
    assert run.metrics["validation"]["ndcg"] > 0.5
    assert run.model.evaluate("pages.csv")["ndcg"] > 0.5
