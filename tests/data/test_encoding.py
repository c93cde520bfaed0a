"""Scaling, filling and one-hot, fitted on the training rows alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from numbann.data import table as table_module
from numbann.data.encoding import holes_of
from numbann.data.source import Dataset, SplitData
from numbann.data.table import Raw, Table
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.transform import Columns
from numbann.errors import DataError

Load = Callable[..., SplitData]


def prepared(source: SplitData, scale: str = "none", dtype: str = "float64") -> Dataset:
    return source.prepare(target="real", scale=scale, target_scale="none", dtype=dtype)


def numbers(values: list[str]) -> str:
    return "a,y\n" + "".join(f"{value},{i}.5\n" for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("none", [0, 51, 255]),
        ("byte", [0, 0.2, 1]),
        ("minmax", [0, 0.2, 1]),
        ("standard", [(x - 102) / np.sqrt((102**2 + 51**2 + 153**2) / 3) for x in (0, 51, 255)]),
    ],
)
def test_scales(load_table: Load, scale: str, expected: list[float]) -> None:
    x = prepared(load_table(numbers(["0", "51", "255"])), scale).train.x
    np.testing.assert_allclose(x[:, 0], expected, rtol=1e-14)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_constant_column_is_divided_by_one(load_table: Load, scale: str) -> None:
    dataset = prepared(load_table(numbers(["0.1"] * 7)), scale)
    assert dataset.train.x.tolist() == [[0.0]] * 7
    assert dataset.preprocessing.transform([[2.1]]).tolist() == [[2.0]]


def test_everything_is_fitted_on_the_training_part(load_table: Load) -> None:
    source = load_table(numbers([str(x * x) for x in range(40)]), split={"validation": 0.25, "test": 0.25})
    dataset = prepared(source, "standard")
    assert dataset.train.x.mean() == pytest.approx(0, abs=1e-12)
    assert dataset.train.x.std() == pytest.approx(1)
    assert dataset.test is not None
    assert abs(dataset.test.x.mean()) > 1e-3


def test_missing_numbers_are_counted_in_the_rows_asked_for() -> None:
    """Columns without any in all rows are not looked at again, for each fold."""
    random = np.random.default_rng(0)
    values = random.standard_normal((50, 6))
    values[random.random((50, 6)) < [0, 0.2, 0, 0.5, 1, 0]] = np.nan
    names, rows = tuple("abcdef"), random.permutation(50)[:20]
    raw = Raw(Table(names, values, {}), {}, str)
    assert holes_of(Columns(raw, rows)) == np.isnan(values[rows]).sum(axis=0).tolist()
    assert raw.table.complete == {"a", "c", "f"}
    values[:] = np.nan
    assert holes_of(Columns(raw, rows, chosen=("f", "b"))) == [0, 20]


@pytest.mark.parametrize(("missing", "filled"), [("mean", 4.0), ("median", 2.0)])
def test_missing_numbers_are_filled(load_table: Load, missing: str, filled: float) -> None:
    dataset = prepared(load_table(numbers(["1", "", "2", "9"]), missing=missing))
    assert dataset.train.x[:, 0].tolist() == [1, filled, 2, 9]


def test_a_column_without_any_number_cannot_be_filled(load_table: Load) -> None:
    source = load_table("a,b,y\n,1,0.5\n,2,1.5\n", missing="mean")
    with pytest.raises(DataError, match='"a" has no number among the training rows'):
        prepared(source)


def test_categories_are_one_hot_in_sorted_order_with_missing_last(load_table: Load) -> None:
    source = load_table("a,b,c,y\n1,z,p,0.5\n2,,q,1.5\n3,x,p,2.5\n")
    assert source.layout.categories == {"b": Categories(("x", "z", None)), "c": Categories(("p", "q"))}
    assert source.facts.inputs == 6
    assert prepared(source).train.x.tolist() == [[1, 0, 1, 0, 1, 0], [2, 0, 0, 1, 0, 1], [3, 1, 0, 0, 1, 0]]


def test_unseen_categories_are_zeros_and_counted(load_table: Load) -> None:
    rows = "".join(f"{town},{i}.5\n" for i, town in enumerate(["a"] * 20 + ["rare"]))
    seeds = (load_table("t,y\n" + rows, split={"test": 0.5}, seed=seed) for seed in range(9))
    dataset = next(dataset for dataset in map(prepared, seeds) if dataset.warnings)
    assert dataset.train.x.shape[1] == 1
    assert dataset.test is not None
    assert (dataset.test.x == 0).sum() == 1
    assert 'test: column "t": 1 row with a category' in dataset.warnings[0]
    assert '"rare"' in dataset.warnings[0]


def test_too_many_categories_are_refused(load_table: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numbann.data.transforms.categories.MOST_CATEGORIES", 3)
    with pytest.raises(DataError, match='"a" has 4 categories') as caught:
        load_table(numbers(["p", "q", "r", "s"]))
    assert caught.value.key == "data.drop"


@pytest.mark.parametrize(("scale", "value"), [("none", "1e200"), ("standard", "1e300")])
def test_numbers_beyond_the_dtype_are_refused(load_table: Load, scale: str, value: str) -> None:
    with pytest.raises(DataError, match=r't\.csv row 2, column "a": -?1e\+(2|3)00.* is too large') as caught:
        prepared(load_table(numbers([value, "-" + value])), scale, "float32")
    assert caught.value.key == "data.scale"


def test_blocks_do_not_show(load_table: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    source = load_table("a,b,y\n" + "".join(f"{i},{i * i},{i}.5\n" for i in range(30)), split={"test": 0.3})
    whole = prepared(source, "standard")
    monkeypatch.setattr(table_module, "BLOCK_BYTES", 16 * 4)
    blocks = prepared(source, "standard")
    np.testing.assert_allclose(blocks.train.x, whole.train.x, rtol=1e-12, atol=1e-12)
    assert (blocks.train.x.flags.c_contiguous, blocks.train.x.dtype) == (True, np.float64)
