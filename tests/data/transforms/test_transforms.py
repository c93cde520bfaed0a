"""Every transform of the table: fitted on the training part, the same after JSON, in portions and streamed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data import memory
from numbann.data.choices import Choice
from numbann.data.encoding import Encoding
from numbann.data.layout import Layout
from numbann.data.source import SplitData, load
from numbann.data.streaming import Streamed
from numbann.data.table import Raw, Table
from numbann.data.transforms import MISSING, SCALES, find_missing, find_scale
from numbann.data.transforms.transform import Columns, Transform
from numbann.errors import DataError

ALL = slice(None)
X = np.random.default_rng(0).normal(3.0, 20.0, (500, 3)).round(2)
GAPS = np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)


def raw(values: np.ndarray) -> Raw:
    names = tuple(f"x{k}" for k in range(values.shape[1]))
    return Raw(Table(names, values, {}), {}, lambda row: f"row {row + 1}")


def encoded(values: np.ndarray, scale: str | list[str], missing: str = "error") -> tuple[Encoding, np.ndarray]:
    names = [f"x{k}" for k in range(values.shape[1])]
    holes = {name: int(n) for name, n in zip(names, np.isnan(values).sum(axis=0), strict=True) if n}
    layout = Layout(dict.fromkeys(names, Choice(scale, missing)), {}, {}, holes)
    encoding = layout.fit(raw(values), ALL, missing, scale)
    return encoding, encoding.apply(raw(values), ALL, "float64")


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("scale", SCALES)
def test_json_gives_it_back(scale: str, missing: str) -> None:
    encoding, x = encoded(X if missing == "error" else GAPS, [scale, "standard"], missing)
    again = Encoding.from_dict(json.loads(json.dumps(encoding.to_dict())))
    assert again == encoding
    np.testing.assert_array_equal(again.apply(raw(X), ALL, "float64"), encoding.apply(raw(X), ALL, "float64"))
    assert np.isfinite(x).all()


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_does_to_a_column_alone_what_it_does_to_all(scale: str) -> None:
    fitted = find_scale(scale).fit(Columns(raw(X), ALL))
    whole = X.copy()
    fitted.apply(whole)
    for k, column in enumerate(Columns(raw(X), ALL, [fitted]).each()):
        np.testing.assert_array_equal(column, whole[:, k])


@pytest.mark.parametrize("scale", SCALES)
def test_an_affine_scale_is_what_it_says(scale: str) -> None:
    encoding, x = encoded(X, scale)
    if (found := encoding.affine()) is not None:
        shift, factor = found
        assert x.tobytes() == ((X - shift) / factor).tobytes()


def test_scales_are_fitted_one_after_the_other() -> None:
    encoding, x = encoded(X, ["standard", "minmax"])
    assert (x.min(axis=0).tolist(), x.max(axis=0).tolist()) == ([0.0] * 3, [1.0] * 3)
    low = encoding.groups[0].scales[1].to_dict()["shift"]
    np.testing.assert_allclose(low, ((X - X.mean(axis=0)) / X.std(axis=0)).min(axis=0), rtol=1e-12)
    assert encoding.affine() is None


def test_robust() -> None:
    values = np.array([[-4.0, 2, 5], [0, 0, 5], [1, 0, 5], [2, 0, 5], [7, 0, 5], [100, -6, 5]])
    encoding, x = encoded(values, "robust")
    q25, median, q75 = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    np.testing.assert_array_equal(x[:, 0], (values[:, 0] - median[0]) / (q75[0] - q25[0]))
    np.testing.assert_array_equal(x[:, 1], values[:, 1] * 2 / (2 - -6))
    np.testing.assert_array_equal(encoding.apply(raw(values + 1), ALL, "float64")[:, 2], 0)
    with pytest.raises(DataError, match='too large for the scale "robust"'):
        encoded(np.array([[1e308], [-1e308]] * 4), "robust")


def test_clip() -> None:
    values = np.array([[0.0, 1e-9, 0.3, 3.0, -50.0, 1e300]])
    _, x = encoded(values, "clip")
    small = values[:, :-1]
    np.testing.assert_allclose(x[:, :-1], small / np.sqrt(1 + (small / 3) ** 2), rtol=1e-15)
    assert x[0, -1] == pytest.approx(3)


@pytest.mark.parametrize("missing", ["mean", "median"])
def test_missing_numbers_are_filled_before_scales_are_fitted(missing: str) -> None:
    values = getattr(np, f"nan{missing}")(GAPS, axis=0)
    _, x = encoded(GAPS, "minmax", missing)
    _, expected = encoded(np.where(np.isnan(GAPS), values, GAPS), "minmax")
    np.testing.assert_allclose(x, expected, rtol=1e-12)


def test_a_model_file_names_transforms_alone() -> None:
    stored = {"features": ["a"], "categories": {}, "missing": {"type": "error"}, "scales": [{"type": "none.os"}]}
    with pytest.raises(ValueError, match="is not in list"):
        Encoding.from_dict(stored)


@pytest.mark.parametrize("scale", [*SCALES, ["minmax", "standard"], ["robust", "clip"]], ids=str)
def test_streamed_rows_have_the_same_bits(
    tmp_path: Path, section: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, scale: str | list[str]
) -> None:
    np.save(tmp_path / "x.npy", GAPS.astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(len(X)) % 3)
    path = {"x": "x.npy", "y": "y.npy"}

    def prepared() -> Any:
        source: SplitData = load(section(path, None, missing="median", split={"test": 0.2}), tmp_path, 0)
        return source.prepare(target="label", scale=scale, target_scale="none", dtype="float32").train.x

    kept = prepared()
    monkeypatch.setattr(memory, "SHARE", 0)
    streamed = prepared()
    assert isinstance(streamed, Streamed)
    assert streamed[:].tobytes() == kept.tobytes()


def test_names_are_listed_without_numpy() -> None:
    code = "import sys; from numbann.data.transforms import SCALES; print(*SCALES, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*SCALES, "False"]


@pytest.mark.parametrize("transform", [*map(find_scale, SCALES), *map(find_missing, MISSING)])
def test_a_transform_bears_the_name_of_its_file(transform: type[Transform]) -> None:
    name = transform.fit(Columns(raw(X), ALL)).to_dict()["type"]
    assert transform is (find_scale if name in SCALES else find_missing)(name)
