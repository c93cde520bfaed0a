"""A small table and a spec for it, for tests of what surrounds training.  The networks are tiny."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent / "helpers"))  # for `import networks` in tests of the engine

CENTRES = {"blue": (0.0, 3.0), "green": (3.0, 0.0), "red": (-3.0, 0.0)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def blobs(here: Path) -> Path:
    """blobs.csv: x, y, their sum and a colour; three clouds of 40 points."""
    draw = random.Random(0)
    lines = ["x,y,sum,colour"]
    for index in range(120):
        colour = sorted(CENTRES)[index % 3]
        x, y = (round(draw.gauss(centre, 0.5), 3) for centre in CENTRES[colour])
        lines.append(f"{x},{y},{x + y:.3f},{colour}")
    path = here / "blobs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def write_spec(blobs: Path) -> Callable[..., Path]:
    """Write spec.json for the colours of blobs.csv, with sections updated: write_spec(train={"epochs": 3})."""

    def write(**changes: Any) -> Path:
        spec: dict[str, Any] = {
            "data": {"path": blobs.name, "target": "colour", "drop": ["sum"]},
            "model": {"layers": [{"units": 8, "activation": "tanh"}]},
            "optimizer": {"type": "adam", "learning_rate": 0.01},
            "train": {"epochs": 4, "batch_size": 16},
        }
        for key, value in changes.items():
            spec[key] = {**spec.get(key, {}), **value} if isinstance(value, dict) else value
        path = blobs.parent / "spec.json"
        path.write_text(json.dumps(spec, indent=2))
        return path

    return write
