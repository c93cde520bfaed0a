"""Creates a new plugin as a distribution, from the templates beside this file.  Existing files are not overwritten."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from importlib.resources import files
from keyword import iskeyword
from math import cos, sin
from pathlib import Path
from string import Template
from typing import Any

import click

KINDS = ("activation", "loss", "optimizer")
ROWS = 240  # of the example's data


def component_name(given: str) -> str:
    """Return the name as a Python name, with dashes as underscores; UsageError if it is not valid even so."""
    name = given.replace("-", "_")
    if not name.isidentifier() or iskeyword(name):
        raise click.UsageError(f'"{given}" is no name for a component; give letters, digits and _, such as swish2')
    return name


def create(name: str, kind: str, folder: Path) -> Path:
    """Write the distribution into a new folder, numbann-NAME, and return its path."""
    dashed = name.replace("_", "-")
    root = folder / f"numbann-{dashed}"
    if root.exists():
        raise click.UsageError(f"{root} exists already; give another name, or another folder with -o DIR")
    words = {"name": name, "dashed": dashed, "kind": kind, "module": f"numbann_{name}", "title": name.capitalize()}
    for path, text in _files(words, kind):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return root


def _files(words: dict[str, str], kind: str) -> Iterator[tuple[str, str]]:
    """Yield each file's path and text."""
    name = words["name"]
    use = json.dumps(_use(name, kind))
    for path, template in {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{words['module']}.py": f"{kind}.py",
        f"tests/test_{name}.py": "test.py",
    }.items():
        text = (files("numbann_cli") / "templates" / "plugin" / f"{template}.in").read_text(encoding="utf-8")
        yield path, Template(text).substitute(words, use=use)
    yield f"example/{name}.json", json.dumps(_spec(name, kind), indent=2) + "\n"
    yield "example/points.csv", "\n".join(_points()) + "\n"


def _use(name: str, kind: str) -> dict[str, Any]:
    """Return the part of a spec that names the component."""
    if kind == "activation":
        return {"model": {"layers": [{"units": 32, "activation": name}, {"units": 32, "activation": name}]}}
    return {kind: name}


def _spec(name: str, kind: str) -> dict[str, Any]:
    """Return the spec of a small regression on the points."""
    spec = {
        "data": {"path": "points.csv", "target": "height"},
        "model": {"layers": [{"units": 32}, {"units": 32}]},
        "train": {"epochs": 60, "batch_size": 16},
    }
    return {**spec, **_use(name, kind)}


def _points() -> Iterator[str]:
    """Yield points of a hilly surface as lines of CSV."""
    draw = random.Random(0)
    yield "x,y,height"
    for _ in range(ROWS):
        x, y = draw.uniform(-2, 2), draw.uniform(-2, 2)
        yield f"{x:.3f},{y:.3f},{sin(1.5 * x) * cos(y):.3f}"
