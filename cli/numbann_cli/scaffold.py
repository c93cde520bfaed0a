"""Creates a new plugin as a distribution, from the templates beside this file.  Existing files are not overwritten."""

from __future__ import annotations

import builtins
import importlib.util
import json
import random
import re
from collections.abc import Iterator
from importlib.resources import files
from keyword import iskeyword
from math import cos, sin
from pathlib import Path
from string import Template
from typing import Any

import click

ROWS = 240  # of the example's data
NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?")  # pip takes no others in a distribution's name
COMPILED = (
    "compares the derivative with differences, looks at precision and at extreme inputs, and times it beside others"
)
CHECKS = {  # what `numbann plugins check` does with each kind
    "activation": COMPILED,
    "embedding": COMPILED,
    "loss": COMPILED,
    "optimizer": "lets it go down a parabola, looks at precision and at extreme inputs, and times it beside others",
    "schedule": "looks at its factors over a training",
    "initializer": "looks at its weights",
    "metric": "compares right predictions with random ones",
}


def component_name(given: str, kind: str) -> str:
    """Return a component's name, without "numbann-" and with underscores for dashes; UsageError if it cannot be one."""
    name = re.sub("^numbann[-_]", "", given).replace("-", "_")
    reason = _reason_against(name, kind)
    if reason:
        raise click.UsageError(f'"{given}" is no name for a component: {reason}')
    return name


def _reason_against(name: str, kind: str) -> str:
    if not NAME.fullmatch(name):
        return "give letters of English, digits and _, a letter first, such as swish2"
    if iskeyword(name) or name in dir(builtins):
        return "it is a word of Python; add to it, such as my_swish"
    if name in _names_used(kind):
        return "the plugin's module uses this name itself; add to it, such as my_swish"
    if importlib.util.find_spec(f"numbann_{name}") is not None:
        return f"there is a module numbann_{name} already; give another"
    return ""


def _names_used(kind: str) -> set[str]:
    """Return the names that a template imports, and the argument of its hook."""
    imports = re.findall("^from .* import (.*)$$", _template(f"{kind}.py"), re.MULTILINE)
    return {"register", *(name for line in imports for name in line.split(", "))}


def create(name: str, kind: str, folder: Path) -> Path:
    """Write the distribution into a new folder, numbann-NAME, and return its path."""
    dashed = name.replace("_", "-")
    root = folder / f"numbann-{dashed}"
    if root.exists():
        raise click.UsageError(f"{root} exists already; give another name, or another folder with -o DIR")
    words = {"name": name, "dashed": dashed, "kind": kind, "module": f"numbann_{name}", "title": name.capitalize()}
    words["checks"] = CHECKS[kind]
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
        yield path, Template(_template(template)).substitute(words, use=use)
    yield f"example/{name}.json", json.dumps(_spec(name, kind), indent=2) + "\n"
    yield "example/points.csv", "\n".join(_points()) + "\n"


def _template(name: str) -> str:
    return (files("numbann_cli") / "templates" / "plugin" / f"{name}.in").read_text(encoding="utf-8")


def _use(name: str, kind: str) -> dict[str, Any]:
    """Return the part of a spec that names the component."""
    match kind:
        case "activation":
            return {"model": {"layers": [{"units": 32, "activation": name}, {"units": 32, "activation": name}]}}
        case "embedding":
            return {"model": {"input": {"embedding": name}, "layers": [{"units": 32}, {"units": 32}]}}
        case "initializer":
            return {"model": {"layers": [{"units": 32}, {"units": 32}], "init": name}}
        case "schedule":
            return {"schedule": name, "optimizer": {"type": "adam", "learning_rate": 0.01}}
        case "metric":
            return {"train": {"metrics": [name, "r2"]}}
    return {kind: name}


def _spec(name: str, kind: str) -> dict[str, Any]:
    """Return the spec of a small regression on the points."""
    spec: dict[str, Any] = {
        "data": {"path": "points.csv", "target": "height"},
        "model": {"layers": [{"units": 32}, {"units": 32}]},
        "train": {"epochs": 60, "batch_size": 16},
    }
    for key, given in _use(name, kind).items():
        spec[key] = {**spec.get(key, {}), **given} if isinstance(given, dict) else given
    return spec


def _points() -> Iterator[str]:
    """Yield points of a hilly surface as lines of CSV."""
    draw = random.Random(0)
    yield "x,y,height"
    for _ in range(ROWS):
        x, y = draw.uniform(-2, 2), draw.uniform(-2, 2)
        yield f"{x:.3f},{y:.3f},{sin(1.5 * x) * cos(y):.3f}"
