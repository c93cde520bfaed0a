"""Weights of rows and of classes: where they are read, what is refused, and their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.preprocessing import Preprocessing
from numbann.data.source import Dataset, SplitData, load
from numbann.errors import DataError

Load = Callable[..., SplitData]
Section = Callable[..., dict[str, Any]]
TABLE = "a,w,y\n" + "".join(f"{i}.5,{i % 3},{'yes' if i % 4 == 0 else 'no'}\n" for i in range(12))


def prepared(source: SplitData, target: str = "label") -> Dataset:
    return source.prepare(target=target, scale="none", target_scale="none", dtype="float32")


def test_the_column_of_weights_is_no_feature(load_table: Load) -> None:
    source = load_table(TABLE, weight="w")
    assert source.facts.features == ("a",)
    part = prepared(source).train
    assert part.weight is not None
    assert part.weight.tolist() == [0.0, 1.0, 2.0] * 4
    assert part.loss_weight is part.weight


def test_without_weights_there_are_none(load_table: Load) -> None:
    part = prepared(load_table(TABLE)).train
    assert (part.weight, part.loss_weight) == (None, None)


def test_weights_follow_the_split(load_table: Load) -> None:
    dataset = prepared(load_table(TABLE, weight="w", split={"validation": 0.25}))
    for part in (dataset.train, dataset.validation):
        assert part is not None
        assert part.weight is not None
        np.testing.assert_array_equal(part.weight, np.asarray(part.x)[:, 0] // 1 % 3)


def test_an_array_of_weights(tmp_path: Path, section: Section) -> None:
    x, y = np.arange(6.0).reshape(3, 2), np.array([0.5, 1, 2])
    np.savez(tmp_path / "d.npz", x=x, y=y, w=np.array([[1], [0], [3]], np.uint8), wide=np.ones((3, 2)))
    part = prepared(load(section("d.npz", None, weight="w"), tmp_path, 0), "real").train
    assert part.weight is not None
    assert (part.weight.tolist(), part.weight.dtype) == ([1, 0, 3], np.float64)
    for name, message in (
        ("ww", 'has no column "ww"; did you mean "w"'),
        ("wide", "no column of weights"),
        ("y", "too"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            load(section("d.npz", None, weight=name), tmp_path, 0)
        assert caught.value.key == "data.weight"
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    with pytest.raises(DataError, match=r'x.npy has no column of weights "w"; weights are .* an array of an .npz'):
        load(section({"x": "x.npy", "y": "y.npy"}, None, weight="w"), tmp_path, 0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (["1", "2", "-1"], 't.csv row 4, column "w": the weight is negative'),
        (["1", "", "1"], 't.csv row 3, column "w": the weight is missing'),
        (["1", "2", "1e400"], 't.csv row 4, column "w": "1e400" is too large'),
        (
            ["1", "x", "2"],
            't.csv row 3, column "w": "x" is no number in a column of numbers .row 2.; correct the cell$',
        ),
        (["", "x", "x"], 't.csv row 3, column "w": "x" is no number; a weight must be one'),
        (["0", "0", "0"], 't.csv row 2, column "w": this weight and all others are 0'),
    ],
)
def test_weights_that_are_refused(load_table: Load, weights: list[str], message: str) -> None:
    rows = "".join(f"{i},{weight},{i}.5\n" for i, weight in enumerate(weights))
    with pytest.raises(DataError, match=message):
        load_table("a,w,y\n" + rows, weight="w")


def test_an_infinite_weight_in_an_array(tmp_path: Path, section: Section) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((2, 1)), y=np.array([0.5, 1]), w=np.array([1, np.inf]))
    with pytest.raises(DataError, match=r'd.npz row 2, column "w": the weight is infinite'):
        load(section("d.npz", None, weight="w"), tmp_path, 0)


def test_columns_that_are_no_weights(load_table: Load) -> None:
    for changes, message in (
        ({"weight": "v"}, 't.csv has no column "v"'),
        ({"weight": "y"}, '"y" is a feature or a target too'),
        ({"weight": "w", "features": ["a", "w"]}, '"w" is a feature or a target too'),
    ):
        with pytest.raises(DataError, match=message) as caught:
            load_table(TABLE, **changes)
        assert caught.value.key == "data.weight"


def test_every_part_that_is_given_needs_weights(tmp_path: Path, section: Section) -> None:
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "test.csv").write_text("a,y\n1,no\n")
    paths = {"train": "train.csv", "test": "test.csv"}
    with pytest.raises(DataError, match=r'test.csv has no column of weights "w"') as caught:
        load(section(paths, weight="w", split={"test": None}), tmp_path, 0)
    assert caught.value.key == "data.weight"


def test_a_part_in_which_no_row_counts(load_table: Load) -> None:
    source = load_table(TABLE, class_weight={"no": 0, "yes": 0})
    with pytest.raises(DataError, match="every row of the train part has a weight of 0") as caught:
        prepared(source)
    assert caught.value.key == "data.class_weight"


# ---- classes


def test_balanced_is_of_the_training_part(load_table: Load) -> None:
    """3 of 12 rows are yes; with a part held back, the counts are those of the rest."""
    source = load_table(TABLE, class_weight="balanced", weight="w")
    assert source.class_weights == (12 / (2 * 9), 12 / (2 * 3))
    assert source.facts.notes[-1] == "class_weight: no: 0.667, yes: 2"
    part = prepared(source).train
    assert part.weight is not None
    assert part.loss_weight is not None
    np.testing.assert_allclose(part.loss_weight, part.weight * np.where(part.raw_target == "yes", 2, 2 / 3))
    split = load_table(TABLE, class_weight="balanced", split={"validation": 0.5})
    labels = prepared(split).train.raw_target
    assert split.class_weights == tuple(len(labels) / (2 * (labels == name).sum()) for name in ("no", "yes"))


def test_balanced_is_scikit_learns(load_table: Load) -> None:
    learned = pytest.importorskip("sklearn.utils.class_weight")
    labels = ["a"] * 17 + ["b"] * 2 + ["c"] * 5
    source = load_table("x,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)), class_weight="balanced")
    expected = learned.compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=np.array(labels))
    np.testing.assert_allclose(source.class_weights, expected, rtol=1e-15)


def test_a_class_without_training_rows_is_left_out(tmp_path: Path, section: Section) -> None:
    (tmp_path / "train.csv").write_text("a,y\n1,p\n2,q\n3,q\n")
    (tmp_path / "test.csv").write_text("a,y\n1,r\n")
    paths = {"train": "train.csv", "test": "test.csv"}
    source = load(section(paths, class_weight="balanced", split={"test": None}), tmp_path, 0)
    assert source.class_weights == (3 / 2, 3 / 4, 1.0)


def test_weights_by_label(load_table: Load) -> None:
    assert load_table(TABLE, class_weight={"yes": 5}).class_weights == (1.0, 5.0)
    numbers = "a,y\n" + "".join(f"{i},{i % 3}\n" for i in range(30))
    assert load_table(numbers, class_weight={"2": 0.5, "0": 0}, task="classification").class_weights == (0, 1, 0.5)
    with pytest.raises(DataError, match='"Yes" is no class; did you mean "yes"') as caught:
        load_table(TABLE, class_weight={"Yes": 5})
    assert caught.value.key == "data.class_weight"


def test_a_regression_has_no_classes(load_table: Load) -> None:
    for asked in ("balanced", {"1": 2}):
        with pytest.raises(DataError, match="regression has none; leave it out") as caught:
            load_table("a,y\n1,0.5\n2,1.5\n", class_weight=asked)
        assert caught.value.key == "data.class_weight"
    labels = "a,p,q\n1,0,1\n2,1,0\n"
    with pytest.raises(DataError, match="multilabel has none"):
        load_table(labels, target=["p", "q"], task="multilabel", class_weight="balanced")


def test_probabilities_weigh_by_their_mean(load_table: Load) -> None:
    content = "a,p,q\n1,0.25,0.75\n2,1,0\n3,0.5,0.5\n4,0.25,0.75\n"
    given = load_table(content, target=["p", "q"], task="classification", class_weight={"q": 3})
    part = prepared(given, "real").train
    assert part.loss_weight is not None
    np.testing.assert_allclose(part.loss_weight, [2.5, 1, 2, 2.5])
    balanced = load_table(content, target=["p", "q"], task="classification", class_weight="balanced")
    assert balanced.class_weights == (1.0, 1.0)


# ---- new data


def test_new_data_may_lack_weights(load_table: Load, tmp_path: Path) -> None:
    fitted = prepared(load_table(TABLE, weight="w", class_weight={"yes": 5})).preprocessing
    assert Preprocessing.from_dict(fitted.to_dict()) == fitted
    (tmp_path / "new.csv").write_text("w,a,y\n2,1,yes\n3,2,no\n")
    found = fitted.read(tmp_path / "new.csv", need_target=True)
    assert found.weight is not None
    assert (found.weight.tolist(), found.warnings) == ([2, 3], ())
    weight = fitted.loss_weight(found.raw_target, found.weight)
    assert weight is not None
    assert weight.tolist() == [10, 3]
    assert fitted.read(tmp_path / "new.csv", need_target=False).weight is None
    (tmp_path / "new.csv").write_text("a,y\n1,yes\n2,no\n")
    found = fitted.read(tmp_path / "new.csv", need_target=True)
    assert (found.weight, found.warnings) == (None, ('there are no weights "w"; all rows count alike',))
    (tmp_path / "new.csv").write_text("w,a,y\n2,1,yes\n-3,2,no\n")
    with pytest.raises(DataError, match=r'new.csv row 3, column "w": the weight is negative'):
        fitted.read(tmp_path / "new.csv", need_target=True)


def test_a_model_file_without_weights_is_read(load_table: Load) -> None:
    """As an older version wrote it."""
    fitted = prepared(load_table(TABLE, drop=["w"])).preprocessing
    stored = fitted.to_dict()
    del stored["class_weights"], stored["kinds"], stored["reading"]["weight"]
    assert Preprocessing.from_dict(stored) == fitted


# ---- targets of losses that take none below 0


def test_a_target_below_zero(load_table: Load, tmp_path: Path) -> None:
    source = load_table("a,y,z\n1,0.5,1\n2,0,2\n3,1.5,-2\n", target=["y", "z"])
    asked: dict[str, Any] = {"target": "real", "scale": "none", "target_scale": "none", "dtype": "float32"}
    assert not source.prepare(**asked).preprocessing.kinds
    with pytest.raises(
        DataError, match=r't.csv row 4, column "z": the target is -2, but this loss takes none'
    ) as caught:
        source.prepare(**asked, kinds=("nonnegative", "nonnegative"))
    assert caught.value.key == "loss"
    with pytest.raises(DataError, match=r'row 3, column "y": the target is 0.0, but this loss takes those above 0;'):
        source.prepare(**asked, kinds=("positive", "real"))
    above = r'row 4, column "z": the target is -2, but this loss takes those above "y" of its row; correct'
    with pytest.raises(DataError, match=above):
        source.prepare(**asked, kinds=("real", "above"))
    fitted = load_table("a,y\n1,0.5\n2,0\n").prepare(**asked, kinds=("nonnegative",)).preprocessing
    (tmp_path / "new.csv").write_text("a,y\n1,3\n2,-0.5\n")
    with pytest.raises(DataError, match=r'new.csv row 3, column "y": the target is -0.5'):
        fitted.read(tmp_path / "new.csv", need_target=True)
    fitted.read(tmp_path / "new.csv", need_target=False)
