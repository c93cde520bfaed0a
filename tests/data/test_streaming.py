"""Streamed inputs of a mapped file equal those kept in memory, bit for bit."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data import memory, streaming
from numbann.data.readers.idx import TYPES
from numbann.data.source import Dataset, Part, SplitData, load
from numbann.data.streaming import Streamed
from numbann.data.table import BLOCK_BYTES
from numbann.errors import DataError

Section = Callable[..., dict[str, Any]]
Both = Callable[..., tuple[Dataset, Dataset]]
ROWS, SPLIT = 90, {"validation": 0.2, "test": 0.1}
random = np.random.default_rng(0)
X = random.integers(0, 200, (ROWS, 3, 4))
Y = random.integers(0, 3, ROWS)


def write(path: Path, array: np.ndarray, code: int | None = None) -> str:
    """Write an array as .npy, or as IDX with a type code."""
    if code is None:
        np.save(path.with_suffix(".npy"), array)
        return path.with_suffix(".npy").name
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(bytes([0, 0, code, array.ndim]) + shape + array.astype(TYPES[code]).tobytes())
    return path.name


@pytest.fixture
def both(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> Both:
    """both(path, scale, **changes): the dataset in memory, and streamed."""

    def build(path: Any, scale: str, **changes: Any) -> tuple[Dataset, Dataset]:
        source = load(section(path, None, split=SPLIT, **changes), tmp_path, 0)
        whole = prepared(source, scale)
        monkeypatch.setattr(memory, "SHARE", 0)
        return whole, prepared(source, scale)

    return build


def prepared(source: SplitData, scale: str) -> Dataset:
    return source.prepare(target="label", scale=scale, target_scale="none", dtype="float32")


def check_same(whole: Dataset, streamed: Dataset) -> None:
    """The same preprocessing, and the same rows in any order and portion."""
    assert streamed.preprocessing == whole.preprocessing
    assert streamed.warnings == whole.warnings
    for name in ("train", "validation", "test"):
        kept: Part = getattr(whole, name)
        asked: Part = getattr(streamed, name)
        assert isinstance(kept.x, np.ndarray)
        assert isinstance(asked.x, Streamed)
        assert len(asked.x) == len(kept.x)
        order = np.random.default_rng(1).permutation(len(kept.x))
        out = np.full_like(kept.x, np.nan)
        asked.x.take(order, out)
        assert out.tobytes() == kept.x[order].tobytes()
        assert asked.x[2:5].tobytes() == kept.x[2:5].tobytes()
        np.testing.assert_array_equal(asked.t, kept.t)


@pytest.mark.parametrize("scale", ["none", "byte", "minmax", "standard"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "bool"])
def test_npy(tmp_path: Path, both: Both, dtype: str, scale: str) -> None:
    path = {"x": write(tmp_path / "x", X.astype(dtype)), "y": write(tmp_path / "y", Y)}
    check_same(*both(path, scale))


@pytest.mark.parametrize("code", TYPES)
def test_idx(tmp_path: Path, both: Both, code: int) -> None:
    check_same(*both({"images": write(tmp_path / "x", X, code), "labels": write(tmp_path / "y", Y, 8)}, "standard"))


def test_portions_do_not_show(tmp_path: Path, both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PIECE_BYTES", 7 * 12 * 4)
    monkeypatch.setattr(streaming, "available", lambda: 0)  # so that rows are announced
    check_same(*both({"x": write(tmp_path / "x", X), "y": write(tmp_path / "y", Y)}, "standard"))


@pytest.mark.parametrize("missing", ["mean", "median"])
def test_chosen_columns_categories_and_missing_numbers(tmp_path: Path, both: Both, missing: str) -> None:
    x = np.where(X % 7 == 0, np.nan, X % 50).reshape(ROWS, 12)
    x[:, 5] = np.arange(ROWS) % 4
    path = {"x": write(tmp_path / "x", x), "y": write(tmp_path / "y", Y)}
    changes = {"drop": ["x[1]", "x[7]"], "categorical": ["x[5]"], "missing": missing}
    whole, streamed = both(path, "standard", **changes)
    assert whole.preprocessing.encoding.inputs == 9 + 4
    check_same(whole, streamed)


def test_a_mapped_array_is_not_copied(tmp_path: Path, section: Section) -> None:
    path = {"x": write(tmp_path / "x", X), "y": write(tmp_path / "y", Y)}
    table = load(section(path, None, split=SPLIT, drop=["x[3]"]), tmp_path, 0).parts["test"][0].table
    assert table.stored
    assert table.numbers.shape == (ROWS, 12)
    assert table.block(slice(0, 1)).shape == (1, 11)


def test_new_files_are_streamed_too(tmp_path: Path, both: Both) -> None:
    path = {"x": write(tmp_path / "x", X), "y": write(tmp_path / "y", Y)}
    _, streamed = both(path, "standard")
    x, _, _, _, _ = streamed.preprocessing.read(tmp_path / "x.npy", need_target=False)
    assert isinstance(x, Streamed)
    np.testing.assert_array_equal(x[:], streamed.preprocessing.transform(X))


def test_too_large_numbers_are_refused_when_asked_for(
    tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = {"x": write(tmp_path / "x", np.where(X == 199, 1e200, X)), "y": write(tmp_path / "y", Y)}
    monkeypatch.setattr(memory, "SHARE", 0)
    x = prepared(load(section(path, None), tmp_path, 0), "none").train.x
    with pytest.raises(DataError, match=r'x\.npy row \d+, column "x\[\d+\]": 1e\+200, once scaled, is too large'):
        x[:]


def test_fortran_order_is_turned_where_it_fits(
    tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    y = write(tmp_path / "y", Y)
    whole = load(section({"x": write(tmp_path / "x", X), "y": y}, None), tmp_path, 0)
    turned = load(section({"x": write(tmp_path / "f", np.asfortranarray(X)), "y": y}, None), tmp_path, 0)
    np.testing.assert_array_equal(prepared(turned, "none").train.x, prepared(whole, "none").train.x)
    monkeypatch.setattr(memory, "SHARE", 0)
    with pytest.raises(DataError, match=r"f\.npy: lies column after column .*ascontiguousarray"):
        load(section({"x": "f.npy", "y": y}, None), tmp_path, 0)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([{}, 1], dtype=object), "pickled objects, which are refused"),
        (X + 1j, "holds complex"),
        (X.astype("datetime64[s]"), "holds datetime"),
        (X[:0], "holds nothing"),
        (X[:5], '"x" has 5 rows but "y" has 90'),
        (np.where(X == 7, np.nan, X), "a missing number"),
    ],
)
def test_faults(tmp_path: Path, section: Section, array: np.ndarray, message: str) -> None:
    path = {"x": write(tmp_path / "x", array), "y": write(tmp_path / "y", Y)}
    with pytest.raises(DataError, match=message):
        load(section(path, None), tmp_path, 0)


def test_standardising_in_one_pass_is_exact(tmp_path: Path, section: Section) -> None:
    """Over blocks of numbers far from 0 the mean and the deviation are those of two passes."""
    x = 1e6 + random.standard_normal((2 * BLOCK_BYTES // 8 // 4, 4))
    path = {"x": write(tmp_path / "x", x), "y": write(tmp_path / "y", np.arange(len(x)) % 3)}
    shift, scale = prepared(load(section(path, None), tmp_path, 0), "standard").preprocessing.encoding.affine()
    np.testing.assert_allclose(shift, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale, x.std(axis=0), rtol=1e-10)


def test_available_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.available() > 1 << 20
    monkeypatch.setattr(memory, "limits", lambda name: [["max"], ["1000"], ["2000"]] if name == "memory.max" else [])
    assert memory.available() == 1000
    assert memory.fits(250)
    assert not memory.fits(251)
    monkeypatch.setattr(memory, "limits", lambda name: [["max"], ["1000", "or", "so"]])
    monkeypatch.setattr(memory, "SYSTEM", tmp_path / "none")
    assert memory.available() > 1 << 20
