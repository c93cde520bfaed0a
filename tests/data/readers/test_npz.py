"""NumPy's files: arrays become columns without a copy, and nothing pickled is ever loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.source import SplitData, load
from numbann.errors import DataError

Section = Callable[..., dict[str, Any]]
X = np.arange(24, dtype=np.float32).reshape(6, 2, 2)
Y = np.array([0.5, 1, 2, 3, 4, 5])


def real(source: SplitData) -> Any:
    return source.prepare(target="real", scale="none", target_scale="none", dtype="float32").train


def test_x_and_y_are_the_default_and_are_flattened(tmp_path: Path, section: Section) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    source = load(section("d.npz", None), tmp_path, 0)
    assert source.facts.features == ("x[0]", "x[1]", "x[2]", "x[3]")
    assert source.task.names == ("y",)
    np.testing.assert_array_equal(real(source).x, X.reshape(6, 4))
    np.testing.assert_array_equal(real(source).t, Y[:, None])


def test_named_arrays_stand_beside_each_other(tmp_path: Path, section: Section) -> None:
    town = np.array(["b", "a", "b", "a", "b", "a"])
    np.savez(tmp_path / "d.npz", grid=X, age=Y, town=town, out=np.stack([Y, -Y], axis=1))
    source = load(section("d.npz", ["out"], features=["age", "town", "grid"]), tmp_path, 0)
    assert source.facts.features == ("age", "town", "grid[0]", "grid[1]", "grid[2]", "grid[3]")
    assert source.task.names == ("out[0]", "out[1]")
    assert real(source).x[1].tolist() == [1, 1, 0, 4, 5, 6, 7]
    assert real(source).t[1].tolist() == [1, -1]


@pytest.mark.parametrize("x", ["x.npy", "d.npz:x"])
def test_pairs_of_arrays(tmp_path: Path, section: Section, x: str) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    np.save(tmp_path / "x.npy", X)
    source = load(section({"x": x, "y": "d.npz:y"}, None), tmp_path, 0)
    assert source.facts.format == "npy"
    np.testing.assert_array_equal(real(source).x, X.reshape(6, 4))


def test_one_array_is_not_copied(tmp_path: Path, section: Section) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    numbers = load(section("d.npz", None), tmp_path, 0).parts["train"][0].table.numbers
    assert numbers.dtype == np.float32
    assert numbers.base is not None


def test_bytes_are_scaled_as_bytes_but_booleans_are_not(tmp_path: Path, section: Section) -> None:
    for dtype, scale in ((np.uint8, "byte"), (bool, "standard"), (np.int64, "standard")):
        np.savez(tmp_path / "d.npz", x=X.astype(dtype), y=Y)
        assert load(section("d.npz", None), tmp_path, 0).facts.scale == scale


def test_booleans_are_classes(tmp_path: Path, section: Section) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y > 2)
    assert load(section("d.npz", None), tmp_path, 0).task.classes_or_pairs == (False, True)


GOOD = {"x": X, "y": Y}
FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "pickled": ({"x": np.array([{}, 1], dtype=object), "y": Y}, {}, "pickled objects, which are refused"),
    "unknown array": (GOOD, {"features": ["X1"]}, 'has no array "X1"'),
    "unknown target": ({"x": X, "labels": Y}, {"target": "label"}, 'did you mean "labels"'),
    "rows": ({"x": X, "y": Y[:5]}, {}, '"x" has 6 rows but "y" has 5'),
    "infinite": ({"x": np.where(X == 9, np.inf, X), "y": Y}, {}, r'd.npz row 3, column "x\[1\]": an infinite'),
    "missing": ({"x": np.where(X == 9, np.nan, X), "y": Y}, {}, r'd.npz row 3, column "x\[1\]": a missing'),
    "complex": ({"x": X + 1j, "y": Y}, {}, "holds complex"),
    "empty": ({"x": X[:0], "y": Y[:0]}, {}, "holds nothing"),
    "scalar": ({"x": np.float64(1), "y": Y}, {}, "holds nothing"),
    "no such member": (GOOD, {"path": {"x": "d.npz:z", "y": "d.npz:y"}}, 'has no array "z"'),
    "no member": (GOOD, {"path": {"x": "d.npz", "y": "d.npz:y"}}, "is no array; give"),
    "no path": (GOOD, {"path": {"x": 3, "y": "d.npz:y"}}, "3 is not allowed; give a file name"),
    "odd pair": (GOOD, {"path": {"x": "d.npz:x", "labels": "d.npz:y"}}, "missing; give a file name"),
}


@pytest.mark.parametrize(("arrays", "changes", "message"), FAULTS.values(), ids=FAULTS)
def test_faults(tmp_path: Path, section: Section, arrays: dict, changes: dict, message: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load(section(**({"path": "d.npz", "target": None} | changes)), tmp_path, 0)
    assert "\n" not in str(caught.value)


def test_damaged_files(tmp_path: Path, section: Section) -> None:
    np.savez(tmp_path / "whole.npz", x=X, y=Y)
    np.save(tmp_path / "whole.npy", X)
    npz, npy = (tmp_path / "whole.npz").read_bytes(), (tmp_path / "whole.npy").read_bytes()
    (tmp_path / "d.npz").write_bytes(npz[: len(npz) // 2])
    with pytest.raises(DataError, match=r"is no \.npz file"):
        load(section("d.npz", None), tmp_path, 0)
    for content in (npy[:100], npy[:-8], b"", b"text"):
        (tmp_path / "d.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"d\.npy: (not a whole array|216 bytes where its header)"):
            load(section({"x": "d.npy", "y": "d.npy"}, None), tmp_path, 0)
    (tmp_path / "d.npz").write_bytes(npz[:60] + bytes(20) + npz[80:])
    with pytest.raises(DataError, match=r"d\.npz: "):
        load(section("d.npz", None), tmp_path, 0)
