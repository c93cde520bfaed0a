"""Parts by a column's order, its groups or its words; samples of rows; targets that are bent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numbann.data.source import Dataset, SplitData
from numbann.data.tasks import task_from_dict
from numbann.data.tasks.task import Outcome
from numbann.errors import DataError

Load = Callable[..., SplitData]
DAYS = "day,who,part,a,y\n" + "".join(
    f"2024-0{9 - k // 10}-{10 + k % 10},w{k % 7},{['train', 'Validation', 'test'][k % 3]},{k},{k}.5\n"
    for k in range(60)
)


def prepared(source: SplitData) -> Dataset:
    return source.prepare(target="real", scale="none", target_scale="none", dtype="float64")


def rows_of(source: SplitData) -> dict[str, list[int]]:
    """The rows of each part, by the feature a."""
    return {name: [int(value) for value in part.x[:, 0]] for name, part in prepared(source).parts.items()}


def test_by_time(load_table: Load) -> None:
    source = load_table(DAYS, split={"by": "day", "validation": 0.1, "test": 0.2}, drop=["who", "part"])
    assert source.facts.features == ("a",), "the column is no feature"
    found = rows_of(source)
    days = np.array([line.split(",")[0] for line in DAYS.splitlines()[1:]])
    last = {part: (min(days[rows]), max(days[rows])) for part, rows in found.items()}
    assert last["train"][1] <= last["validation"][0] <= last["validation"][1] <= last["test"][0]
    assert {part: len(rows) for part, rows in found.items()} == {"train": 42, "validation": 6, "test": 12}


def test_a_column_that_the_split_goes_by_may_be_a_feature(load_table: Load) -> None:
    columns = {"day": {"dates": "parts"}}
    source = load_table(DAYS, split={"by": "day", "test": 0.2}, drop=["who", "part"], columns=columns)
    assert source.facts.inputs == 7
    numbers = load_table(DAYS, split={"by": "a", "test": 0.2}, features=["a"])
    assert rows_of(numbers)["test"] == [*range(48, 60)]


def test_by_groups(load_table: Load) -> None:
    for seed in range(5):
        source = load_table(DAYS, split={"group": "who", "validation": 0.15, "test": 0.3}, features=["a"], seed=seed)
        found = rows_of(source)
        groups = {part: {row % 7 for row in rows} for part, rows in found.items()}
        assert sum(map(len, groups.values())) == 7, "no group is in two parts"
        assert abs(len(found["test"]) - 18) <= 5
        assert sorted(row for rows in found.values() for row in rows) == [*range(60)]
    assert rows_of(load_table(DAYS, split={"group": "who", "test": 0.3}, features=["a"], seed=1)) != rows_of(
        load_table(DAYS, split={"group": "who", "test": 0.3}, features=["a"], seed=2)
    )


def test_the_split_goes_by_the_target_or_the_weight(load_table: Load) -> None:
    by_target = load_table(DAYS, split={"by": "y", "test": 0.2}, features=["a"])
    assert rows_of(by_target)["test"] == [*range(48, 60)]
    by_weight = load_table(DAYS, split={"by": "a", "test": 0.2}, features=["day", "who"], weight="a")
    assert prepared(by_weight).parts["test"].raw_target[:, 0].tolist() == [row + 0.5 for row in range(48, 60)]
    source = load_table(DAYS, "who", split={"group": "who", "test": 0.3}, features=["a"])
    raw, train = source.parts["train"]
    classes = np.asarray(source.task.original(raw))
    assert not {*classes[train]} & {*classes[source.parts["test"][1]]}


def test_by_a_column_that_says_so(load_table: Load) -> None:
    found = rows_of(load_table(DAYS, split={"column": "part", "validation": None, "test": None}, features=["a"]))
    assert found == {part: [*range(k, 60, 3)] for k, part in enumerate(("train", "validation", "test"))}


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"by": "who", "test": 0.1}, r't.csv row 2, column "who": "w0" is no number and no date like 2024-12-31'),
        ({"column": "who"}, r't.csv row 2, column "who": "w0" is no part; write train, validation or test'),
        ({"by": "dya", "test": 0.1}, r'has no column "dya"; did you mean "day"\?'),
        ({"group": "part", "validation": 0.1, "test": 0.1, "stratify": True}, "are not stratified; set it to false"),
    ],
)
def test_what_cannot_be_split(load_table: Load, split: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_table(DAYS, split=split)


def test_too_few_groups(load_table: Load) -> None:
    with pytest.raises(DataError, match='1 group of "g" cannot be 2 parts; hold back fewer parts'):
        load_table("g,a,y\n" + "p,1,0.5\n" * 9, split={"group": "g", "test": 0.3})


def test_a_sample_of_rows(load_table: Load) -> None:
    text = "a,y\n" + "".join(f"{k},{'rare' if k % 20 == 0 else 'usual'}\n" for k in range(200))
    for asked, count in ((0.3, 60), (40, 40), (1000, 200)):
        source = load_table(text, rows=asked, split={"test": 0.2})
        assert sum(source.facts.rows.values()) == count
        labels = source.parts["train"][0].targets["y"].original.tolist()
        assert labels.count("rare") == round(count / 20), "classes keep their proportions"
    assert "rows: 40 of 200 rows are used (data.rows)" in load_table(text, rows=40).facts.notes
    twice = [load_table(text, rows=40, seed=seed).parts["train"][0].table.numbers.tolist() for seed in (1, 1, 2)]
    assert twice[0] == twice[1] != twice[2]


@pytest.mark.parametrize("scale", ["standard", "log", "quantile"])
def test_targets_come_back_in_their_own_unit(load_table: Load, scale: str) -> None:
    values = np.exp(np.random.default_rng(0).normal(3, 2, 200)).round(3)
    source = load_table("a,y\n" + "".join(f"{k},{value}\n" for k, value in enumerate(values)))
    dataset = source.prepare(target="real", scale="none", target_scale=scale, dtype="float64")
    t = dataset.train.t
    assert (t.mean(), t.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    task = task_from_dict(json.loads(json.dumps(dataset.preprocessing.task.to_dict())))
    assert task == dataset.preprocessing.task
    outcome = Outcome(t, "real", "identity")
    inside = (values > np.quantile(values, 0.01)) & (values < np.quantile(values, 0.99))
    inner = inside if scale == "quantile" else slice(None)
    np.testing.assert_allclose(task.predictions(outcome)[inner], values[inner], rtol=1e-9)
    assert task.measurable(outcome, task.truth(dataset.train.raw_target))["t"][:, 0].tolist() == values.tolist()


@pytest.mark.parametrize("scale", ["none", "standard", "log"])
def test_predictions_are_kept_between_the_targets_of_training(load_table: Load, scale: str) -> None:
    text = "a,y,z\n" + "".join(f"{k},{k}.5,{-k}.25\n" for k in range(20))
    source = load_table(text, ["y", "z"])
    dataset = source.prepare(target="real", scale="none", target_scale=scale, dtype="float64", target_clip=True)
    task = task_from_dict(json.loads(json.dumps(dataset.preprocessing.task.to_dict())))
    assert task == dataset.preprocessing.task
    outputs = np.vstack((dataset.train.t, [[50, 50], [-50, -50]]))
    found = task.predictions(Outcome(outputs, "real", "identity"))
    np.testing.assert_allclose(found[:-2], dataset.train.raw_target, rtol=1e-12)
    assert found[-2:].tolist() == [[19.5, 0.25], [0.5, -19.25]]
