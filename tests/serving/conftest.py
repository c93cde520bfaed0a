"""A model of a table with numbers, categories and missing cells, and one of numbers alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import numbann

COLOURS = ("blue", "green", "red")


def table(path: Path) -> None:
    """Write a table: a number that may be missing, a whole one, a category, an order, and yes or no."""
    draw = random.Random(0)
    lines = ["size,rooms,kind,grade,sold"]
    for k in range(90):
        size, kind = round(draw.gauss(50, 10), 2), draw.choice(["flat", "house", "hut"])
        sold = ("no", "yes")[(size > 50) ^ (kind == "hut")]
        lines.append(f"{'' if k % 9 == 4 else size},{k % 5},{kind},{('low', 'mid', 'high')[k % 3]},{sold}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> numbann.Model:
    """A model of mixed columns."""
    here = tmp_path_factory.mktemp("homes")
    table(here / "homes.csv")
    data = {"path": str(here / "homes.csv"), "target": "sold", "columns": {"grade": {"order": ["low", "mid", "high"]}}}
    spec = {"data": data, "model": {"layers": [8]}, "train": {"epochs": 3}}
    return numbann.train(spec, output=here / "run").model


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of two numbers and a colour, points.csv, and a run of it."""
    here, draw = tmp_path_factory.mktemp("points"), random.Random(0)
    lines = ["x,y,colour"]
    for k in range(120):
        lines.append(f"{draw.gauss(3 * (k % 3), 0.5):.3f},{draw.gauss(-3 * (k % 2), 0.5):.3f},{COLOURS[k % 3]}")
    (here / "points.csv").write_text("\n".join(lines) + "\n")
    data = {"path": str(here / "points.csv"), "target": "colour"}
    numbann.train({"data": data, "model": {"layers": [8]}, "train": {"epochs": 4}}, output=here / "run")
    return here


@pytest.fixture(scope="session")
def colours(points: Path) -> numbann.Model:
    """A model of two numbers, which the engine scales itself."""
    return numbann.load(points / "run")


@pytest.fixture(scope="session")
def prices(points: Path) -> numbann.Model:
    """A model of two targets."""
    data = {"path": str(points / "points.csv"), "target": ["x", "y"]}
    return numbann.train({"data": data, "model": {"layers": []}, "train": {"epochs": 1}}, output=points / "two").model


@pytest.fixture(scope="session")
def both(points: Path) -> numbann.Model:
    """A model of two networks."""
    data = {"path": str(points / "points.csv"), "target": "colour"}
    spec = {"data": data, "model": {"layers": [8]}, "train": {"epochs": 1}, "ensemble": {"folds": 2}}
    return numbann.train(spec, output=points / "both").model
