"""Fixtures: `data` sections of a spec with all defaults, and files in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbann.data.source import SplitData, load
from numbann.spec.model import Csv, to_json

NA = ["", "NA", "NaN", "nan", "null", "?"]


@pytest.fixture
def section() -> Callable[..., dict[str, Any]]:
    """section(path, target, **changes): the `data` object; `csv` and `split` take only what differs."""

    def build(path: Any, target: Any = "y", csv: Any = None, split: Any = None, **changes: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {
            "path": path,
            "format": "auto",
            "csv": {**to_json(Csv()), "na": NA} | (csv or {}),
            "target": target,
            "task": "auto",
            "features": None,
            "drop": [],
            "categorical": [],
            "missing": "error",
            "columns": {},
            "rows": None,
            "categories": None,
            "scale": "auto",
            "bins": None,
            "target_scale": "auto",
            "target_clip": False,
            "weight": None,
            "class_weight": None,
            "split": {"validation": 0, "test": 0, "stratify": "auto"} | (split or {}),
        }
        assert set(changes) <= set(defaults)
        return defaults | changes

    return build


@pytest.fixture
def load_table(tmp_path: Path, section: Callable[..., dict[str, Any]]) -> Callable[..., SplitData]:
    """load_table(text, target, **changes): text (or bytes) written to t.csv, or to `name`, and loaded."""

    def build(content: str | bytes, target: Any = "y", name: str = "t.csv", seed: int = 0, **changes: Any) -> SplitData:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return load(section(name, target, **changes), tmp_path, seed)

    return build
