"""Specs with values that fit nowhere: each is planned, or refused by an error that says where.

CASES=20000 tries more of them than the suite does.
"""

from __future__ import annotations

import copy
import json
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from numbann.errors import NumbannError
from numbann.training.preparation import prepare

CASES = int(os.environ.get("CASES", "400"))
LAYER = {"units": 4, "activation": "relu", "dropout": 0.1, "norm": "batch"}
SPECS: list[dict[str, Any]] = [
    {
        "data": {"path": "d.npz", "target": "y"},
        "model": {"layers": [LAYER], "init": "auto", "input": {"scale": True}},
        "optimizer": {"type": "adam", "learning_rate": 0.001},
        "train": {"epochs": 2, "batch_size": 16, "early_stopping": {"patience": 3}, "clip_norm": 1.0},
        "seed": 3,
    },
    {
        "data": {
            "path": {"train": "t.csv", "test": "t.csv"},
            "target": "y",
            "split": {"validation": 0.2},
            "class_weight": {"yes": 2},
            "missing": "mean",
            "csv": {"delimiter": ",", "header": True, "na": ["?"]},
            "categorical": ["a"],
        },
        "model": {"layers": [{"units": 4, "activation": {"type": "elu", "alpha": 0.5}, "residual": False}]},
        "optimizer": "sgd",
        "schedule": {"type": "cosine", "warmup_epochs": 1},
        "loss": "auto",
    },
    {
        "data": {"path": "t.csv", "target": ["b"], "scale": ["robust", "clip"], "drop": ["c"], "weight": "a"},
        "model": {"layers": [{"units": 3}], "dtype": "float64", "output_activation": "auto"},
        "optimizer": {"type": "lbfgs"},
        "train": {"metrics": ["mae"], "average": 0.9, "threads": 1},
        "plugins": [],
        "output": "o",
    },
]
NUMBERS = [-1, 0, 1, 2.5, 2**31, 2**63, 10**30, 10**300, -(10**400), 1e308, 5e-324, -0.0]
TEXTS = [
    "",
    "x",
    "auto",
    "NaN",
    "1",
    "../../../etc/passwd",
    "/dev/zero",
    "/proc/self/mem",
    "d.npz",
    "\0",
    "a\0b",
    "x" * 5000,
]
LISTS = [[], [[]], [None], [1, 2], ["y"], ["y", "y"], [{}], [{"units": 10**6}] * 2, [{"units": 1}] * 100]
OBJECTS = [{}, {"a": 1}, {"type": "relu"}, {"type": None}, {"type": "adam", "x": 1}, {"train": {"x": "d.npz"}}]
VALUES = [None, True, False, *NUMBERS, *TEXTS, *LISTS, *OBJECTS]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to each value within a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*place, key)
        yield from places(value[key], (*place, key))


def damage(spec: Any, draw: random.Random) -> None:
    """Remove, rename or replace a value at some place."""
    found = list(places(spec))
    if not found:
        return
    *way, last = draw.choice(found)
    for key in way:
        spec = spec[key]
    match draw.randrange(8):
        case 0:
            del spec[last]
        case 1 if isinstance(spec, dict):
            spec[f"{last}s"] = spec.pop(last)
        case _:
            spec[last] = copy.deepcopy(draw.choice(VALUES))


def test_damage_is_planned_or_refused(here: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    np.savez("d.npz", x=x, y=(x.sum(1) > 0).astype(int))
    rows = [f"{k % 7},{k * 0.5},{'uvw'[k % 3]},{('no', 'yes')[k % 2]}" for k in range(60)]
    (here / "t.csv").write_text("\n".join(["a,b,c,y", *rows]))
    draw, refused = random.Random(0), 0
    for case in range(CASES):
        spec = copy.deepcopy(SPECS[case % len(SPECS)])
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            damage(spec, draw)
        (here / "s.json").write_text(json.dumps(spec))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                prepare("s.json", None, lambda event: None)
        except NumbannError:
            refused += 1
        except Exception as error:
            error.add_note(json.dumps(spec))
            raise
    assert CASES / 3 < refused < CASES
    assert {path.name for path in here.iterdir()} == {"d.npz", "t.csv", "s.json"}
