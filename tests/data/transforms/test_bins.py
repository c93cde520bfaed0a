"""Bins: their edges, their inputs, how many there are, and that new rows get the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data import memory
from numbann.data.preprocessing import Preprocessing
from numbann.data.source import Dataset, SplitData, load
from numbann.data.streaming import Streamed
from numbann.data.transforms import bins as module
from numbann.data.transforms.bins import Bins
from numbann.errors import DataError
from numbann.model.preprocessing import restore_preprocessing

Load = Callable[..., SplitData]
TABLE = "a,b,flag,town,y\n" + "".join(
    f"{k},{'' if k % 9 == 4 else k * k % 23},{k % 2},{'Rome' if k % 3 else 'Oslo'},{(k > 20) + k % 4}.5\n"
    for k in range(40)
)


def prepared(source: SplitData, scale: Any = "none", target: str = "real") -> Dataset:
    dataset = source.prepare(target=target, scale=scale, target_scale="none", dtype="float64")
    stored = json.loads(json.dumps(dataset.preprocessing.to_dict()))
    assert restore_preprocessing(stored) == dataset.preprocessing
    assert source.facts.inputs == dataset.train.x.shape[1]
    return dataset


def bins(count: int | str, by: str = "quantiles") -> dict[str, Any]:
    return {"count": count, "by": by}


def test_a_bin_is_filled_from_one_edge_to_the_next() -> None:
    x = np.empty((5, 3), np.float32)
    Bins((0.0, 1.0, 3.0, 4.0)).write(np.array([-7.0, 0.25, 2.0, 4.0, 1e300]), x)
    assert x.tolist() == [[0, 0, 0], [0.25, 0, 0], [1, 0.5, 0], [1, 1, 1], [1, 1, 1]]


def test_edges_are_quantiles_or_thresholds_of_a_tree() -> None:
    values = np.arange(9.0)
    assert Bins.fit(values, None, 4) == Bins((0, 2, 4, 6, 8))
    assert Bins.fit(values, (values > 2)[:, None] * 1.0, 4) == Bins((0, 2.5, 8))
    assert Bins.fit(np.repeat([0.0, 5.0, 6.0], [4, 4, 1]), None, 4) == Bins((0, 5, 6))


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 1.0, 1.0]])
def test_two_values_need_no_bins(values: list[float]) -> None:
    assert Bins.fit(np.array(values), None, 48) is None


def test_huge_and_tiny_numbers_have_bins() -> None:
    fitted = Bins.fit(np.array([-1.7e308, -5e-324, 0, 5e-324, 1.7e308]), None, 4)
    assert fitted is not None
    x = np.empty((3, len(fitted)))
    fitted.write(np.array([-1.7e308, 0, 1.7e308]), x)
    assert np.isfinite(x).all()


@pytest.mark.parametrize("by", ["quantiles", "target"])
def test_bins_stand_beside_the_number_and_before_its_indicator(load_table: Load, by: str) -> None:
    dataset = prepared(load_table(TABLE, missing="indicate", bins=bins(5, by)))
    encoding = dataset.preprocessing.encoding
    a, b = (len(encoding.bins[name]) for name in "ab")
    assert (set(encoding.bins), encoding.places["b"]) == ({"a", "b"}, slice(1 + a, 3 + a + b))
    lacking = np.arange(40) % 9 == 4
    x = dataset.train.x
    assert x[:, encoding.places["b"]][:, -1].tolist() == lacking.tolist()
    assert x[:, 0].tolist() == list(range(40))
    edges = np.array(encoding.bins["a"].edges)
    expected = np.clip((np.arange(40)[:, None] - edges[:-1]) / np.diff(edges), 0, 1)
    np.testing.assert_allclose(x[:, 1 : 1 + a], expected, rtol=1e-14)


def test_a_scale_leaves_bins_alone(load_table: Load) -> None:
    one, other = (prepared(load_table(TABLE, missing="median", bins=bins(4)), scale) for scale in ("none", "standard"))
    place = slice(1, 1 + len(one.preprocessing.encoding.bins["a"]))
    assert one.train.x[:, place].tobytes() == other.train.x[:, place].tobytes()
    assert abs(other.train.x[:, 0].mean()) < 1e-12


def test_bins_are_fitted_on_training_rows_that_have_a_number(load_table: Load) -> None:
    source = load_table(TABLE, missing="median", bins=bins(48, "target"), split={"test": 0.5})
    raw, rows = source.parts["train"]
    there = raw.table.column(rows, 1)
    edges = source.layout.bins["b"].edges
    assert (edges[0], edges[-1]) == (np.nanmin(there), np.nanmax(there))
    other = load_table(TABLE.replace("39,", "3900,"), missing="median", bins=bins(48, "target"), split={"test": 0.5})
    same = 39 not in np.arange(40)[rows]
    assert (source.layout.bins["a"] == other.layout.bins["a"]) == same


def test_columns_have_bins_of_their_own_or_none(load_table: Load) -> None:
    columns = {"a": {"bins": bins(3)}, "b": {"bins": bins(0, "target")}}
    source = load_table(TABLE, missing="median", columns=columns, bins=bins(10))
    assert {name: len(one) for name, one in source.layout.bins.items()} == {"a": 3}
    with pytest.raises(DataError, match='column "town": bins are for numbers, and this column holds categories'):
        load_table(TABLE, missing="median", columns={"town": {"bins": bins(3)}})


@pytest.mark.parametrize("target", ["town", "y", ["y", "flag"]])
def test_classes_and_several_targets_have_a_tree(load_table: Load, target: Any) -> None:
    source = load_table(TABLE, target, missing="median", bins=bins(6, "target"), drop=["b"])
    assert 1 < len(source.layout.bins["a"]) <= 6


def test_many_columns_get_fewer_bins_and_then_none(load_table: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    for most, counts, note in (
        (16, [5, 5], "10 inputs of 2 columns"),
        (14, [4, 4], "8 inputs of 2"),
        (11, [], "0 inputs of 0"),
    ):
        monkeypatch.setattr(module, "MOST_INPUTS", most)
        source = load_table(TABLE, missing="median", bins=bins(48))
        assert [len(one) for one in source.layout.bins.values()] == counts
        (found,) = (one for one in source.facts.notes if one.startswith("bins"))
        assert note in found
        assert found.endswith("48 a column would be more than 2000 inputs")


def test_a_sample_of_many_rows_is_fitted(load_table: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numbann.data.layout.FITTED", 10)
    assert load_table(TABLE, missing="median", bins=bins(48)).layout.bins["a"].edges[:2] == (0, 36 / 48)


def test_new_rows_get_the_same_bins(load_table: Load, tmp_path: Path) -> None:
    dataset = prepared(load_table(TABLE, missing="indicate", bins=bins(7, "target")), ["robust", "clip"])
    stored = json.loads(json.dumps(dataset.preprocessing.to_dict()))
    fitted: Preprocessing = restore_preprocessing(stored)
    x = np.asarray(fitted.read(tmp_path / "t.csv", need_target=False).x)
    assert x.tobytes() == np.asarray(dataset.train.x).tobytes()
    assert fitted.encoding.affine() is None


@pytest.mark.parametrize("edges", [[0.0], [], [1.0, 1.0], [2.0, 1.0, 3.0], [0.0, float("inf")], [0, "1"]])
def test_damaged_edges_are_refused(load_table: Load, edges: list[Any]) -> None:
    stored = prepared(load_table(TABLE, missing="indicate", bins=bins(7))).preprocessing.to_dict()
    stored["encoding"]["bins"]["a"] = edges
    with pytest.raises(ValueError, match=r"bins|edges"):
        restore_preprocessing(stored)


def test_streamed_rows_have_the_same_bits(
    tmp_path: Path, section: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(90) % 3)

    def inputs() -> Any:
        given = section({"x": "x.npy", "y": "y.npy"}, None, bins=bins(5, "target"), split={"test": 0.2})
        return (
            load(given, tmp_path, 0)
            .prepare(target="label", scale="robust", target_scale="none", dtype="float32")
            .train.x
        )

    kept = inputs()
    monkeypatch.setattr(memory, "SHARE", 0)
    streamed = inputs()
    assert isinstance(streamed, Streamed)
    assert streamed[:].tobytes() == kept.tobytes()


@pytest.mark.parametrize(
    ("rows", "classes", "count"),
    [(10, False, 4), (320, False, 5), (3200, True, 48), (3200, False, 50), (10**6, False, 128), (10**6, True, 48)],
)
def test_a_count_by_rows(rows: int, classes: bool, count: int) -> None:
    assert module.count_bins({"count": "by-rows"}, rows, classes) == count
    assert module.count_bins({"count": 7}, rows, classes) == 7


def test_bins_by_rows_are_those_of_their_number(load_table: Load) -> None:
    one, other = (load_table(TABLE, missing="median", bins=bins(count)) for count in ("by-rows", 4))
    assert one.layout.bins == other.layout.bins


@pytest.mark.parametrize("by_target", [False, True])
def test_no_edge_is_between_numbers_that_differ_by_rounding(by_target: bool) -> None:
    """The cosines of days 3 and 4 of a week are one number; how each is rounded differs between libraries."""
    values = np.cos(2 * np.pi * np.arange(70) / 7)
    assert len(np.unique(values)) > len(np.unique(values.round(9)))
    fitted = Bins.fit(values, np.sin(np.arange(70.0))[:, None] if by_target else None, 32)
    assert fitted is not None
    assert np.diff(fitted.edges).min() > 1e-3
    outlier = Bins.fit(np.array([*range(20), 1e300]) / 1e3, None, 20)
    assert outlier is not None
    assert len(outlier) == 20
